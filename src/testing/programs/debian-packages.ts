import { execFile } from 'node:child_process';
import { mkdir, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

const APT_GET = '/usr/bin/apt-get';
const COMMAND_MS_MAX = 60_000;
const INSTALL_MS_MAX = 300_000;
/** A machine without a network should hear so soon. */
const APT_OPTIONS = ['-o', 'Acquire::http::Timeout=10', '-o', 'Acquire::Retries=1'];
/** Two C libraries in one process do not get along. */
const NEVER = new Set(['libc6']);

/**
 * Downloads packages of the distribution (Debian, Ubuntu) and unpacks them below `folder`, without installing
 * anything.
 *
 * @returns names of the packages that they depend on
 * @throws when there is no such distribution, package or network
 */
export async function unpackPackages(names: readonly string[], folder: string): Promise<string[]> {
  const archives = join(folder, 'archives', names.join('+'));
  await mkdir(archives, { recursive: true });
  await download(names, archives);
  const needed = new Set<string>();
  for (const archive of await readdir(archives)) {
    const path = join(archives, archive);
    await run('/usr/bin/dpkg', ['-x', path, join(folder, 'unpacked')], limits(folder));
    const { stdout } = await run('/usr/bin/dpkg-deb', ['--field', path, 'Depends'], limits(folder));
    for (const name of packagesIn(stdout)) needed.add(name);
  }
  return [...needed].filter((name) => !NEVER.has(name));
}

/** Installs a package with what it depends on, which only root may. @throws like `unpackPackages` */
export async function installPackage(name: string): Promise<void> {
  if (process.getuid?.() !== 0) throw new Error('Only root may install packages.');
  const options = { timeout: INSTALL_MS_MAX, env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' } };
  await run(APT_GET, [...APT_OPTIONS, 'update'], options);
  await run(APT_GET, [...APT_OPTIONS, 'install', '-y', '--no-install-recommends', name], options);
}

async function download(names: readonly string[], cwd: string): Promise<void> {
  const attempt = (): Promise<unknown> => run(APT_GET, [...APT_OPTIONS, 'download', ...names], limits(cwd));
  try {
    await attempt();
  } catch (error) {
    // A fresh container has no package lists yet; only root may fetch them.
    if (process.getuid?.() !== 0) throw error;
    await run(APT_GET, [...APT_OPTIONS, 'update'], limits(cwd));
    await attempt();
  }
}

/** `a (>= 1), b | c` are `a` and `b`. */
export function packagesIn(dependencies: string): string[] {
  return dependencies
    .split(',')
    .map((one) => /^\s*([a-z0-9][a-z0-9+.-]*)/.exec(one)?.[1])
    .filter((name) => name !== undefined);
}

const limits = (cwd: string): { cwd: string; timeout: number } => ({ cwd, timeout: COMMAND_MS_MAX });
