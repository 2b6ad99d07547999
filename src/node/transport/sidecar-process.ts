import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { basename } from 'node:path';
import { promisify } from 'node:util';

/** Looking at, and ending, processes of which only the id is known. */

const run = promisify(execFile);
const POLL_MS = 20;
export const TERMINATE_TIMEOUT_MS = 2_000;
export const KILL_TIMEOUT_MS = 5_000;

/** The arguments of a running process, or `undefined` when there is none with this id (or it cannot be seen). */
export async function commandLineOf(pid: number): Promise<readonly string[] | undefined> {
  if (process.platform === 'linux') {
    const raw = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '');
    const parts = raw.split('\0').filter((part) => part !== '');
    return parts.length === 0 ? undefined : parts;
  }
  const output = await run('ps', ['-o', 'args=', '-p', String(pid)]).then(
    ({ stdout }) => stdout.trim(),
    () => '',
  );
  return output === '' ? undefined : output.split(/\s+/);
}

/** Whether `pid` is a nats-server that was started with exactly this configuration file. */
export async function isSidecarProcess(pid: number, configPath: string): Promise<boolean> {
  const commandLine = await commandLineOf(pid);
  const program = commandLine?.[0];
  if (commandLine === undefined || program === undefined) return false;
  // `ps` shows one string, so that a path with spaces in it comes in pieces: compare the whole tail.
  return basename(program).includes('nats-server') && commandLine.slice(1).join(' ') === `--config ${configPath}`;
}

/** The id a pid file holds, or `undefined` when there is no file or no positive number in it. */
export async function readPidFile(path: string): Promise<number | undefined> {
  const text = await readFile(path, 'utf8').catch(() => '');
  return /^[1-9][0-9]{0,9}\s*$/.test(text) ? Number(text) : undefined;
}

export function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // It exists, and belongs to another user.
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/** Asks a process to end, then makes it. Resolves to whether it is gone. */
export async function endProcess(pid: number, isGone = (): boolean => !isRunning(pid)): Promise<boolean> {
  signal(pid, 'SIGTERM');
  if (await waitUntil(isGone, TERMINATE_TIMEOUT_MS)) return true;
  signal(pid, 'SIGKILL');
  return waitUntil(isGone, KILL_TIMEOUT_MS);
}

function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch {
    // Gone already, or not ours: whoever waits finds out which.
  }
}

async function waitUntil(condition: () => boolean, timeoutMs: number): Promise<boolean> {
  const deadline = performance.now() + timeoutMs;
  while (!condition()) {
    if (performance.now() > deadline) return false;
    await new Promise((resolve) => {
      setTimeout(resolve, POLL_MS);
    });
  }
  return true;
}
