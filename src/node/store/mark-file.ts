import { close as closeFile, fdatasync, open as openFile, write } from 'node:fs';
import { open } from 'node:fs/promises';
import { dirname } from 'node:path';
import { promisify } from 'node:util';
import type { Done } from '../ports.ts';
import type { FatalSwitch } from './fatal-switch.ts';
import { syncDirectory } from './files.ts';
import { SIDE_BYTES, copiesOf, encodeSide, firstContent, mendCopies, type ReadMark } from './mark-copies.ts';
import type { MarkContent } from './mark-slot.ts';

export interface MarkFileOptions {
  readonly path: string;
  /** A mark that was written is synced within this time. */
  readonly syncIntervalMs: number;
  readonly fatal: FatalSwitch;
}

const writeAt = promisify(write);
const syncFile = promisify(fdatasync);

/**
 * Two sides in a small preallocated file, beside the log database and independent of it, so that a log which lost
 * its end is found out. Writes alternate: the side that was synced last is never touched before the other one is
 * synced too, so one of them always survives a crash. Each side holds its slot twice: what is on it is lost only when
 * both are, which no crash does, for a write that is cut short leaves the second as it was.
 *
 * A second file holds the same, as of the last sync: what was promised survives the loss of either.
 *
 * All calls to the file system are asynchronous: even a write to a cached page waits while the journal of the file
 * system commits, and the event loop must not. At most one runs; newer content replaces what still waits.
 */
export class MarkFile {
  readonly #fd: number;
  readonly #copy: number;
  readonly #options: MarkFileOptions;
  #content: MarkContent;
  #generation: number;
  /** Where the next write goes. */
  #side: 0 | 1;
  /** `#content` is not written yet. */
  #dirty = false;
  /** What is written, but neither synced nor in the other file. */
  #unsynced: Buffer | undefined;
  #syncWanted = false;
  #waiting: Done[] = [];
  /** Nothing may be begun: a call to the file system runs, or one has failed. */
  #busy = false;
  /** A call to the file system runs. */
  #running = false;
  #closed = false;
  #timer: NodeJS.Timeout | undefined;
  /** Called when no call to the file system runs any more. */
  #onQuiet: (() => void) | undefined;
  /**
   * Whether it is as it was made: then nothing was ever promised in this directory, for every vote and every first
   * acknowledgement is preceded by a synced write here.
   */
  readonly untouched: boolean;
  /** Whether nothing newer can have stood on the other side when the file was opened: it can be read, too. */
  readonly isNewest: boolean;

  private constructor([fd, copy]: readonly [number, number], options: MarkFileOptions, read: ReadMark) {
    this.#fd = fd;
    this.#copy = copy;
    this.#options = options;
    this.#content = read.newest;
    this.#generation = read.newest.generation;
    this.#side = read.side === 0 ? 1 : 0;
    this.untouched = read.untouched;
    this.isNewest = read.isNewest;
  }

  static async create(options: MarkFileOptions, content: MarkContent): Promise<MarkFile> {
    const { slot, bytes } = firstContent(content);
    for (const path of copiesOf(options.path)) {
      const handle = await open(path, 'w', 0o600);
      try {
        await handle.write(bytes, 0, bytes.length, 0);
        await handle.sync();
      } finally {
        await handle.close();
      }
    }
    await syncDirectory(dirname(options.path));
    const read = { newest: slot, side: 0, untouched: true, isNewest: true } as const;
    return new MarkFile(await openBoth(options.path), options, read);
  }

  /**
   * What can be read of either file is from now on in both.
   * @returns undefined when no slot is whole, or both files are cut off
   */
  static async open(options: MarkFileOptions): Promise<MarkFile | undefined> {
    const read = await mendCopies(options.path);
    if (read === undefined) return undefined;
    const files = await openBoth(options.path);
    // What was read may be in the page cache alone; the other side may be the only durable one.
    for (const file of files) await syncFile(file);
    return new MarkFile(files, options, read);
  }

  get content(): MarkContent {
    return this.#content;
  }

  /** Replaces the content: written as soon as no other write runs, synced within `syncIntervalMs`. */
  update(content: MarkContent): void {
    this.#content = content;
    this.#dirty = true;
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      this.#syncWanted = true;
      this.#pump();
    }, this.#options.syncIntervalMs);
    this.#pump();
  }

  /** Calls `done` once the content of now is durable. */
  sync(done: Done): void {
    this.#waiting.push(done);
    this.#syncWanted = true;
    this.#pump();
  }

  async close(): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#options.fatal.onTrip(resolve);
      this.sync(resolve);
    });
    clearTimeout(this.#timer);
    this.#closed = true;
    // A write that still runs must not end up in another file that gets the same descriptor.
    if (this.#running) await new Promise<void>((resolve) => (this.#onQuiet = resolve));
    for (const file of [this.#fd, this.#copy]) await promisify(closeFile)(file);
  }

  #pump(): void {
    if (this.#busy || this.#closed || this.#options.fatal.tripped) return;
    if (this.#dirty) this.#write();
    else if (this.#syncWanted) this.#sync();
  }

  #write(): void {
    this.#busy = true;
    this.#dirty = false;
    this.#generation += 1;
    const bytes = encodeSide({ ...this.#content, generation: this.#generation });
    this.#running = true;
    write(this.#fd, bytes, 0, bytes.length, this.#side * SIDE_BYTES, (error, written) => {
      this.#ended();
      if (error !== null || written !== bytes.length) {
        this.#fail(error ?? tooShort(written, bytes));
        return;
      }
      this.#busy = false;
      this.#unsynced = bytes;
      this.#pump();
    });
  }

  #sync(): void {
    this.#syncWanted = false;
    const waiting = this.#waiting;
    this.#waiting = [];
    const bytes = this.#unsynced;
    if (bytes === undefined) {
      for (const done of waiting) done();
      return;
    }
    this.#busy = true;
    this.#running = true;
    void this.#syncThenTell(bytes, waiting);
  }

  async #syncThenTell(bytes: Buffer, waiting: readonly Done[]): Promise<void> {
    try {
      await this.#syncBoth(bytes);
    } catch (error) {
      this.#ended();
      this.#fail(error as Error);
      return;
    }
    this.#ended();
    this.#busy = false;
    this.#unsynced = undefined;
    this.#side = this.#side === 0 ? 1 : 0;
    for (const done of waiting) done();
    this.#pump();
  }

  /** Ends only when no call runs any more, also where one fails. */
  async #syncBoth(bytes: Buffer): Promise<void> {
    const first = syncFile(this.#fd);
    const second = writeAt(this.#copy, bytes, 0, bytes.length, this.#side * SIDE_BYTES).then(({ bytesWritten }) => {
      if (bytesWritten !== bytes.length) throw tooShort(bytesWritten, bytes);
      return syncFile(this.#copy);
    });
    for (const outcome of await Promise.allSettled([first, second])) {
      if (outcome.status === 'rejected') throw outcome.reason;
    }
  }

  #ended(): void {
    this.#running = false;
    this.#onQuiet?.();
  }

  /** Leaves `#busy` set: nothing is written after a failure. */
  #fail(error: Error): void {
    this.#options.fatal.trip(new Error(`writing ${this.#options.path} failed: ${error.message}`, { cause: error }));
  }
}

const tooShort = (written: number, bytes: Buffer): Error =>
  new Error(`only ${written} of ${bytes.length} bytes were written`);

async function openBoth(path: string): Promise<[number, number]> {
  const [first, second] = copiesOf(path);
  const openForWriting = promisify(openFile);
  return [await openForWriting(first, 'r+'), await openForWriting(second, 'r+')];
}
