// Runs one of the project's own tools: `node scripts/setup/run.mjs TOOL [ARGUMENT …]`.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { ensureBuilt, failWith, ROOT } from './prepare.mjs';

/** These are compiled first, if needed; `build` is nothing but that. */
const COMPILED = {
  bench: 'bench/main.js',
  build: null,
  chaos: 'scripts/chaos/main.js',
  scenario: 'src/testing/scenario/run.js',
};
/** These run from their sources, with bugs planted in them on demand. */
const FROM_SOURCE = {
  mutants: 'src/testing/mutants/run.ts',
  sim: 'src/testing/sim/run.ts',
};

const [tool, ...rest] = process.argv.slice(2);
const importFile = (path) => import(pathToFileURL(path));

if (Object.hasOwn(FROM_SOURCE, tool ?? '')) {
  if (!existsSync(join(ROOT, 'node_modules', 'typescript'))) {
    failWith('The packages are not installed: run `npm start`, `npm test` or `npm ci` first.');
  }
  const path = join(ROOT, FROM_SOURCE[tool]);
  process.argv = [process.execPath, path, ...rest];
  await importFile(join(ROOT, 'src', 'testing', 'typescript-loader.mjs'));
  await importFile(path);
} else if (Object.hasOwn(COMPILED, tool ?? '')) {
  try {
    ensureBuilt();
  } catch (error) {
    failWith(error);
  }
  const file = COMPILED[tool];
  if (file !== null) {
    const path = join(ROOT, 'dist', file);
    process.argv = [process.execPath, path, ...rest];
    await importFile(path);
  }
} else {
  failWith(`which tool? One of: ${[...Object.keys(COMPILED), ...Object.keys(FROM_SOURCE)].toSorted().join(', ')}`);
}
