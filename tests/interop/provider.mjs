// A certified authorization server (oidc-provider) in front of a small MCP server, on loopback.
//
// Neither knows anything of oMLX Connect. Prints one JSON line with its addresses when it is ready. On the MCP port,
// `GET /__calls` tells what was seen and `POST /__clock?forward=SECONDS` lets time pass here. Runs until its standard
// input ends.
import { createServer } from 'node:http';
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { EmbeddedJWK, calculateJwkThumbprint, jwtVerify } from 'jose';
import Provider, { errors } from 'oidc-provider';

// With DPOP=1 every token is bound to a key (RFC 9449), and both servers want nonces of their own.
const dpop = process.env.DPOP === '1';

const accessTokenSeconds = 3600;
const calls = [];

let forwarded = 0;
const realNow = Date.now;
Date.now = () => realNow() + forwarded;

const listening = async (server) => {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return server.address().port;
};

const mcp = createServer((request, response) => void serveMcp(request, response));
const mcpPort = await listening(mcp);
const resource = `http://127.0.0.1:${mcpPort}/mcp`;

const front = createServer();
const issuer = `http://127.0.0.1:${await listening(front)}`;

const provider = new Provider(issuer, {
  clientDefaults: { token_endpoint_auth_method: 'none' },
  scopes: ['openid', 'offline_access', 'notes:read', 'notes:write'],
  claims: { openid: ['sub'], email: ['email'] },
  cookies: { keys: ['interop'] },
  features: {
    devInteractions: { enabled: false },
    registration: { enabled: true },
    registrationManagement: { enabled: true, rotateRegistrationAccessToken: false },
    revocation: { enabled: true },
    introspection: { enabled: true },
    deviceFlow: { enabled: true },
    dPoP: { enabled: dpop, nonceSecret: dpop ? randomBytes(32) : undefined, requireNonce: () => dpop },
    resourceIndicators: {
      enabled: true,
      defaultResource: () => undefined,
      useGrantedResource: () => true,
      getResourceServerInfo(_context, indicator) {
        if (indicator !== resource) throw new errors.InvalidTarget();
        return { scope: 'notes:read notes:write', audience: resource, accessTokenFormat: 'opaque', accessTokenTTL: accessTokenSeconds };
      },
    },
  },
  findAccount: (_context, id) => ({ accountId: id, claims: () => ({ sub: id, email: `${id}@example.com` }) }),
  interactions: { url: (_context, interaction) => `/interaction/${interaction.uid}` },
  issueRefreshToken: () => true,
  pkce: { required: () => true },
  rotateRefreshToken: () => true,
  ttl: { AccessToken: accessTokenSeconds, Grant: 86400, RefreshToken: 86400, Session: 86400, Interaction: 600, IdToken: 3600 },
});
const callback = provider.callback();

front.on('request', async (request, response) => {
  const url = new URL(request.url, issuer);
  let body = '';
  if (request.method === 'POST' && url.pathname === '/token') {
    request.on('data', (chunk) => (body += chunk));
    request.on('end', () => {
      const form = new URLSearchParams(body);
      const digest = form.get('refresh_token') && createHash('sha256').update(form.get('refresh_token')).digest('hex').slice(0, 12);
      calls.push({ at: 'authorization server', path: url.pathname, grant_type: form.get('grant_type'), resource: form.get('resource'), refresh: digest, client_id: form.get('client_id'), proof: fingerprint(request.headers.dpop) });
    });
  } else {
    calls.push({ at: 'authorization server', method: request.method, path: url.pathname.replace(/[\w-]{16,}/g, ':id') });
  }
  if (url.pathname.startsWith('/interaction/')) return interact(request, response);
  return callback(request, response);
});

// The person at the screen: signs in as the same account each time, and agrees to everything asked for, at once unless
// the provider was started to ask with a page.
const asks = process.env.CONSENT === 'ask';
const consentPage = `<!doctype html><title>Consent</title><form method="post"><button>Continue</button></form>`;

async function interact(request, response) {
  const details = await provider.interactionDetails(request, response);
  const { prompt, params, session } = details;
  if (prompt.name === 'login') {
    return provider.interactionFinished(request, response, { login: { accountId: 'ada' } }, { mergeWithLastSubmission: false });
  }
  if (asks && request.method !== 'POST') {
    response.writeHead(200, { 'content-type': 'text/html' });
    return response.end(consentPage);
  }
  const grant = details.grantId ? await provider.Grant.find(details.grantId) : new provider.Grant({ accountId: session.accountId, clientId: params.client_id });
  if (params.scope) grant.addOIDCScope(params.scope);
  for (const [indicator, scopes] of Object.entries(prompt.details.missingResourceScopes ?? {})) grant.addResourceScope(indicator, scopes.join(' '));
  const grantId = await grant.save();
  return provider.interactionFinished(request, response, { consent: { grantId } }, { mergeWithLastSubmission: true });
}

const fingerprint = (proof) => proof && createHash('sha256').update(proof).digest('hex').slice(0, 12);

// RFC 9449 §4.3, by another implementation than the product's: the token's own key, this request, once, with our nonce.
const mcpNonce = randomBytes(16).toString('base64url');
const seenProofs = new Set();

async function isProven(request, token, access) {
  const { payload, protectedHeader } = await jwtVerify(request.headers.dpop, EmbeddedJWK, { typ: 'dpop+jwt', algorithms: ['ES256'] });
  if (payload.nonce !== mcpNonce) return 'use_dpop_nonce';
  const jkt = await calculateJwkThumbprint(protectedHeader.jwk);
  const ath = createHash('sha256').update(token).digest('base64url');
  const isNew = !seenProofs.has(payload.jti);
  seenProofs.add(payload.jti);
  const fits = isNew && jkt === access?.jkt && ath === payload.ath && payload.htm === request.method && payload.htu === resource;
  return fits && Math.abs(Date.now() / 1000 - payload.iat - forwarded / 1000) < 300 ? undefined : 'invalid_dpop_proof';
}

const tools = [
  { name: 'whoami', description: 'Says whose token was presented', inputSchema: { type: 'object', properties: {} } },
  { name: 'add', description: 'Adds two numbers', inputSchema: { type: 'object', properties: { a: { type: 'number' }, b: { type: 'number' } }, required: ['a', 'b'] } },
];

async function serveMcp(request, response) {
  const url = new URL(request.url, resource);
  const reply = (status, document, headers = {}) => {
    response.writeHead(status, { 'content-type': 'application/json', ...headers });
    response.end(document === undefined ? '' : JSON.stringify(document));
  };
  if (url.pathname === '/__calls') return reply(200, calls);
  if (url.pathname === '/__clock') {
    forwarded += Number(url.searchParams.get('forward')) * 1000;
    return reply(200, {});
  }
  if (url.pathname === '/.well-known/oauth-protected-resource/mcp') {
    calls.push({ at: 'MCP server', path: url.pathname });
    return reply(200, { resource, authorization_servers: [issuer], scopes_supported: ['notes:read', 'notes:write'], resource_name: 'Interop notes', dpop_bound_access_tokens_required: dpop });
  }
  if (url.pathname !== '/mcp') return reply(404, { error: 'not found' });
  const scheme = dpop ? 'DPoP' : 'Bearer';
  const token = new RegExp(`^${scheme} (.+)$`).exec(request.headers.authorization ?? '')?.[1];
  const access = token && (await provider.AccessToken.find(token));
  const unproven = dpop && token ? await isProven(request, token, access).catch(() => 'invalid_dpop_proof') : undefined;
  const good = access && !access.isExpired && [access.aud].flat().includes(resource) && !unproven;
  let body = '';
  for await (const chunk of request) body += chunk;
  const message = body ? JSON.parse(body) : {};
  calls.push({ at: 'MCP server', http: request.method, method: message.method, authorized: Boolean(good), proof: fingerprint(request.headers.dpop), unproven });
  if (!good) {
    const challenge = `${scheme} resource_metadata="http://127.0.0.1:${mcpPort}/.well-known/oauth-protected-resource/mcp"`;
    const nonce = unproven === 'use_dpop_nonce' ? { 'dpop-nonce': mcpNonce } : {};
    const error = token ? `${challenge}, error="${unproven ?? 'invalid_token'}"` : challenge;
    return reply(401, { error: 'invalid_token' }, { 'www-authenticate': error, ...nonce });
  }
  if (request.method !== 'POST') return reply(405, { error: 'method not allowed' });
  return answer(message, access, reply);
}

function answer({ id, method, params }, access, reply) {
  const result = (value) => reply(200, { jsonrpc: '2.0', id, result: value });
  switch (method) {
    case 'initialize':
      return result({ protocolVersion: '2025-06-18', capabilities: { tools: {} }, serverInfo: { name: 'interop', version: '1' } });
    case 'tools/list':
      return result({ tools });
    case 'tools/call': {
      const text = params.name === 'add' ? String(params.arguments.a + params.arguments.b) : `${access.accountId} via ${access.clientId}`;
      return result({ content: [{ type: 'text', text }] });
    }
    default:
      if (id === undefined) return reply(202);
      return reply(400, { jsonrpc: '2.0', id, error: { code: -32601, message: 'Method not found' } });
  }
}

console.log(JSON.stringify({ issuer, mcp: resource, control: `http://127.0.0.1:${mcpPort}` }));
process.stdin.resume().on('end', () => process.exit(0));
