// Builds if needed, then runs one of the project's own tools: `node scripts/setup/run.mjs TOOL [ARGUMENT …]`.
import { join } from 'node:path';
import { ensureBuilt, failWith, ROOT } from './prepare.mjs';

const TOOLS = {
  bench: 'bench/main.js',
  build: null,
  chaos: 'scripts/chaos/main.js',
  scenario: 'src/testing/scenario/run.js',
  sim: 'src/testing/sim/run.js',
};
const [tool, ...rest] = process.argv.slice(2);
if (!Object.hasOwn(TOOLS, tool ?? '')) failWith(`which tool? One of: ${Object.keys(TOOLS).join(', ')}`);
try {
  ensureBuilt();
} catch (error) {
  failWith(error);
}
const file = TOOLS[tool];
if (file !== null) {
  const path = join(ROOT, 'dist', file);
  process.argv = [process.execPath, path, ...rest];
  await import(path);
}
