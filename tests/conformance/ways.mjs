// The ways to the fixture server that the suite is sent: none of them adds to or takes from what is said.
import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { createServer, request as send } from 'node:http';
import { createInterface } from 'node:readline';

const STATELESS = '2026-07-28';
const VERSION = 'io.modelcontextprotocol/protocolVersion';

const listening = (server) =>
  new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(`http://127.0.0.1:${server.address().port}`)));

/// The suite cannot show a key, so this adds it to each request on the way to `target`; the rest goes through as it is.
export function withKey(target, key) {
  const { port, pathname } = new URL(target);
  const server = createServer((incoming, outgoing) => {
    const headers = { ...incoming.headers, authorization: `Bearer ${key}` };
    const { method } = incoming;
    const onward = send({ host: '127.0.0.1', port, path: pathname, method, headers }, (answer) => {
      outgoing.writeHead(answer.statusCode, answer.headers);
      outgoing.flushHeaders();
      answer.pipe(outgoing);
    });
    onward.on('error', () => outgoing.destroy());
    outgoing.on('close', () => onward.destroy());
    incoming.pipe(onward);
  });
  return listening(server).then((url) => `${url}/mcp`);
}

// One program on standard streams, and who waits for which of its answers.
class Piped {
  #waiting = new Map();
  #kept = [];
  #listener = null;

  constructor([command, ...words], env) {
    this.child = spawn(command, words, { env, stdio: ['pipe', 'pipe', 'inherit'] });
    createInterface({ input: this.child.stdout }).on('line', (line) => this.#heard(line));
  }
  tell(text) {
    this.child.stdin.write(`${text.replace(/[\r\n]/g, ' ')}\n`);
  }
  ask(id, text, hear) {
    this.#waiting.set(JSON.stringify(id), hear);
    this.tell(text);
  }
  listen(hear) {
    this.#listener = hear;
    this.#kept.splice(0).forEach(hear);
  }
  end() {
    this.child.stdin.end();
    this.child.kill();
  }
  #heard(line) {
    const message = JSON.parse(line);
    if (message.method === undefined) {
      const hear = this.#waiting.get(JSON.stringify(message.id)) ?? [...this.#waiting.values()][0];
      this.#waiting.delete(JSON.stringify(message.id));
      return hear?.(message, line);
    }
    const hear = [...this.#waiting.values()].at(-1) ?? this.#listener;
    if (hear) hear(message, line);
    else this.#kept.push(message);
  }
}

async function textOf(request) {
  const chunks = [];
  for await (const chunk of request) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}

// The status of an error in the stateless era.
const statuses = { [-32601]: 404, [-32602]: 400, [-32020]: 400, [-32021]: 400, [-32022]: 400 };

// A stream; but an answer that comes alone in the stateless era is a document, as an error has a status there.
function into(response, isStateless, headers = {}) {
  return (message, line) => {
    const isAnswer = message.method === undefined;
    if (isStateless && isAnswer && !response.headersSent) {
      const status = statuses[message.error?.code] ?? 200;
      return response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(line);
    }
    if (!response.headersSent) response.writeHead(200, { 'content-type': 'text/event-stream', ...headers });
    response.write(`event: message\ndata: ${line ?? JSON.stringify(message)}\n\n`);
    if (isAnswer) response.end();
  };
}

// Standard streams have no header fields, so whoever takes them off has to look at them.
function refusal({ host, origin, 'mcp-protocol-version': version }, message) {
  const local = /^(https?:\/\/)?(localhost|127\.0\.0\.1|\[::1\])(:\d+)?$/;
  if (!local.test(host) || (origin && !local.test(origin))) return { status: 403 };
  const meta = message?.params?._meta?.[VERSION];
  if (meta === undefined || meta === version) return undefined;
  const error = { code: -32020, message: 'mcp-protocol-version is not what the body says' };
  return { status: 400, body: JSON.stringify({ jsonrpc: '2.0', id: message.id, error }) };
}

/// The program that `words` start, over HTTP: one for each session, and one for each request that is without a session.
export function overHttp(words, env) {
  const sessions = new Map();
  const server = createServer(async (request, response) => {
    const text = await textOf(request);
    const message = text ? JSON.parse(text) : undefined;
    const refused = refusal(request.headers, message);
    if (refused) return response.writeHead(refused.status, { 'content-type': 'application/json' }).end(refused.body);
    const named = message?.params?._meta?.[VERSION];
    const isStateless = named !== undefined || request.headers['mcp-protocol-version'] === STATELESS;
    const id = request.headers['mcp-session-id'];
    if (isStateless) {
      const piped = new Piped(words, env);
      response.on('close', () => piped.end());
      return piped.ask(message.id, text, into(response, true));
    }
    if (id === undefined) return begin(sessions, new Piped(words, env), { message, text, response });
    const piped = sessions.get(id);
    if (!piped) return response.writeHead(404).end();
    return during(sessions, { id, piped }, { request, message, text, response });
  });
  return listening(server).then((url) => `${url}/mcp`);
}

function begin(sessions, piped, { message, text, response }) {
  const id = randomUUID();
  sessions.set(id, piped);
  piped.ask(message.id, text, into(response, false, { 'mcp-session-id': id }));
}

function during(sessions, { id, piped }, { request, message, text, response }) {
  if (request.method === 'DELETE') {
    sessions.delete(id);
    piped.end();
    response.writeHead(200).end();
  } else if (request.method === 'GET') {
    response.writeHead(200, { 'content-type': 'text/event-stream' }).flushHeaders();
    piped.listen(into(response, false));
  } else if (message.id !== undefined && message.method !== undefined) {
    piped.ask(message.id, text, into(response, false));
  } else {
    piped.tell(text);
    response.writeHead(202).end();
  }
}
