import { readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { damaged } from './damage.ts';
import { replaceFileNow, syncDirectory, systemCodeOf } from './files.ts';
import { encodeSealedJson, readSealedJson, writeSealedJson } from './sealed-json.ts';

const POINTER_FILE = 'state-current';
const CONDEMNED_FILE = 'state-condemned';
const ASIDE_SUFFIX = '.damaged';
const FOLDER_PATTERN = /^state-(\d{1,12})$/;
/** Folders that were in use, or are kept because they are damaged. */
const USED_PATTERN = /^state-(\d{1,12})(\.damaged)?$/;

/**
 * States live in folders `state-1`, `state-2`, …; a small file names the one that counts. A snapshot is installed
 * beside the running state, and becomes the state by replacing that file.
 */
export class StateFolders {
  readonly #dir: string;
  #lastNumber: number;

  private constructor(dir: string, lastNumber: number) {
    this.#dir = dir;
    this.#lastNumber = lastNumber;
  }

  static async open(dir: string): Promise<StateFolders> {
    let last = 0;
    for (const name of await readdir(dir)) last = Math.max(last, Number(USED_PATTERN.exec(name)?.[1] ?? 0));
    return new StateFolders(dir, last);
  }

  /** Folder name of the state that counts; undefined when there never was one. */
  async current(): Promise<string | undefined> {
    const pointer = await readSealedJson(join(this.#dir, POINTER_FILE), 'state', POINTER_FILE);
    if (pointer === undefined) return undefined;
    const { current } = pointer as { current?: unknown };
    if (typeof current !== 'string' || !FOLDER_PATTERN.test(current)) {
      throw damaged('state', POINTER_FILE, 'it names no folder');
    }
    return current;
  }

  /** A name that was never used. */
  unused(): string {
    this.#lastNumber += 1;
    return `state-${this.#lastNumber}`;
  }

  path(name: string): string {
    return join(this.#dir, name);
  }

  /** From now on, and after a crash, this folder counts. */
  async point(name: string): Promise<void> {
    await syncDirectory(this.#dir);
    await writeSealedJson(join(this.#dir, POINTER_FILE), { current: name });
  }

  /** Remembers that a folder was found to be damaged while it was in use, before the process ends because of it. */
  condemn(name: string, reason: string): void {
    replaceFileNow(join(this.#dir, CONDEMNED_FILE), encodeSealedJson({ name, reason }));
  }

  /** Why a folder must not be used; undefined when nothing is known against it. */
  async condemnation(name: string): Promise<string | undefined> {
    const condemned = await readSealedJson(join(this.#dir, CONDEMNED_FILE), 'state', CONDEMNED_FILE);
    const { name: folder, reason } = (condemned ?? {}) as { name?: unknown; reason?: unknown };
    return folder === name ? String(reason) : undefined;
  }

  /** Keeps a folder under another name, in the place of the one that was kept before, and forgets what was said of it. */
  async setAside(name: string): Promise<void> {
    for (const other of await readdir(this.#dir)) {
      const isOlder = other.endsWith(ASIDE_SUFFIX) && other !== name + ASIDE_SUFFIX;
      if (isOlder && USED_PATTERN.test(other)) await this.remove(other);
    }
    try {
      await rename(this.path(name), this.path(name) + ASIDE_SUFFIX);
    } catch (error) {
      // It is missing altogether, or was set aside before a crash.
      if (systemCodeOf(error) !== 'ENOENT') throw error;
    }
    await rm(join(this.#dir, CONDEMNED_FILE), { force: true });
  }

  async remove(name: string): Promise<void> {
    await rm(this.path(name), { recursive: true, force: true });
  }

  /** Removes what interrupted installs and replaced states left behind. */
  async removeOthers(current: string): Promise<void> {
    for (const name of await readdir(this.#dir)) {
      if (FOLDER_PATTERN.test(name) && name !== current) await this.remove(name);
    }
  }
}
