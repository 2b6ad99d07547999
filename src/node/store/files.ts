import { closeSync, fsyncSync, openSync, renameSync, writeFileSync } from 'node:fs';
import { mkdir, open, readFile, rename } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';

/** The error code of the operating system (`ENOENT`, …), if it is one of its errors. */
export function systemCodeOf(error: unknown): string | undefined {
  const code = error instanceof Error ? (error as NodeJS.ErrnoException).code : undefined;
  return typeof code === 'string' ? code : undefined;
}

export async function readIfPresent(path: string): Promise<Buffer | undefined> {
  try {
    return await readFile(path);
  } catch (error) {
    if (systemCodeOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}

/** Makes the names in a folder durable: a new or renamed file is not before its folder is synced. */
export async function syncDirectory(path: string): Promise<void> {
  const handle = await open(path, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/**
 * Makes a folder and the ones above it that are missing, for its owner only, and makes their names durable: a synced
 * file in a folder that is gone after a power cut is gone, too.
 */
export async function makeDirectory(path: string): Promise<void> {
  const made = await mkdir(path, { recursive: true, mode: 0o700 });
  const highest = resolve(made ?? path);
  for (let folder = resolve(path); ; folder = dirname(folder)) {
    await syncDirectory(dirname(folder)).catch(ignoreUnreadable);
    if (folder === highest) return;
  }
}

/** A folder that we may not read was made by somebody else, and was there before us. */
function ignoreUnreadable(error: unknown): void {
  if (!['EACCES', 'EPERM'].includes(systemCodeOf(error) ?? '')) throw error;
}

/** Replaces a file so that after a crash at any point either the old or the new content is there, whole. */
export async function replaceFile(path: string, content: string | Uint8Array): Promise<void> {
  const temporary = `${path}.tmp`;
  const handle = await open(temporary, 'w', 0o600);
  try {
    await handle.writeFile(content);
    await handle.sync();
  } finally {
    await handle.close();
  }
  await rename(temporary, path);
  await syncDirectory(dirname(path));
}

/** The same while nothing else goes on: for what has to be on disk before the process ends in this very turn. */
export function replaceFileNow(path: string, content: string): void {
  const temporary = `${path}.tmp`;
  const file = openSync(temporary, 'w', 0o600);
  try {
    writeFileSync(file, content);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
  renameSync(temporary, path);
  const folder = openSync(dirname(path), 'r');
  try {
    fsyncSync(folder);
  } finally {
    closeSync(folder);
  }
}
