import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { ensureProgram, type TestProgram } from './find-program.ts';

const run = promisify(execFile);

const TRY_MS_MAX = 20_000;

async function runs(path: string, args: readonly string[]): Promise<boolean> {
  try {
    await run(path, args, { timeout: TRY_MS_MAX });
    return true;
  } catch {
    return false;
  }
}

/** Shows what a store does to its files. Works where the system lets somebody trace. */
export const STRACE: TestProgram = {
  name: 'strace',
  variable: 'STRACE_BIN',
  folder: 'usr/bin',
  works: (path) => runs(path, ['-f', '-o', '/dev/null', process.execPath, '--version']),
};

/** The proxy for which `deploy/nginx` has a configuration. */
export const NGINX: TestProgram = {
  name: 'nginx',
  variable: 'NGINX_BIN',
  folder: 'usr/sbin',
  works: (path) => runs(path, ['-v']),
};

/** Makes certificates. */
export const OPENSSL: TestProgram = {
  name: 'openssl',
  variable: 'OPENSSL_BIN',
  folder: 'usr/bin',
  works: (path) => runs(path, ['version']),
};

/** Shows the web app as people see it. It needs more than its own files, so it is installed as a package. */
export const CHROMIUM: TestProgram = {
  name: 'chromium',
  variable: 'CHROMIUM_BIN',
  folder: 'usr/bin',
  installs: true,
  works: (path) => runs(path, ['--version']),
};

/**
 * Finds or fetches all of them into `cacheDir`. Resolves with the variables that name those which are there.
 *
 * @public scripts/setup/prepare.mjs calls it, as compiled
 */
export async function ensureTestPrograms(cacheDir: string): Promise<Record<string, string>> {
  const found: Record<string, string> = {};
  for (const program of [STRACE, NGINX, OPENSSL, CHROMIUM]) {
    const path = await ensureProgram(program, cacheDir);
    if (path !== undefined) found[program.variable] = path;
  }
  return found;
}
