#!/usr/bin/env node
import { existsSync } from 'node:fs';

const program = new URL('../dist/src/cli/parley.js', import.meta.url);
if (!existsSync(program)) {
  process.stderr.write(
    'parley: not built yet: run `npm start`, `npm test` or `npm run build` in the checkout first.\n',
  );
  process.exit(1);
}
await import(program);
