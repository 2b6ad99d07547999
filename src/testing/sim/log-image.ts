import { countWithin } from '../../consensus/log/entry-bytes.ts';
import { COMPACTED, UNAVAILABLE, type LogGap } from '../../consensus/log-storage.ts';
import {
  EMPTY_HARD_STATE,
  minIndex,
  NO_PEER,
  plus,
  ZERO_INDEX,
  ZERO_TERM,
  type Entry,
  type EntryId,
  type HardState,
  type LogIndex,
  type SnapshotMetadata,
  type Term,
} from '../../consensus/types.ts';
import type { LogWrite } from '../../node/ports.ts';
import { FastHash, hashBytes, hashOfBytes } from './fast-hash.ts';
import { insist } from './violation.ts';

export const entryHash = (previous: number, entry: Entry): number =>
  new FastHash(previous).number(entry.term).number(entry.index).text(entry.type).bytes(entry.data).value();

/** Where a log begins after a snapshot. */
interface LogBase {
  readonly index: LogIndex;
  readonly term: Term;
  readonly hash: number;
  /** The hash as the snapshot had it. */
  readonly bytes: Uint8Array | undefined;
}

const EMPTY_BASE: LogBase = { index: ZERO_INDEX, term: ZERO_TERM, hash: 0, bytes: undefined };

/** A write with the hashes that its entries got when it was accepted: the disk takes both over. */
export interface HashedWrite {
  readonly hardState: HardState | undefined;
  readonly entries: readonly Entry[];
  readonly hashes: readonly number[];
  readonly base: LogBase | undefined;
}

/** The content of a log, with the chained hash of every entry: what is accepted, or what is on disk. */
export class LogImage {
  hardState: HardState = EMPTY_HARD_STATE;
  #base: LogBase = EMPTY_BASE;
  #entries: Entry[] = [];
  #hashes: number[] = [];

  copy(): LogImage {
    const image = new LogImage();
    image.hardState = this.hardState;
    image.#base = this.#base;
    image.#entries = this.#entries.slice();
    image.#hashes = this.#hashes.slice();
    return image;
  }

  get firstIndex(): LogIndex {
    return plus(this.#base.index, 1);
  }

  get lastIndex(): LogIndex {
    return plus(this.#base.index, this.#entries.length);
  }

  /** Where the next entry would stand. */
  get afterLast(): LogIndex {
    return plus(this.lastIndex, 1);
  }

  entries(lo: LogIndex, hi: LogIndex, maxBytes: number): Entry[] | LogGap {
    const baseIndex = this.#base.index;
    if (lo <= baseIndex) return COMPACTED;
    if (hi > this.lastIndex + 1) return UNAVAILABLE;
    const start = lo - baseIndex - 1;
    const count = countWithin(this.#entries, start, hi - baseIndex - 1, maxBytes);
    return this.#entries.slice(start, start + count);
  }

  term(index: LogIndex): Term | LogGap {
    if (index < this.#base.index) return COMPACTED;
    if (index === this.#base.index) return this.#base.term;
    return this.#entries[index - this.#base.index - 1]?.term ?? UNAVAILABLE;
  }

  /** The chain up to `index`; undefined where it is not known (any more, or yet). */
  hash(index: LogIndex): number | undefined {
    return index === this.#base.index ? this.#base.hash : this.#hashes[index - this.#base.index - 1];
  }

  /** The same as other ports see it. */
  hashBytes(index: LogIndex): Uint8Array | undefined {
    if (index === this.#base.index && this.#base.bytes !== undefined) return this.#base.bytes;
    const hash = this.hash(index);
    return hash === undefined ? undefined : hashBytes(hash);
  }

  /** Takes a write in, and returns it with the hashes of its entries. */
  accept({ hardState, entries, snapshot }: LogWrite): HashedWrite {
    const base = snapshot && baseOf(snapshot.metadata, snapshot.chainHash);
    if (base !== undefined) this.#restart(base);
    const hashes = this.#hashesFor(entries);
    const write: HashedWrite = { hardState, entries, hashes, base: undefined };
    this.write(write);
    return base === undefined ? write : { ...write, base };
  }

  #hashesFor(entries: readonly Entry[]): readonly number[] {
    const first = entries[0];
    if (first === undefined) return [];
    let hash = this.hash(plus(first.index, -1));
    insist(hash !== undefined, 'log-gap', () => `append at ${first.index} of ${this.lastIndex}`);
    const hashes: number[] = [];
    for (const entry of entries) {
      hash = entryHash(hash, entry);
      hashes.push(hash);
    }
    return hashes;
  }

  write({ hardState, entries, hashes, base }: HashedWrite): void {
    if (base !== undefined) this.#restart(base);
    if (hardState !== undefined) this.hardState = hardState;
    const first = entries[0];
    if (first === undefined) return;
    const from = first.index - this.#base.index - 1;
    insist(from >= 0 && from <= this.#entries.length, 'log-gap', () => `append at ${first.index} of ${this.lastIndex}`);
    this.#entries.length = from;
    this.#hashes.length = from;
    for (let at = 0; at < entries.length; at += 1) {
      this.#entries.push(entries[at]!);
      this.#hashes.push(hashes[at]!);
    }
  }

  /** What is left of a write that was cut short after `count` of its entries: its hard state, and those. */
  writeTorn({ hardState, entries, hashes }: HashedWrite, count: number): void {
    this.write({
      hardState: undefined,
      entries: entries.slice(0, count),
      hashes: hashes.slice(0, count),
      base: undefined,
    });
    if (hardState === undefined) return;
    this.hardState = { ...hardState, commit: minIndex(hardState.commit, this.lastIndex) };
  }

  #restart(base: LogBase): void {
    this.#base = base;
    this.#entries = [];
    this.#hashes = [];
  }

  compact(index: LogIndex): void {
    if (index <= this.#base.index) return;
    insist(index <= this.lastIndex, 'log-gap', () => `compact to ${index} of ${this.lastIndex}`);
    const count = index - this.#base.index;
    this.#base = { index, term: this.#entries[count - 1]!.term, hash: this.#hashes[count - 1]!, bytes: undefined };
    this.#entries = this.#entries.slice(count);
    this.#hashes = this.#hashes.slice(count);
  }

  /**
   * Flips a bit of an entry's data, somewhere in the log (`place` in `[0, 1)`), not where it is `spared`. Returns where;
   * undefined when there is none to flip.
   */
  flipBit(place: number, isSpared: (index: LogIndex) => boolean = () => false): LogIndex | undefined {
    for (let offset = 0; offset < this.#entries.length; offset += 1) {
      const at = (Math.floor(place * this.#entries.length) + offset) % this.#entries.length;
      const entry = this.#entries[at]!;
      if (entry.data.length === 0 || isSpared(entry.index)) continue;
      const data = Uint8Array.from(entry.data);
      data[Math.floor(place * data.length)]! ^= 1;
      this.#entries[at] = { ...entry, data };
      return entry.index;
    }
    return undefined;
  }

  /** The last `count` entries were never written, nor the term and vote that came with them. */
  loseTail(count: number): void {
    this.cutFrom(plus(this.lastIndex, 1 - count));
    const { term } = this.lastEntryId();
    this.hardState = { ...this.hardState, term, vote: NO_PEER };
  }

  get length(): number {
    return this.#entries.length;
  }

  /** Only what comes before `index` is left; how far it is committed is not believed any more. */
  cutFrom(index: LogIndex): void {
    const count = Math.max(0, index - this.#base.index - 1);
    this.#entries.length = count;
    this.#hashes.length = count;
    this.hardState = { ...this.hardState, commit: this.#base.index };
  }

  /** Nothing is left but the promises. */
  clear(): void {
    this.#restart(EMPTY_BASE);
    this.hardState = { ...this.hardState, commit: ZERO_INDEX };
  }

  lastEntryId(): EntryId {
    return { index: this.lastIndex, term: this.#entries.at(-1)?.term ?? this.#base.term };
  }

  /** Entries whose data is not what their hashes say, in order. */
  broken(): readonly LogIndex[] {
    const broken: LogIndex[] = [];
    let previous = this.#base.hash;
    for (const [at, entry] of this.#entries.entries()) {
      const hash = this.#hashes[at]!;
      if (entryHash(previous, entry) !== hash) broken.push(entry.index);
      previous = hash;
    }
    return broken;
  }
}

function baseOf({ index, term }: SnapshotMetadata, chainHash: Uint8Array): LogBase {
  return { index, term, hash: hashOfBytes(chainHash), bytes: chainHash };
}
