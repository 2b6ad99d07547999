import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { FileOperation } from './file-trace.ts';

type Change =
  | { readonly offset: number; readonly bytes: Buffer }
  /** Cut to this many bytes. */
  | { readonly size: number };

interface File {
  /** What was synced. */
  durable: Buffer;
  /** Since then, in order. */
  changes: Change[];
  /** Its name would survive. */
  named: boolean;
}

/**
 * - `kill`: the process ends, the system lives on: everything that was written is there.
 * - `cut`: the power goes: only what was synced is there.
 * - `torn`: the power goes while the system writes back: of what was not synced, each file has some of the first
 *   writes, maybe half of one, maybe with a page of zeros in it.
 * - `forgetful`: like `cut`, and new names, renames and removals are there only once their folder, or for a new file
 *   the file itself, was synced. What is in a folder that is not there is gone with it.
 */
export const CRASHES = ['kill', 'cut', 'torn', 'forgetful'] as const;
export type Crash = (typeof CRASHES)[number];

const PAGE_BYTES = 4096;

/** A disk that knows what of it would survive a crash. Replays operations that were traced. */
export class CrashDisk {
  readonly #dir: string;
  readonly #files = new Map<string, File>();
  #durableNames = new Map<string, File>();
  /** Folders that were made, and whether their name would survive. */
  readonly #folders = new Map<string, boolean>();

  /** @param dir the folder whose files are replayed */
  constructor(dir: string) {
    this.#dir = dir;
  }

  apply(operation: FileOperation): void {
    switch (operation.kind) {
      case 'mkdir':
        this.#folders.set(operation.path, false);
        break;
      case 'open':
        this.#open(operation.path, operation.truncate);
        break;
      case 'write':
        this.#file(operation.path).changes.push(operation);
        break;
      case 'truncate':
        this.#file(operation.path).changes.push({ size: operation.bytes });
        break;
      case 'sync':
        this.#sync(operation.path);
        break;
      case 'rename':
        this.#files.set(operation.to, this.#file(operation.from));
        this.#files.delete(operation.from);
        break;
      case 'unlink':
        this.#files.delete(operation.path);
        break;
      case 'said':
        break;
    }
  }

  #open(path: string, truncate: boolean): void {
    const file = this.#files.get(path);
    if (file === undefined) this.#files.set(path, { durable: Buffer.alloc(0), changes: [], named: false });
    else if (truncate) file.changes.push({ size: 0 });
  }

  /** A file that was removed while it was open may still be written to. */
  #file(path: string): File {
    return this.#files.get(path) ?? { durable: Buffer.alloc(0), changes: [], named: false };
  }

  #sync(path: string): void {
    const file = this.#files.get(path);
    if (file === undefined) {
      this.#syncFolder(path);
      return;
    }
    file.durable = contentOf(file, file.changes);
    file.changes = [];
    // File systems with a journal write a new file's name along with it.
    if (!file.named) this.#durableNames.set(path, file);
    file.named = true;
  }

  #syncFolder(folder: string): void {
    const inFolder = (path: string): boolean => dirname(path) === folder;
    const others = [...this.#durableNames].filter(([path]) => !inFolder(path));
    const current = [...this.#files].filter(([path]) => inFolder(path));
    for (const [, file] of current) file.named = true;
    this.#durableNames = new Map([...others, ...current]);
    for (const path of this.#folders.keys()) if (inFolder(path)) this.#folders.set(path, true);
  }

  /** Whether every folder on the way to a file would survive. */
  #isReachable(path: string): boolean {
    for (let folder = dirname(path); folder.length > this.#dir.length; folder = dirname(folder)) {
      if (this.#folders.get(folder) === false) return false;
    }
    return true;
  }

  /** Writes what is left after a crash now into a folder. */
  async writeImage(target: string, crash: Crash, random: (bound: number) => number): Promise<void> {
    await mkdir(target, { recursive: true });
    const names = crash === 'forgetful' ? this.#durableNames : this.#files;
    for (const [path, file] of names) {
      if (crash === 'forgetful' && !this.#isReachable(path)) continue;
      const copy = join(target, path.slice(this.#dir.length));
      await mkdir(dirname(copy), { recursive: true });
      await writeFile(copy, afterCrash(file, crash, random));
    }
  }
}

function afterCrash(file: File, crash: Crash, random: (bound: number) => number): Buffer {
  if (crash === 'kill') return contentOf(file, file.changes);
  if (crash !== 'torn' || file.changes.length === 0) return file.durable;
  const whole = random(file.changes.length + 1);
  const changes = file.changes.slice(0, whole);
  const torn = file.changes[whole];
  if (torn !== undefined && 'bytes' in torn) {
    changes.push({ offset: torn.offset, bytes: torn.bytes.subarray(0, random(torn.bytes.length + 1)) });
  }
  const content = contentOf(file, changes);
  const firstPage = Math.ceil(file.durable.length / PAGE_BYTES);
  const pages = Math.floor(content.length / PAGE_BYTES) - firstPage;
  if (pages > 0 && random(2) === 0) {
    const at = (firstPage + random(pages)) * PAGE_BYTES;
    content.fill(0, at, at + PAGE_BYTES);
  }
  return content;
}

function contentOf(file: File, changes: readonly Change[]): Buffer {
  let size = file.durable.length;
  for (const change of changes) {
    size = Math.max(size, 'size' in change ? change.size : change.offset + change.bytes.length);
  }
  const content = Buffer.alloc(size);
  file.durable.copy(content);
  let end = file.durable.length;
  for (const change of changes) {
    if ('size' in change) {
      content.fill(0, change.size);
      end = change.size;
    } else {
      change.bytes.copy(content, change.offset);
      end = Math.max(end, change.offset + change.bytes.length);
    }
  }
  return content.subarray(0, end);
}
