// What the suite leaves behind: a folder for each scenario, with its checks.
import { existsSync, readFileSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';

/// By scenario. Each leaves a folder: [auth/][server-]NAME-TIMESTAMP with checks.json and what the client said.
export function outcomes(folder, prefix = '') {
  const found = {};
  for (const entry of readdirSync(folder)) {
    const path = join(folder, entry);
    if (!statSync(path).isDirectory()) continue;
    if (existsSync(join(path, 'checks.json'))) {
      const name = prefix + entry.replace(/-\d{4}-\d\d-\d\dT[\d-]+Z$/, '');
      found[name] = outcome(path);
    } else {
      Object.assign(found, outcomes(path, `${prefix}${entry}/`));
    }
  }
  return found;
}

function outcome(path) {
  const checks = JSON.parse(readFileSync(join(path, 'checks.json'), 'utf8'));
  const bad = checks.filter(({ status }) => status === 'FAILURE' || status === 'WARNING');
  const said = join(path, 'stderr.txt');
  return {
    passed: checks.filter(({ status }) => status === 'SUCCESS').length,
    failed: bad.map(({ id, description, errorMessage }) => `${id}: ${errorMessage ?? description}`),
    complaint: existsSync(said) ? readFileSync(said, 'utf8').trim() : '',
  };
}
