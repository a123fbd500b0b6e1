// Runs the official MCP conformance suite's server scenarios against the fixture server three times: directly, through
// the HTTP gateway, and through the stdio bridge. Whatever is worse than direct is a defect of ours: a check less that
// passed, or one more that failed. That the fixture itself is whole is held to the suite's own list of each revision.
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

/// The three ways, each as the URL that the suite is given.
async function ways() {
  const port = await firstLine(process.execPath, [join(interop, 'fixture/server.mjs')]);
  const direct = `http://127.0.0.1:${port}/mcp`;
  mkdirSync(env.OMLX_CONNECT_HOME, { mode: 0o700 });
  writeFileSync(config, JSON.stringify({ mcpServers: { fixture: { url: direct } } }));
  const key = execFileSync(omlx, ['mcp', 'access', 'add', 'suite'], { env, encoding: 'utf8', stdio: 'pipe' }).trim();
  // Where each server is lent is all that is written to standard output.
  const lent = await firstLine(omlx, ['mcp', 'serve', '--port', '0'], { env, stdio: ['pipe', 'pipe', 'ignore'] });
  const gateway = await withKey(lent, key);
  const bridge = await overHttp([omlx, 'mcp', 'bridge', 'fixture'], env);
  return { direct, gateway, bridge };
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
  if (way === 'bridge' && httpOnly[name]) return [];
  if (!result) return [`${way}: it was not run`];
  const wrong = result.failed.filter((check) => !direct.failed.includes(check)).map((check) => `${way}: ${check}`);
  if (result.passed < direct.passed) wrong.push(`${way}: ${result.passed} checks passed, directly ${direct.passed}`);
  return wrong;
}

function tell(name, results, mustBeWhole) {
  const direct = results.direct[name];
  const wrong = mustBeWhole && !(direct?.passed && !direct.failed.length) ? ['direct: the fixture is not whole'] : [];
  if (direct) for (const way of ['gateway', 'bridge']) wrong.push(...faults(way, name, direct, results[way][name]));
  const bridge = httpOnly[name] ? `– (${httpOnly[name]})` : counts(results.bridge[name]);
  const row = [counts(direct), counts(results.gateway[name]), bridge].join(' | ');
  console.log(`  ${wrong.length ? '✗' : '✓'} ${name} | ${row}`);
  wrong.forEach((line) => console.log(`      ${line}`));
  return wrong.length;
}

let failed = 0;
try {
  const urls = await ways();
  for (const revision of wanted.length ? wanted : ['2025-11-25', '2026-07-28']) {
    console.log(`\n${revision}, server scenarios, passed/failed checks: direct | gateway | bridge`);
    const results = {};
    for (const [way, url] of Object.entries(urls)) results[way] = await runSuite(url, revision);
    const needed = required(revision);
    const names = [...new Set([...needed, ...Object.keys(results.direct)])].sort();
    const bad = names.filter((name) => tell(name, results, needed.includes(name)));
    console.log(`  ${names.length - bad.length} of ${names.length} scenarios are no worse than direct`);
    failed += bad.length;
  }
} finally {
  started.forEach((child) => child.kill());
  rmSync(desk, { recursive: true, force: true });
}
process.exit(failed ? 1 : 0);
