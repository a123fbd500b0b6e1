// The bridge beside what others use in its place, one after the other, round by round, in front of one server without
// sign-in. Read the ratios: seconds are this machine's. Nothing here passes or fails.
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const ROUNDS = 5;
const CALLS = 300;
const MANY = 3_000;

const [omlx, installed] = process.argv.slice(2);
if (!omlx) {
  console.error('usage: node peers.mjs OMLX [FOLDER]   FOLDER has what `scripts/peers.sh` installed there');
  process.exit(2);
}

const results = {
  initialize: { protocolVersion: '2025-11-25', capabilities: { tools: {} }, serverInfo: { name: 'bench', version: '1' } },
  'tools/list': { tools: [{ name: 'echo', inputSchema: { type: 'object' } }] },
  'tools/call': { content: [{ type: 'text', text: 'hello' }] },
};

function answer(request, response) {
  const pieces = [];
  request.on('data', (piece) => pieces.push(piece));
  request.on('end', () => {
    if (request.method !== 'POST') return response.writeHead(405).end();
    const { id, method } = JSON.parse(Buffer.concat(pieces));
    if (id === undefined) return response.writeHead(202).end();
    const result = results[method];
    const outcome = result ? { result } : { error: { code: -32601, message: 'no such method' } };
    response.writeHead(200, { 'content-type': 'application/json' });
    response.end(JSON.stringify({ jsonrpc: '2.0', id, ...outcome }));
  });
}

/** One program on standard streams. */
class Way {
  constructor([program, ...words], env) {
    this.child = spawn(program, words, { env: { ...process.env, ...env }, stdio: ['pipe', 'pipe', 'ignore'] });
    this.next = 0;
    this.waiting = new Map();
    createInterface({ input: this.child.stdout }).on('line', (line) => {
      const message = JSON.parse(line);
      this.waiting.get(message.id)?.(message);
      this.waiting.delete(message.id);
    });
    this.ended = new Promise((resolve) => this.child.on('exit', resolve));
  }

  say(message) {
    this.child.stdin.write(`${JSON.stringify({ jsonrpc: '2.0', ...message })}\n`);
  }

  ask(method, params) {
    const id = ++this.next;
    const answered = new Promise((resolve) => this.waiting.set(id, resolve));
    this.say({ id, method, params });
    const gone = this.ended.then(() => Promise.reject(new Error(`${this.child.spawnfile} ended before it answered`)));
    return Promise.race([answered, gone]);
  }

  async begin() {
    const clientInfo = { name: 'bench', version: '1' };
    await this.ask('initialize', { protocolVersion: '2025-11-25', capabilities: {}, clientInfo });
    this.say({ method: 'notifications/initialized' });
    await this.ask('tools/list', {});
  }

  call() {
    return this.ask('tools/call', { name: 'echo', arguments: {} });
  }

  /** Proportional set size in MiB; nothing where the system does not tell. */
  memory() {
    try {
      const text = readFileSync(`/proc/${this.child.pid}/smaps_rollup`, 'utf8');
      return Number(/^Pss: +(\d+)/m.exec(text)[1]) / 1024;
    } catch {
      return Number.NaN;
    }
  }

  async end() {
    this.child.stdin.end();
    const timer = setTimeout(() => this.child.kill(), 2_000);
    await this.ended;
    clearTimeout(timer);
  }
}

async function timed(work) {
  const begun = performance.now();
  await work();
  return performance.now() - begun;
}

function median(times) {
  return times.sort((one, other) => one - other)[Math.floor(times.length / 2)];
}

async function round(ways, env, figures) {
  for (const [name, words] of Object.entries(ways)) {
    const way = new Way(words, env);
    figures[name].start.push(await timed(() => way.begin()));
    figures[name].idle = way.memory();
    for (let call = 0; call < CALLS; call++) figures[name].call.push(await timed(() => way.call()));
    await way.end();
  }
}

async function afterMany(words, env) {
  const way = new Way(words, env);
  await way.begin();
  for (let call = 0; call < MANY; call++) await way.call();
  const memory = way.memory();
  await way.end();
  return memory;
}

async function measure(url, folder) {
  const config = join(folder, 'mcp.json');
  writeFileSync(config, JSON.stringify({ servers: { bench: { transport: 'streamable-http', url } } }));
  const env = {
    OMLX_MCP_CONFIG: config,
    OMLX_CONNECT_HOME: join(folder, 'home'),
    OMLX_CONNECT_KEYCHAIN: 'off',
    MCP_REMOTE_CONFIG_DIR: join(folder, 'mcp-auth'),
  };
  const proxy = fileURLToPath(new URL('node_modules/mcp-remote/dist/proxy.js', import.meta.url));
  const supergateway = join(installed ?? '', 'node_modules/supergateway/dist/index.js');
  const mcpProxy = join(installed ?? '', 'python/bin/mcp-proxy');
  const ways = { bridge: [omlx, 'mcp', 'bridge', 'bench'], 'mcp-remote': [process.execPath, proxy, url] };
  if (existsSync(supergateway)) {
    ways.supergateway = [process.execPath, supergateway, '--streamableHttp', url, '--logLevel', 'none'];
  }
  if (existsSync(mcpProxy)) ways['mcp-proxy'] = [mcpProxy, '--transport', 'streamablehttp', url];
  const figures = Object.fromEntries(Object.keys(ways).map((name) => [name, { start: [], call: [] }]));
  for (let number = 0; number < ROUNDS; number++) await round(ways, env, figures);
  for (const [name, words] of Object.entries(ways)) {
    const { start, call, idle } = figures[name];
    figures[name] = { start: median(start), call: median(call) * 1_000, idle, many: await afterMany(words, env) };
  }
  const { bridge: ours, ...others } = figures;
  const line = (what, key, unit) => {
    const beside = Object.entries(others).map(
      ([name, theirs]) => `${name} ${theirs[key].toFixed(1)} ${unit} (${(theirs[key] / ours[key]).toFixed(1)} ×)`,
    );
    console.log(`${what.padEnd(28)} bridge ${ours[key].toFixed(1)} ${unit}   ${beside.join('   ')}`);
  };
  line('start to first tools/list', 'start', 'ms');
  line('one call, whole', 'call', 'µs');
  line('PSS idle', 'idle', 'MiB');
  line(`PSS after ${MANY} calls`, 'many', 'MiB');
}

const folder = mkdtempSync(join(tmpdir(), 'omlx-bench-'));
const server = createServer(answer);
server.keepAliveTimeout = 60_000;
await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
try {
  await measure(`http://127.0.0.1:${server.address().port}/mcp`, folder);
} finally {
  server.closeAllConnections();
  server.close();
  rmSync(folder, { recursive: true, force: true });
}
