import { execFile } from 'node:child_process';
import { chmod, mkdir, mkdtemp, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { unpackPackages } from './debian-packages.ts';

/**
 * Where `strace` is, which shows what a store does to its files. Finding never changes anything; only
 * `ensureStrace`, which set-up scripts call, may download it.
 */

const run = promisify(execFile);

const PROGRAM = 'strace';
const TRY_MS_MAX = 20_000;
/** The program, its libraries, and theirs. */
const LEVELS = 3;

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * The path of a program that can trace processes here, looked for in `$STRACE_BIN`, `$PATH` and the project's cache;
 * undefined when there is none, or when the system lets nobody trace.
 */
export async function findStrace(
  cacheDir: string = defaultCacheDir(),
  env: Environment = process.env,
): Promise<string | undefined> {
  const inPath = (env['PATH'] ?? '').split(delimiter).filter((folder) => folder !== '');
  const places = [...inPath.map((folder) => join(folder, PROGRAM)), cachedPath(cacheDir)];
  for (const path of isNamed(env) ? [env['STRACE_BIN']!] : places) if (await canTrace(path)) return path;
  return undefined;
}

const isNamed = (env: Environment): boolean => env['STRACE_BIN'] !== undefined && env['STRACE_BIN'] !== '';

/**
 * Like `findStrace`, but where the machine has none it is fetched into `cacheDir` from the distribution's own packages
 * (Debian, Ubuntu), without installing anything. Undefined when that cannot be done, for whatever reason: only tests
 * want it, and they can do without.
 */
export async function ensureStrace(cacheDir: string, env: Environment = process.env): Promise<string | undefined> {
  const found = await findStrace(cacheDir, env);
  if (found !== undefined || isNamed(env) || process.platform !== 'linux') return found;
  await mkdir(cacheDir, { recursive: true });
  const scratch = await mkdtemp(join(cacheDir, `${PROGRAM}-download-`));
  try {
    if (!(await fetchInto(scratch))) return undefined;
    await rename(join(scratch, 'unpacked'), dirname(cachedPath(cacheDir)));
  } catch {
    // No such distribution, no network, or another set-up was faster.
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
  return findStrace(cacheDir, env);
}

/** Unpacks the program, and as many of its libraries as it takes until it runs. */
async function fetchInto(scratch: string): Promise<boolean> {
  const unpacked = join(scratch, 'unpacked');
  let wanted = [PROGRAM];
  const had = new Set<string>();
  for (let level = 0; level < LEVELS && wanted.length > 0; level += 1) {
    const needed = await unpackPackages(wanted, scratch);
    await writeStarter(unpacked);
    if (await canTrace(join(unpacked, PROGRAM))) return true;
    for (const name of wanted) had.add(name);
    wanted = needed.filter((name) => !had.has(name));
  }
  return false;
}

/** A script that starts the program with the libraries that were unpacked beside it. */
async function writeStarter(unpacked: string): Promise<void> {
  const folders = new Set<string>();
  for (const name of await readdir(unpacked, { recursive: true })) {
    if (/\.so(\.\d+)*$/.test(name)) folders.add(dirname(name));
  }
  const libraries = [...folders].map((folder) => `$here/${folder}`).join(':');
  const lines = ['#!/bin/sh', 'here=$(dirname "$0")'];
  if (libraries !== '') lines.push(`export LD_LIBRARY_PATH="${libraries}"`);
  const starter = join(unpacked, PROGRAM);
  await writeFile(starter, `${[...lines, `exec "$here/usr/bin/${PROGRAM}" "$@"`].join('\n')}\n`);
  await chmod(starter, 0o755);
}

async function canTrace(path: string): Promise<boolean> {
  try {
    await run(path, ['-f', '-o', '/dev/null', process.execPath, '--version'], { timeout: TRY_MS_MAX });
    return true;
  } catch {
    return false;
  }
}

const cachedPath = (cacheDir: string): string => join(cacheDir, PROGRAM, PROGRAM);

/** `.cache` at the root of the checkout, whether this runs from `src/` or compiled from `dist/src/`. */
function defaultCacheDir(): string {
  const root = fileURLToPath(new URL('../../../', import.meta.url)).replace(/[/\\]+$/, '');
  return join(/[/\\]dist$/.test(root) ? dirname(root) : root, '.cache');
}
