// Runs the official MCP conformance suite against the product, and holds it to a table: every scenario is there, has at
// least as many passed checks as it can have, none failed, and the client ended well. The suite itself lets a scenario
// without a single check pass, and ignores how its client ended.
//
// Each scenario then runs once more on its own, where the suite does look at how the client ended, and has to leave 0.
//
//   node run.mjs CLIENT [RUN …]      RUN as in table.json, or `singly`
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, existsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { outcomes } from './outcomes.mjs';

const here = dirname(fileURLToPath(import.meta.url));
const suite = join(here, '../interop/node_modules/@modelcontextprotocol/conformance/dist/index.js');
const read = (name) => JSON.parse(readFileSync(join(here, name), 'utf8'));
const { runs: table, may_end_badly: mayEndBadly } = read('table.json');
const expectedFailures = read('expected-failures.json');

const [client, ...wanted] = process.argv.slice(2);
if (!client || !existsSync(suite)) {
  console.error(client ? 'the conformance suite is missing: run `scripts/setup.sh node` first' : 'usage: run.mjs CLIENT [RUN …]');
  process.exit(2);
}

const selection = { backcompat: ['--suite', 'backcompat'] };
const optionsOf = (run) => selection[run] ?? ['--requirements', run];

function runSuite(options, folder) {
  const words = [suite, 'client', '--command', client, ...options, '--timeout', '60000', '-o', folder];
  return new Promise((resolve) => {
    const child = spawn(process.execPath, words, { stdio: ['ignore', 'pipe', 'pipe'] });
    let said = '';
    child.stdout.on('data', (chunk) => (said += chunk));
    child.stderr.on('data', (chunk) => (said += chunk));
    child.on('close', (code) => resolve({ said, code }));
  });
}

// The revision in which a scenario is run singly: the newest that has it; extensions belong to none and are forced.
const revisions = { '2025-11-25': '2025-11-25', '2026-07-28': '2026-07-28', backcompat: '2025-03-26' };
const newest = Object.fromEntries(Object.keys(revisions).flatMap((run) => Object.keys(table[run]).map((name) => [name, run])));

async function runSingly(name) {
  const run = newest[name];
  const folder = mkdtempSync(join(tmpdir(), 'conformance-'));
  const { said, code } = await runSuite(['--scenario', name, '--spec-version', revisions[run], '--force'], folder);
  const result = outcomes(folder)[name];
  rmSync(folder, { recursive: true });
  const wrong = faults(name, table[run][name], result);
  if (code !== 0) wrong.push(`the suite left with ${code}: ${said.trim().split('\n').at(-1)}`);
  return { name, wrong, result };
}

// Two at a time, as there are seconds of waiting in some.
async function allSingly() {
  const left = Object.keys(newest).sort();
  const ended = [];
  const worker = async () => {
    for (let name = left.shift(); name; name = left.shift()) ended.push(await runSingly(name));
  };
  await Promise.all([worker(), worker()]);
  return ended.sort((one, other) => one.name.localeCompare(other.name));
}

// What is wrong with a scenario, in words; nothing when it is as it should be.
function faults(name, least, result) {
  if (!result) return ['it was not run'];
  const wrong = [...result.failed];
  if (least === undefined) wrong.push('it is not in table.json');
  if (result.passed < least) wrong.push(`${result.passed} checks passed, and ${least} are expected`);
  if (result.complaint && !mayEndBadly.includes(name)) wrong.push(`the client failed: ${result.complaint}`);
  return wrong;
}

const totals = { passed: 0, failed: 0, expected: 0 };

function tell(name, wrong, result) {
  const reason = expectedFailures[name];
  const good = reason ? wrong.length > 0 : wrong.length === 0;
  totals[good ? (reason ? 'expected' : 'passed') : 'failed'] += 1;
  const mark = good ? (reason ? '–' : '✓') : '✗';
  console.log(`  ${mark} ${name}: ${result?.passed ?? 0} checks passed, ${result?.failed.length ?? 0} failed`);
  if (reason) console.log(good ? `      expected to fail: ${reason}` : '      it passes now: take it out of expected-failures.json');
  else wrong.forEach((line) => console.log(`      ${line}`));
}

for (const run of wanted.length ? wanted : [...Object.keys(table), 'singly']) {
  console.log(`\n${run}`);
  if (run === 'singly') {
    for (const { name, wrong, result } of await allSingly()) tell(name, wrong, result);
    continue;
  }
  const folder = mkdtempSync(join(tmpdir(), 'conformance-'));
  const { said } = await runSuite(optionsOf(run), folder);
  const results = outcomes(folder);
  rmSync(folder, { recursive: true });
  const names = [...new Set([...Object.keys(table[run]), ...Object.keys(results)])].sort();
  if (!Object.keys(results).length) console.log(said);
  for (const name of names) tell(name, faults(name, table[run][name], results[name]), results[name]);
}
if (totals.expected) console.log(`\n${totals.expected} failed as expected-failures.json says they do, and count as neither`);
console.log(`\n${totals.passed} passed, ${totals.failed} failed`);
process.exit(totals.failed ? 1 : 0);
