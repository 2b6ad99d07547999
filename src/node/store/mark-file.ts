import { close as closeFile, fdatasync, open as openFile, write } from 'node:fs';
import { open } from 'node:fs/promises';
import { dirname } from 'node:path';
import { promisify } from 'node:util';
import type { RowSeal } from '../at-rest/row-seal.ts';
import type { Done } from '../ports.ts';
import type { FatalSwitch } from './fatal-switch.ts';
import { syncDirectory } from './files.ts';
import { SIDES, SIDE_BYTES, copiesOf, encodeSide, firstContent, mendCopies, type ReadMark } from './mark-copies.ts';
import type { MarkContent } from './mark-slot.ts';

export interface MarkFileOptions {
  readonly path: string;
  /** A mark that was written is synced within this time. */
  readonly syncIntervalMs: number;
  readonly fatal: FatalSwitch;
  readonly seal: RowSeal;
}

const writeAt = promisify(write);
const syncFile = promisify(fdatasync);

/**
 * Three sides in a small preallocated file, beside the log database and independent of it, so that a log which lost
 * its end is found out. The side that was synced last is never touched before another one is synced too, so one of
 * them always survives a crash; the third is written to while that one is being synced, so that nobody who waits for
 * a write waits for a sync. Each side holds its slot twice: what is on it is lost only when both are, which no crash
 * does, for a write that is cut short leaves the second as it was.
 *
 * A second file holds the same, as of the last sync: what was promised survives the loss of either.
 *
 * All calls to the file system are asynchronous: even a write to a cached page waits while the journal of the file
 * system commits, and the event loop must not. At most one write and one sync run; newer content replaces what still
 * waits.
 */
export class MarkFile {
  readonly #fd: number;
  readonly #copy: number;
  readonly #options: MarkFileOptions;
  #content: MarkContent;
  #generation: number;
  /** The one that was synced last. */
  #synced: number;
  /** Where the next write goes. */
  #side: number;
  /** `#content` is not written yet. */
  #dirty = false;
  /** What is written, but neither synced nor in the other file. */
  #unsynced: Buffer | undefined;
  #syncWanted = false;
  /** Those who wait for the next write to end. */
  #unwritten: Done[] = [];
  /** Those who wait for the next sync to end. */
  #waiting: Done[] = [];
  #writing = false;
  #syncing = false;
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
    this.#synced = read.side;
    this.#side = (read.side + 1) % SIDES;
    this.untouched = read.untouched;
    this.isNewest = read.isNewest;
  }

  static async create(options: MarkFileOptions, content: MarkContent): Promise<MarkFile> {
    const { slot, bytes } = firstContent(content, options.seal);
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
    const read = await mendCopies(options.path, options.seal);
    if (read === undefined) return undefined;
    const files = await openBoth(options.path);
    // What was read may be in the page cache alone; the other side may be the only durable one.
    for (const file of files) await syncFile(file);
    return new MarkFile(files, options, read);
  }

  get content(): MarkContent {
    return this.#content;
  }

  /**
   * Replaces the content: written as soon as no other write runs, synced within `syncIntervalMs`. Calls `done` once it
   * is written, so that it survives the end of this process, though not that of the system.
   */
  update(content: MarkContent, done?: Done): void {
    this.#content = content;
    this.#dirty = true;
    if (done !== undefined) this.#unwritten.push(done);
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

  /** Writes the content of now to every side, so that nothing in the files is sealed under an older key. */
  async reseal(): Promise<void> {
    for (let side = 0; side < SIDES; side += 1) {
      this.update(this.#content);
      await new Promise<void>((resolve) => this.sync(resolve));
    }
  }

  async close(): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#options.fatal.onTrip(resolve);
      this.sync(resolve);
    });
    clearTimeout(this.#timer);
    this.#closed = true;
    // A write that still runs must not end up in another file that gets the same descriptor.
    if (this.#isRunning) await new Promise<void>((resolve) => (this.#onQuiet = resolve));
    for (const file of [this.#fd, this.#copy]) await promisify(closeFile)(file);
  }

  get #isRunning(): boolean {
    return this.#writing || this.#syncing;
  }

  #pump(): void {
    if (this.#writing || this.#closed || this.#options.fatal.tripped) return;
    if (this.#dirty) this.#write();
    else if (this.#syncWanted && !this.#syncing) this.#sync();
  }

  #write(): void {
    this.#dirty = false;
    this.#generation += 1;
    const bytes = encodeSide({ ...this.#content, generation: this.#generation }, this.#options.seal);
    const told = this.#unwritten.splice(0);
    this.#writing = true;
    write(this.#fd, bytes, 0, bytes.length, this.#side * SIDE_BYTES, (error, written) => {
      this.#writing = false;
      if (error !== null || written !== bytes.length) this.#fail(error ?? tooShort(written, bytes));
      else {
        this.#unsynced = bytes;
        for (const done of told) done();
      }
      this.#ended();
    });
  }

  #sync(): void {
    this.#syncWanted = false;
    const waiting = this.#waiting.splice(0);
    const bytes = this.#unsynced;
    if (bytes === undefined) {
      for (const done of waiting) done();
      return;
    }
    this.#unsynced = undefined;
    const side = this.#side;
    this.#side = Array.from({ length: SIDES }, (_, at) => at).find((at) => at !== side && at !== this.#synced)!;
    this.#syncing = true;
    void this.#syncThenTell(side, bytes, waiting);
  }

  async #syncThenTell(side: number, bytes: Buffer, waiting: readonly Done[]): Promise<void> {
    try {
      await this.#syncBoth(side, bytes);
    } catch (error) {
      this.#syncing = false;
      this.#fail(error as Error);
      this.#ended();
      return;
    }
    this.#syncing = false;
    this.#synced = side;
    for (const done of waiting) done();
    this.#ended();
  }

  /** Ends only when no call runs any more, also where one fails. */
  async #syncBoth(side: number, bytes: Buffer): Promise<void> {
    const first = syncFile(this.#fd);
    const second = writeAt(this.#copy, bytes, 0, bytes.length, side * SIDE_BYTES).then(({ bytesWritten }) => {
      if (bytesWritten !== bytes.length) throw tooShort(bytesWritten, bytes);
      return syncFile(this.#copy);
    });
    for (const outcome of await Promise.allSettled([first, second])) {
      if (outcome.status === 'rejected') throw outcome.reason;
    }
  }

  #ended(): void {
    if (!this.#isRunning) this.#onQuiet?.();
    this.#pump();
  }

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
