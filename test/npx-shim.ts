import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { ROOT } from './support.ts';

/**
 * Lets `npx NAME` run the program of this checkout, without asking npm each time.
 *
 * @returns the PATH to use
 */
export function pathWithNpx(dir: string): string {
  const bin = join(dir, 'bin');
  mkdirSync(bin, { recursive: true });
  const npx = join(bin, 'npx');
  writeFileSync(npx, `#!/bin/sh\nname=$1\nshift\nexec "${process.execPath}" "${ROOT}/bin/$name.js" "$@"\n`);
  chmodSync(npx, 0o755);
  return [bin, process.env['PATH']].join(delimiter);
}
