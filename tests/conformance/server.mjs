// Runs the official MCP conformance suite's server scenarios against the fixture server three times: directly, through
// the HTTP gateway, and through the stdio bridge. Whatever is worse than direct is a defect of ours: a check less that
// passed, or one more that failed. That the fixture itself is whole is held to the suite's own list of each revision.
//
// The scenarios of the session era are run twice more, against a server that knows the stateless era alone: what the
// gateway and the bridge translate is held to the server that needs no translation.
//
//   node server.mjs OMLX [REVISION …]
import { execFileSync, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { outcomes } from './outcomes.mjs';
import { overHttp, withKey } from './ways.mjs';

const here = dirname(fileURLToPath(import.meta.url));
const interop = join(here, '../interop');
const suite = join(interop, 'node_modules/@modelcontextprotocol/conformance');

// An extension that the fixture does not offer: without it each of them fails or is empty, whatever is in between.
const isLeftOut = (name) => name.startsWith('tasks-');

// What belongs to HTTP alone, and to whoever makes HTTP out of standard streams.
const httpOnly = {
  'server-sse-polling': 'a stream over HTTP that is closed and taken up again',
  'http-header-validation': 'header fields',
  'http-custom-header-server-validation': 'header fields',
};

// What the gateway's own sessions, by which it translates, do otherwise than the server's.
const ownSessions = {
  'server-sse-polling': 'a stream of the gateway\'s own sessions that breaks off is not taken up again',
  'server-sse-multiple-streams': 'an answer that comes alone is a document there, and no stream',
};

const [omlx, ...wanted] = process.argv.slice(2);
if (!omlx) {
  console.error('usage: server.mjs OMLX [REVISION …]');
  process.exit(2);
}

const started = [];
const desk = mkdtempSync(join(tmpdir(), 'conformance-server-'));
const config = join(desk, 'mcp.json');
const env = {
  PATH: process.env.PATH,
  HOME: desk,
  OMLX_MCP_CONFIG: config,
  OMLX_CONNECT_HOME: join(desk, 'home'),
  OMLX_CONNECT_KEYCHAIN: 'off',
};

function firstLine(command, words, options) {
  const child = spawn(command, words, { stdio: ['pipe', 'pipe', 'inherit'], ...options });
  started.push(child);
  return new Promise((resolve, reject) => {
    createInterface({ input: child.stdout }).once('line', resolve);
    child.once('exit', (code) => reject(new Error(`${command} has left with ${code}`)));
  });
}

async function fixture(...words) {
  const port = await firstLine(process.execPath, [join(interop, 'fixture/server.mjs'), ...words]);
  return `http://127.0.0.1:${port}/mcp`;
}

/// The ways, each as the URL that the suite is given. The last two lead to a server of the stateless era alone.
async function ways() {
  const direct = await fixture();
  const newer = await fixture('stateless');
  mkdirSync(env.OMLX_CONNECT_HOME, { mode: 0o700 });
  writeFileSync(config, JSON.stringify({ mcpServers: { fixture: { url: direct }, newer: { url: newer } } }));
  const key = execFileSync(omlx, ['mcp', 'access', 'add', 'suite'], { env, encoding: 'utf8', stdio: 'pipe' }).trim();
  // Where each server is lent is all that is written to standard output.
  const lent = await firstLine(omlx, ['mcp', 'serve', '--port', '0'], { env, stdio: ['pipe', 'pipe', 'ignore'] });
  const gateway = await withKey(lent, key);
  const bridge = await overHttp([omlx, 'mcp', 'bridge', 'fixture'], env);
  const crossed = {
    gateway: await withKey(lent.replace('/fixture/', '/newer/'), key),
    bridge: await overHttp([omlx, 'mcp', 'bridge', 'newer'], env),
  };
  return { direct, gateway, bridge, crossed };
}

function runSuite(url, revision) {
  const folder = mkdtempSync(join(tmpdir(), 'conformance-'));
  const words = [join(suite, 'dist/index.js'), 'server', '--url', url, '--requirements', revision, '-o', folder];
  const child = spawn(process.execPath, words, { stdio: ['ignore', 'ignore', 'inherit'] });
  return new Promise((resolve) => {
    child.on('close', () => {
      const results = Object.entries(outcomes(folder)).map(([name, result]) => [name.replace(/^server-/, ''), result]);
      rmSync(folder, { recursive: true });
      resolve(Object.fromEntries(results.filter(([name]) => !isLeftOut(name))));
    });
  });
}

// The scenarios that a revision requires of a server, in the suite's own list.
function required(revision) {
  const list = readFileSync(join(suite, 'requirements', `${revision}.yaml`), 'utf8');
  const section = /^server:\n((?:  - .*\n)+)/m.exec(list)[1];
  return section.trim().split('\n').map((line) => line.replace(/^\s*- /, ''));
}

const counts = (result) => (result ? `${result.passed}/${result.failed.length}` : '–');

// What is wrong with a way, in words.
function faults(way, name, direct, result) {
  if (!result) return [`${way}: it was not run`];
  const wrong = result.failed.filter((check) => !direct.failed.includes(check)).map((check) => `${way}: ${check}`);
  if (result.passed < direct.passed) wrong.push(`${way}: ${result.passed} checks passed, directly ${direct.passed}`);
  return wrong;
}

function tell(name, { results, exempt, needed }) {
  const direct = results.direct[name];
  const isWhole = direct?.passed && !direct.failed.length;
  const wrong = needed.includes(name) && !isWhole ? ['direct: the fixture is not whole'] : [];
  const row = [counts(direct)];
  for (const way of ['gateway', 'bridge']) {
    const why = exempt[way][name];
    if (direct && !why) wrong.push(...faults(way, name, direct, results[way][name]));
    row.push(why ? `– (${why})` : counts(results[way][name]));
  }
  console.log(`  ${wrong.length ? '✗' : '✓'} ${name} | ${row.join(' | ')}`);
  wrong.forEach((line) => console.log(`      ${line}`));
  return wrong.length;
}

// Which scenarios are worse than direct.
function compare(title, held) {
  const { results, needed } = held;
  console.log(`\n${title}, passed/failed checks: direct | gateway | bridge`);
  const names = [...new Set([...needed, ...Object.keys(results.direct)])].sort();
  const bad = names.filter((name) => tell(name, held));
  console.log(`  ${names.length - bad.length} of ${names.length} scenarios are no worse than direct`);
  return bad.length;
}

let failed = 0;
try {
  const { crossed, ...urls } = await ways();
  for (const revision of wanted.length ? wanted : ['2025-11-25', '2026-07-28']) {
    const results = {};
    for (const [way, url] of Object.entries(urls)) results[way] = await runSuite(url, revision);
    const needed = required(revision);
    const exempt = { gateway: {}, bridge: httpOnly };
    failed += compare(`${revision}, server scenarios`, { results, needed, exempt });
    if (revision !== '2025-11-25') continue;
    for (const [way, url] of Object.entries(crossed)) results[way] = await runSuite(url, revision);
    exempt.gateway = ownSessions;
    failed += compare(`${revision}, translated for a server of 2026-07-28 alone`, { results, needed, exempt });
  }
} finally {
  started.forEach((child) => child.kill());
  rmSync(desk, { recursive: true, force: true });
}
process.exit(failed ? 1 : 0);
