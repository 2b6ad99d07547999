import { statfs } from 'node:fs/promises';
import type { Clock } from '../ports.ts';

/** How much room there is where the data is. `low`: nothing new is taken; `full`: nothing may be written any more. */
export type SpaceLevel = 'ok' | 'low' | 'full';

export interface FreeSpace {
  readonly freeBytes: number;
  readonly totalBytes: number;
}

/** Small disks keep less in reserve: at most this part of them. */
const RESERVE_SHARE_MAX = 0.1;
/** Below this part of the reserve nothing is written any more. */
const FULL_SHARE = 0.25;
/** Space that comes and goes around a bound must not make a node go to and fro. */
const RELIEF = 1.25;

/** @param reserveBytes what is to stay free, on a disk that is large enough */
export function levelOf(before: SpaceLevel, space: FreeSpace, reserveBytes: number): SpaceLevel {
  const { freeBytes } = space;
  const reserve = reserveOf(space, reserveBytes);
  if (freeBytes < reserve * FULL_SHARE * (before === 'full' ? RELIEF : 1)) return 'full';
  return freeBytes < reserve * (before === 'ok' ? 1 : RELIEF) ? 'low' : 'ok';
}

const reserveOf = ({ totalBytes }: FreeSpace, reserveBytes: number): number =>
  Math.min(reserveBytes, totalBytes * RESERVE_SHARE_MAX);

/** What a process without special rights may still write below `dir`. */
export async function freeSpaceOf(dir: string): Promise<FreeSpace> {
  const { bavail, blocks, bsize } = await statfs(dir);
  return { freeBytes: bavail * bsize, totalBytes: blocks * bsize };
}

const LOOK_EVERY_MS = 1_000;

export interface DiskSpaceOptions {
  readonly clock: Clock;
  readonly reserveBytes: number;
  /** Default: asks the file system of the data directory. */
  readonly measure: () => Promise<FreeSpace>;
  /** After every look. */
  readonly onLook: (level: SpaceLevel, before: SpaceLevel) => void;
  readonly onFatal: (error: unknown) => void;
}

/** Watches the room on the disk, so that it is noticed before a write fails: what follows that cannot be relied on. */
export class DiskSpace {
  readonly #options: DiskSpaceOptions;
  #level: SpaceLevel = 'ok';
  #space: FreeSpace | null = null;
  #cancel: (() => void) | null = null;
  #stopped = false;

  constructor(options: DiskSpaceOptions) {
    this.#options = options;
  }

  get level(): SpaceLevel {
    return this.#level;
  }

  /** Null before the first look. */
  get freeBytes(): number | null {
    return this.#space?.freeBytes ?? null;
  }

  /** Whether so much more could be written now without using up the reserve. */
  has(bytes: number): boolean {
    if (this.#space === null) return true;
    const reserve = reserveOf(this.#space, this.#options.reserveBytes);
    return this.#level === 'ok' && this.#space.freeBytes - bytes >= reserve;
  }

  /** Counts what is about to be written, so that much of it between two looks cannot use up the reserve. */
  take(bytes: number): boolean {
    if (!this.has(bytes)) return false;
    if (this.#space !== null) this.#space = { ...this.#space, freeBytes: this.#space.freeBytes - bytes };
    return true;
  }

  start(): void {
    this.#look().catch(this.#options.onFatal);
  }

  stop(): void {
    this.#stopped = true;
    this.#cancel?.();
  }

  async #look(): Promise<void> {
    const { measure, reserveBytes, clock, onLook } = this.#options;
    const space = await measure();
    if (this.#stopped) return;
    const before = this.#level;
    this.#space = space;
    this.#level = levelOf(before, space, reserveBytes);
    onLook(this.#level, before);
    if (!this.#stopped) this.#cancel = clock.after(LOOK_EVERY_MS, () => this.start());
  }
}

/** Resolves once there is enough room to open a store: an open one that meets a full disk cannot be trusted. */
export async function waitForSpace(
  dir: string,
  reserveBytes: number,
  { clock, onWait }: { readonly clock: Clock; readonly onWait: (freeBytes: number) => void },
): Promise<void> {
  let level: SpaceLevel = 'ok';
  for (;;) {
    const space = await freeSpaceOf(dir);
    const before = level;
    level = levelOf(before, space, reserveBytes);
    if (level !== 'full') return;
    if (before !== 'full') onWait(space.freeBytes);
    await new Promise<void>((resolve) => void clock.after(LOOK_EVERY_MS, resolve));
  }
}

export function inMebibytes(bytes: number): string {
  return `${(bytes / 1024 / 1024).toFixed(1)} MiB`;
}
