import { execFile } from 'node:child_process';
import { constants } from 'node:fs';
import { access, mkdir, mkdtemp, readdir, rename, rm, stat } from 'node:fs/promises';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { ParleyError } from '../../protocol/errors.ts';

/**
 * Where the `nats-server` program is. Finding never changes anything; only `ensureNatsServer`, which set-up scripts
 * call, may download it.
 */

const run = promisify(execFile);

const PROGRAM = 'nats-server';
/** Folders that are not in everybody's PATH but where packages put servers. */
const SYSTEM_FOLDERS = ['/usr/sbin', '/usr/local/sbin', '/opt/homebrew/bin', '/usr/local/bin'];
const DOWNLOAD_TIMEOUT_MS = 60_000;
/** A machine without a network should hear so soon. */
const APT_OPTIONS = ['-o', 'Acquire::http::Timeout=10', '-o', 'Acquire::Retries=1'];
const OUTPUT_BYTES_MAX = 1024 * 1024;

type Environment = Readonly<Record<string, string | undefined>>;

export interface FindOptions {
  /** The project's cache folder; the one of this checkout or installation by default. */
  readonly cacheDir?: string;
  readonly env?: Environment;
}

/**
 * The path of the program, looked for in `$NATS_SERVER_BIN`, `$PATH`, system folders and the project's cache.
 * @throws ParleyError `missing_binary` when it is nowhere, or when `$NATS_SERVER_BIN` names no program
 */
export async function findNatsServer(options: FindOptions = {}): Promise<string> {
  const found = await lookForNatsServer(options);
  if (found === undefined) throw missing();
  return found;
}

/**
 * Like `findNatsServer`, but where the machine has none it is fetched into `cacheDir` from the distribution's own
 * package (Debian, Ubuntu), without installing anything. Safe to run several times at once.
 * @throws ParleyError `missing_binary` when it can be neither found nor fetched
 */
export async function ensureNatsServer(cacheDir: string, env: Environment = process.env): Promise<string> {
  const found = await lookForNatsServer({ cacheDir, env });
  return found ?? fetchFromApt(cacheDir);
}

async function lookForNatsServer({ cacheDir, env = process.env }: FindOptions): Promise<string | undefined> {
  const named = env['NATS_SERVER_BIN'];
  if (named !== undefined && named !== '') {
    if (await isProgram(named)) return named;
    throw new ParleyError('missing_binary', `NATS_SERVER_BIN names ${named}, which is not a program that can run.`);
  }
  const inPath = (env['PATH'] ?? '').split(delimiter).filter((folder) => folder !== '');
  const cached = cachedPath(cacheDir ?? defaultCacheDir());
  for (const path of [...[...inPath, ...SYSTEM_FOLDERS].map((folder) => join(folder, PROGRAM)), cached]) {
    if (await isProgram(path)) return path;
  }
  return undefined;
}

const cachedPath = (cacheDir: string): string => join(cacheDir, PROGRAM, PROGRAM);

/** `.cache` at the root of the package, whether this runs from `src/` or compiled from `dist/src/`. */
function defaultCacheDir(): string {
  const aboveSrc = fileURLToPath(new URL('../../../', import.meta.url));
  const trimmed = aboveSrc.replace(/[/\\]+$/, '');
  return join(/[/\\]dist$/.test(trimmed) ? dirname(trimmed) : trimmed, '.cache');
}

async function isProgram(path: string): Promise<boolean> {
  try {
    await access(path, constants.X_OK);
    return (await stat(path)).isFile();
  } catch {
    return false;
  }
}

/** Downloads and unpacks the package in a folder of its own; the last step is one atomic rename. */
async function fetchFromApt(cacheDir: string): Promise<string> {
  if (!(await isProgram('/usr/bin/apt-get')) || !(await isProgram('/usr/bin/dpkg'))) throw missing();
  const target = cachedPath(cacheDir);
  await mkdir(dirname(target), { recursive: true });
  const scratch = await mkdtemp(join(cacheDir, `${PROGRAM}-download-`));
  try {
    await downloadPackage(scratch);
    const archive = (await readdir(scratch)).find((name) => name.endsWith('.deb'));
    if (archive === undefined) throw missing();
    await run('/usr/bin/dpkg', ['-x', join(scratch, archive), join(scratch, 'unpacked')], limits(scratch));
    for (const folder of ['usr/sbin', 'usr/bin']) {
      const unpacked = join(scratch, 'unpacked', folder, PROGRAM);
      if (!(await isProgram(unpacked))) continue;
      await rename(unpacked, target);
      return target;
    }
    throw missing();
  } catch (cause) {
    throw cause instanceof ParleyError ? cause : missing(cause);
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

async function downloadPackage(cwd: string): Promise<void> {
  const download = (): Promise<unknown> => run('/usr/bin/apt-get', [...APT_OPTIONS, 'download', PROGRAM], limits(cwd));
  try {
    await download();
  } catch (error) {
    // A fresh container has no package lists yet; only root may fetch them.
    if (process.getuid?.() !== 0) throw error;
    await run('/usr/bin/apt-get', [...APT_OPTIONS, 'update'], limits(cwd));
    await download();
  }
}

const limits = (cwd: string): { cwd: string; timeout: number; maxBuffer: number } => ({
  cwd,
  timeout: DOWNLOAD_TIMEOUT_MS,
  maxBuffer: OUTPUT_BYTES_MAX,
});

function missing(cause?: unknown): ParleyError {
  const how =
    process.platform === 'darwin'
      ? 'install it with `brew install nats-server`'
      : 'install it with `apt-get install nats-server` or from https://nats.io/download';
  return new ParleyError('missing_binary', `nats-server is not installed: ${how}, or set NATS_SERVER_BIN.`, { cause });
}
