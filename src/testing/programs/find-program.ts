import { chmod, mkdir, mkdtemp, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { installPackage, unpackPackages } from './debian-packages.ts';

/**
 * Where a program is that only tests want. Finding never changes anything; only `ensureProgram`, which set-up scripts
 * call, may download it.
 */

/** The program's package, its libraries, and theirs. */
const LEVELS = 3;

type Environment = Readonly<Record<string, string | undefined>>;

/** A program that tests run beside the product. */
export interface TestProgram {
  /** Its file name, and that of its package. */
  readonly name: string;
  /** Names the program's path; then nothing else counts. */
  readonly variable: string;
  /** Where the package puts it. */
  readonly folder: 'usr/bin' | 'usr/sbin';
  /** Works only where its package is installed, with all that it depends on. */
  readonly installs?: true;
  /** Whether what is at this path does here what tests want of it. */
  readonly works: (path: string) => Promise<boolean>;
}

/**
 * The path of a program that works here, looked for where its variable says, in `$PATH` and in the project's
 * cache; undefined when there is none.
 */
export async function findProgram(
  program: TestProgram,
  cacheDir: string = defaultCacheDir(),
  env: Environment = process.env,
): Promise<string | undefined> {
  const named = namedPath(program, env);
  const inPath = (env['PATH'] ?? '').split(delimiter).filter((folder) => folder !== '');
  const folders = [...inPath, dirname(cachedPath(program, cacheDir))];
  const paths = named === undefined ? folders.map((folder) => join(folder, program.name)) : [named];
  for (const path of paths) if (await program.works(path)) return path;
  return undefined;
}

function namedPath({ variable }: TestProgram, env: Environment): string | undefined {
  const path = env[variable];
  return path === '' ? undefined : path;
}

/**
 * Like `findProgram`, but where the machine has none it is fetched into `cacheDir` from the distribution's own
 * packages (Debian, Ubuntu), without installing anything but what works in no other way. Undefined when that cannot be done, for whatever reason:
 * only tests want it, and they can do without.
 */
export async function ensureProgram(
  program: TestProgram,
  cacheDir: string,
  env: Environment = process.env,
): Promise<string | undefined> {
  const found = await findProgram(program, cacheDir, env);
  if (found !== undefined || namedPath(program, env) !== undefined || process.platform !== 'linux') return found;
  if (program.installs === true) {
    await installPackage(program.name).catch(() => {});
    return findProgram(program, cacheDir, env);
  }
  await mkdir(cacheDir, { recursive: true });
  const scratch = await mkdtemp(join(cacheDir, `${program.name}-download-`));
  try {
    if (!(await fetchInto(scratch, program))) return undefined;
    await rename(join(scratch, 'unpacked'), dirname(cachedPath(program, cacheDir)));
  } catch {
    // No such distribution, no network, or another set-up was faster.
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
  return findProgram(program, cacheDir, env);
}

/** Unpacks the program, and as many of its libraries as it takes until it works. */
async function fetchInto(scratch: string, program: TestProgram): Promise<boolean> {
  const unpacked = join(scratch, 'unpacked');
  let wanted = [program.name];
  const had = new Set<string>();
  for (let level = 0; level < LEVELS && wanted.length > 0; level += 1) {
    const needed = await unpackPackages(wanted, scratch);
    await writeStarter(unpacked, program);
    if (await program.works(join(unpacked, program.name))) return true;
    for (const name of wanted) had.add(name);
    wanted = needed.filter((name) => !had.has(name));
  }
  return false;
}

/** A script that starts the program with the libraries that were unpacked beside it. */
async function writeStarter(unpacked: string, { name, folder }: TestProgram): Promise<void> {
  const folders = new Set<string>();
  for (const file of await readdir(unpacked, { recursive: true })) {
    if (/\.so(\.\d+)*$/.test(file)) folders.add(dirname(file));
  }
  const libraries = [...folders].map((libraryFolder) => `$here/${libraryFolder}`).join(':');
  const lines = ['#!/bin/sh', 'here=$(dirname "$0")'];
  if (libraries !== '') lines.push(`export LD_LIBRARY_PATH="${libraries}"`);
  const starter = join(unpacked, name);
  await writeFile(starter, `${[...lines, `exec "$here/${folder}/${name}" "$@"`].join('\n')}\n`);
  await chmod(starter, 0o755);
}

const cachedPath = ({ name }: TestProgram, cacheDir: string): string => join(cacheDir, name, name);

/** `.cache` at the root of the checkout, whether this runs from `src/` or compiled from `dist/src/`. */
function defaultCacheDir(): string {
  const root = fileURLToPath(new URL('../../../', import.meta.url)).replace(/[/\\]+$/, '');
  return join(/[/\\]dist$/.test(root) ? dirname(root) : root, '.cache');
}
