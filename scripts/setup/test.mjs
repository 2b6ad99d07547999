// `npm test`: installs what is missing, builds, runs every test, ends with a line that counts them.
// Arguments after `--` go to vitest.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ensureBuilt, ensureInstalled, ensureNatsServer, ensureTestPrograms, failWith, ROOT } from './prepare.mjs';

try {
  ensureInstalled();
  ensureBuilt();
  await ensureNatsServer();
  await ensureTestPrograms();
} catch (error) {
  failWith(error);
}

const scratch = mkdtempSync(join(tmpdir(), 'parley-test-'));
const report = join(scratch, 'report.json');
const vitest = join(ROOT, 'node_modules', 'vitest', 'vitest.mjs');
const result = spawnSync(
  process.execPath,
  [vitest, 'run', '--reporter=default', '--reporter=json', `--outputFile.json=${report}`, ...process.argv.slice(2)],
  { cwd: ROOT, stdio: 'inherit' },
);
let counts = { passed: 0, failed: 1, skipped: 0 };
try {
  const { numPassedTests, numFailedTests, numPendingTests, success } = JSON.parse(readFileSync(report, 'utf8'));
  // A file that cannot even be loaded has no failed test in it, and fails all the same.
  const failed = success ? numFailedTests : Math.max(numFailedTests, 1);
  counts = { passed: numPassedTests, failed, skipped: numPendingTests };
} catch {
  process.stderr.write('parley: the test runner left no report.\n');
}
rmSync(scratch, { recursive: true, force: true });
const skipped = counts.skipped > 0 ? `, ${counts.skipped} skipped` : '';
process.stdout.write(`${counts.passed} passed, ${counts.failed} failed${skipped}\n`);
process.exit(result.status === 0 && counts.failed === 0 && counts.passed > 0 ? 0 : 1);
