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

const FIRST_GENERATION = 1;

/** What one write fills: the same slot twice, so that a spot on the disk that goes bad takes one of them. */
const SIDE_BYTES = 2 * SLOT_BYTES;

/**
 * Two sides in a small preallocated file, beside the log database and independent of it, so that a log which lost
 * its end is found out. Writes alternate: the side that was synced last is never touched before the other one is
 * synced too, so one of them always survives a crash. Each side holds its slot twice: what is on it is lost only when
 * both are, which no crash does, for a write that is cut short leaves the second as it was.
 *
 * All calls to the file system are asynchronous: even a write to a cached page waits while the journal of the file
 * system commits, and the event loop must not. At most one runs; newer content replaces what still waits.
 */
export class MarkFile {
  readonly #fd: number;
  readonly #options: MarkFileOptions;
  #content: MarkContent;
  #generation: number;
  /** Where the next write goes. */
  #side: 0 | 1;
  /** `#content` is not written yet. */
  #dirty = false;
  /** Something is written that is not synced yet. */
  #unsynced = false;
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

  private constructor(
    fd: number,
    options: MarkFileOptions,
    { newest, side, untouched, isNewest }: { newest: MarkSlot; side: 0 | 1; untouched: boolean; isNewest: boolean },
  ) {
    this.#fd = fd;
    this.#options = options;
    this.#content = newest;
    this.#generation = newest.generation;
    this.#side = side;
    this.untouched = untouched;
    this.isNewest = isNewest;
  }

  static async create(options: MarkFileOptions, content: MarkContent): Promise<MarkFile> {
    const first: MarkSlot = { ...content, generation: FIRST_GENERATION };
    const handle = await open(options.path, 'w', 0o600);
    try {
      await handle.write(Buffer.concat([encodeSide(first), Buffer.alloc(SIDE_BYTES)]), 0, 2 * SIDE_BYTES, 0);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await syncDirectory(dirname(options.path));
    const fd = await openDescriptor(options.path);
    return new MarkFile(fd, options, { newest: first, side: 1, untouched: true, isNewest: true });
  }

  /** @returns undefined when no slot is whole, or the file is cut off */
  static async open(options: MarkFileOptions): Promise<MarkFile | undefined> {
    const { sides, isWhole, secondIsBlank } = await readSides(options.path);
    const [first, second] = sides;
    const newest = newerSlot(first.slot, second.slot);
    if (newest === undefined || !isWhole) return undefined;
    const fd = await openDescriptor(options.path);
    // What was read may be in the page cache alone; the other side may be the only durable one.
    await promisify(fdatasync)(fd);
    const untouched = newest.generation === FIRST_GENERATION && secondIsBlank;
    const isNewest = first.slot !== undefined && (second.slot !== undefined || secondIsBlank);
    const file = new MarkFile(fd, options, { newest, side: newest === first.slot ? 1 : 0, untouched, isNewest });
    // What is left of a broken side must not have to last: the other side takes it up, whole. But a file that says that
    // nothing was ever promised has to go on saying so.
    const isBroken = first.broken || (second.broken && !secondIsBlank);
    if (isBroken && isNewest && !untouched) file.update(newest);
    return file;
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
    const bytes = encodeSide({ ...this.#content, generation: this.#generation });
    this.#running = true;
    write(this.#fd, bytes, 0, bytes.length, this.#side * SIDE_BYTES, (error, written) => {
      this.#ended();
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
    this.#running = true;
    fdatasync(this.#fd, (error) => {
      this.#ended();
      if (error !== null) {
        this.#fail(error);
        return;
      }
      this.#busy = false;
      this.#unsynced = false;
      this.#side = this.#side === 0 ? 1 : 0;
      for (const done of waiting) done();
      this.#pump();
    });
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

/** What the file holds, without opening it for writing. */
export async function readMark(path: string): Promise<MarkContent | undefined> {
  const { sides } = await readSides(path);
  return newerSlot(sides[0].slot, sides[1].slot);
}

interface ReadSide {
  readonly slot: MarkSlot | undefined;
  /** One of its two slots cannot be read, or differs from the other. */
  readonly broken: boolean;
}

interface ReadSides {
  readonly sides: readonly [ReadSide, ReadSide];
  /** The file has its full size. */
  readonly isWhole: boolean;
  /** Nothing was ever written to the second one. */
  readonly secondIsBlank: boolean;
}

async function readSides(path: string): Promise<ReadSides> {
  const handle = await open(path, 'r');
  try {
    const bytes = Buffer.alloc(2 * SIDE_BYTES);
    const { bytesRead } = await handle.read(bytes, 0, bytes.length, 0);
    const second = bytes.subarray(SIDE_BYTES, bytesRead);
    return {
      sides: [readSide(bytes.subarray(0, Math.min(SIDE_BYTES, bytesRead))), readSide(second)],
      isWhole: bytesRead === bytes.length,
      secondIsBlank: second.every((byte) => byte === 0),
    };
  } finally {
    await handle.close();
  }
}

function readSide(bytes: Buffer): ReadSide {
  const [one, other] = [decodeMarkSlot(bytes.subarray(0, SLOT_BYTES)), decodeMarkSlot(bytes.subarray(SLOT_BYTES))];
  return { slot: newerSlot(one, other), broken: one?.generation !== other?.generation || one === undefined };
}

function encodeSide(slot: MarkSlot): Buffer {
  const bytes = encodeMarkSlot(slot);
  return Buffer.concat([bytes, bytes]);
}

function openDescriptor(path: string): Promise<number> {
  return promisify(openFile)(path, 'r+');
}
