// `npm run check`: everything that can be said about the code without running it. All of it runs, even after a
// failure, so that one look shows everything; the exit code tells whether all is well.
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { failWith, ROOT } from './prepare.mjs';

/** @type {[title: string, program: string, args: string[]][]} */
const CHECKS = [
  ['format', 'oxfmt', ['--check', 'src', 'test', 'scripts', 'bench', 'vitest.config.ts', 'vite.web.config.ts']],
  ['lint', 'oxlint', ['--type-aware', '--deny-warnings', 'src', 'test', 'scripts', 'bench']],
  ['types', 'tsc', ['--noEmit', '-p', 'tsconfig.json']],
  ['types of isomorphic code', 'tsc', ['-p', 'tsconfig.isomorphic.json']],
  ['types of the client engine', 'tsc', ['-p', 'tsconfig.client.json']],
  [
    'types of the web app',
    'svelte-check',
    ['--tsconfig', 'src/web/tsconfig.json', '--fail-on-warnings', '--output', 'human'],
  ],
  ['types of the service worker', 'tsc', ['-p', 'src/web/worker/tsconfig.json']],
  ['layers', 'depcruise', ['src', 'scripts', 'bench']],
  ['unused code', 'knip', []],
];

if (!existsSync(join(ROOT, 'node_modules', '.bin', 'tsc'))) {
  failWith('The packages are not installed: run `npm start`, `npm test` or `npm ci` first.');
}
const failed = [];
for (const [title, program, args] of CHECKS) {
  process.stdout.write(`— ${title}\n`);
  const { status } = spawnSync(join(ROOT, 'node_modules', '.bin', program), args, { cwd: ROOT, stdio: 'inherit' });
  if (status !== 0) failed.push(title);
}
process.stdout.write(failed.length === 0 ? 'All checks passed.\n' : `Failed: ${failed.join(', ')}\n`);
process.exit(failed.length === 0 ? 0 : 1);
