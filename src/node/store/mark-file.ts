import { close as closeFile, fdatasync, open as openFile, write } from 'node:fs';
import { open } from 'node:fs/promises';
import { dirname } from 'node:path';
import { promisify } from 'node:util';
import type { Done } from '../ports.ts';
import type { FatalSwitch } from './fatal-switch.ts';
import { syncDirectory } from './files.ts';
import { SLOT_BYTES, decodeMarkSlot, encodeMarkSlot, newerSlot, type MarkContent, type MarkSlot } from './mark-slot.ts';

export interface MarkFileOptions {
  readonly path: string;
  /** A mark that was written is synced within this time. */
  readonly syncIntervalMs: number;
  readonly fatal: FatalSwitch;
}

/**
 * Two slots in a small preallocated file, beside the log database and independent of it, so that a log which lost
 * its end is found out. Writes alternate: the slot that was synced last is never touched before the other one is
 * synced too, so one of them always survives.
 *
 * All calls to the file system are asynchronous: even a write to a cached page waits while the journal of the file
 * system commits, and the event loop must not. At most one runs; newer content replaces what still waits.
 */
export class MarkFile {
  readonly #fd: number;
  readonly #options: MarkFileOptions;
  #content: MarkContent;
  #generation: number;
  #slot: 0 | 1;
  /** `#content` is not written yet. */
  #dirty = false;
  /** Something is written that is not synced yet. */
  #unsynced = false;
  #syncWanted = false;
  #waiting: Done[] = [];
  #busy = false;
  #closed = false;
  #timer: NodeJS.Timeout | undefined;

  private constructor(fd: number, options: MarkFileOptions, newest: MarkSlot, slot: 0 | 1) {
    this.#fd = fd;
    this.#options = options;
    this.#content = newest;
    this.#generation = newest.generation;
    this.#slot = slot;
  }

  static async create(options: MarkFileOptions, content: MarkContent): Promise<MarkFile> {
    const first: MarkSlot = { ...content, generation: 1 };
    const handle = await open(options.path, 'w', 0o600);
    try {
      await handle.write(Buffer.concat([encodeMarkSlot(first), Buffer.alloc(SLOT_BYTES)]), 0, 2 * SLOT_BYTES, 0);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await syncDirectory(dirname(options.path));
    return new MarkFile(await openDescriptor(options.path), options, first, 1);
  }

  /** @returns undefined when neither slot is whole */
  static async open(options: MarkFileOptions): Promise<MarkFile | undefined> {
    const slots = await readSlots(options.path);
    const newest = newerSlot(slots[0], slots[1]);
    if (newest === undefined) return undefined;
    const fd = await openDescriptor(options.path);
    // What was read may be in the page cache alone; the other slot may be the only durable one.
    await promisify(fdatasync)(fd);
    return new MarkFile(fd, options, newest, newest === slots[0] ? 1 : 0);
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
    await promisify(closeFile)(this.#fd);
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
    const bytes = encodeMarkSlot({ ...this.#content, generation: this.#generation });
    write(this.#fd, bytes, 0, bytes.length, this.#slot * SLOT_BYTES, (error, written) => {
      if (error !== null || written !== bytes.length) {
        this.#fail(
          error ?? new Error(`only ${written} of ${bytes.length} bytes were written to ${this.#options.path}`),
        );
        return;
      }
      this.#busy = false;
      this.#unsynced = true;
      this.#pump();
    });
  }

  #sync(): void {
    this.#syncWanted = false;
    const waiting = this.#waiting;
    this.#waiting = [];
    if (!this.#unsynced) {
      for (const done of waiting) done();
      return;
    }
    this.#busy = true;
    fdatasync(this.#fd, (error) => {
      if (error !== null) {
        this.#fail(error);
        return;
      }
      this.#busy = false;
      this.#unsynced = false;
      this.#slot = this.#slot === 0 ? 1 : 0;
      for (const done of waiting) done();
      this.#pump();
    });
  }

  /** Leaves `#busy` set: nothing is written after a failure. */
  #fail(error: Error): void {
    this.#options.fatal.trip(new Error(`writing ${this.#options.path} failed: ${error.message}`, { cause: error }));
  }
}

/** What the two slots hold, without opening the file for writing. */
export async function readMark(path: string): Promise<MarkContent | undefined> {
  const slots = await readSlots(path);
  return newerSlot(slots[0], slots[1]);
}

async function readSlots(path: string): Promise<[MarkSlot | undefined, MarkSlot | undefined]> {
  const handle = await open(path, 'r');
  try {
    const bytes = Buffer.alloc(2 * SLOT_BYTES);
    const { bytesRead } = await handle.read(bytes, 0, bytes.length, 0);
    const read = bytes.subarray(0, bytesRead);
    return [decodeMarkSlot(read.subarray(0, SLOT_BYTES)), decodeMarkSlot(read.subarray(SLOT_BYTES))];
  } finally {
    await handle.close();
  }
}

function openDescriptor(path: string): Promise<number> {
  return promisify(openFile)(path, 'r+');
}
