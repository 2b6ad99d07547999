import assert from 'node:assert/strict';
import type { Entry, LogIndex } from '../../consensus/types.ts';
import { chainHashOf, type ChainHash } from './chain-hash.ts';
import { ownBytes } from './own-bytes.ts';

/** What an entry costs in memory beside its data. */
const ENTRY_OVERHEAD_BYTES = 200;
/** Dropped slots at the front of the array before it is moved. */
const SLACK_MAX = 1024;

/**
 * The newest entries in memory, without a gap up to the last one of the log: what the core and followers that keep
 * up ask for. Their hashes are computed when they are first needed.
 */
export class LogTail {
  #entries: (Entry | undefined)[] = [];
  /** Hashes of a prefix of `#entries`. */
  #hashes: ChainHash[] = [];
  /** Slots at the front that are no longer in use. */
  #dropped = 0;
  #first: LogIndex;
  #before: ChainHash;
  #bytes = 0;

  /**
   * @param first index of the first entry that will be pushed
   * @param before chain hash of the entry before it
   */
  constructor(first: LogIndex, before: ChainHash) {
    this.#first = first;
    this.#before = before;
  }

  get first(): LogIndex {
    return this.#first;
  }

  get next(): LogIndex {
    return (this.#first + this.#entries.length - this.#dropped) as LogIndex;
  }

  get bytes(): number {
    return this.#bytes;
  }

  push(entry: Entry, hash?: ChainHash): void {
    assert(entry.index === this.next, `entry ${entry.index} does not follow ${this.next - 1}`);
    this.#entries.push({ ...entry, data: ownBytes(entry.data) });
    if (hash !== undefined) this.setHashes(entry.index, [hash]);
    this.#bytes += costBytes(entry);
  }

  at(index: LogIndex): Entry {
    const entry = this.#entries[this.#slot(index)];
    assert(entry !== undefined, `entry ${index} is not in memory`);
    return entry;
  }

  /** Entries `lo ≤ index < hi`, all of which are here. */
  slice(lo: LogIndex, hi: LogIndex): Entry[] {
    assert(lo >= this.#first && hi <= this.next);
    return this.#entries.slice(this.#slot(lo), this.#slot(hi)) as Entry[];
  }

  /** Chain hash at `index`, for `first - 1 ≤ index < next`. */
  hashAt(index: LogIndex): ChainHash {
    assert(index >= this.#first - 1 && index < this.next);
    if (index === this.#first - 1) return this.#before;
    for (let slot = this.#hashes.length; slot <= this.#slot(index); slot += 1) {
      const before = slot === this.#dropped ? this.#before : this.#hashes[slot - 1]!;
      this.#hashes.push(chainHashOf(before, this.#entries[slot]!));
    }
    return this.#hashes[this.#slot(index)]!;
  }

  /** Remembers hashes that were computed while packing the entries from `index` on. */
  setHashes(index: LogIndex, hashes: readonly ChainHash[]): void {
    const slot = this.#slot(index);
    if (slot > this.#hashes.length) return;
    for (let at = this.#hashes.length - slot; at < hashes.length; at += 1) this.#hashes.push(hashes[at]!);
  }

  /** Forgets `index` and everything after it; `first ≤ index`. */
  truncateFrom(index: LogIndex): void {
    assert(index >= this.#first);
    const slot = this.#slot(index);
    for (let at = slot; at < this.#entries.length; at += 1) this.#bytes -= costBytes(this.#entries[at]!);
    this.#entries.length = slot;
    this.#hashes.length = Math.min(this.#hashes.length, slot);
  }

  /** Forgets entries before `index`. */
  dropBefore(index: LogIndex): void {
    const stop = Math.min(index, this.next) as LogIndex;
    if (stop <= this.#first) return;
    this.#before = this.hashAt((stop - 1) as LogIndex);
    for (let at = this.#dropped; at < this.#slot(stop); at += 1) {
      this.#bytes -= costBytes(this.#entries[at]!);
      this.#entries[at] = undefined;
    }
    this.#dropped = this.#slot(stop);
    this.#first = stop;
    if (this.#dropped > SLACK_MAX) this.#moveToFront();
  }

  /** Forgets the oldest entries, but none from `pinned` on, until the rest costs at most `bytesMax`. */
  shrink(bytesMax: number, pinned: LogIndex): void {
    let index = this.#first;
    let bytes = this.#bytes;
    while (bytes > bytesMax && index < pinned) {
      bytes -= costBytes(this.at(index));
      index = (index + 1) as LogIndex;
    }
    this.dropBefore(index);
  }

  #slot(index: LogIndex): number {
    return index - this.#first + this.#dropped;
  }

  #moveToFront(): void {
    this.#entries = this.#entries.slice(this.#dropped);
    this.#hashes = this.#hashes.slice(this.#dropped);
    this.#dropped = 0;
  }
}

function costBytes(entry: Entry): number {
  return entry.data.length + ENTRY_OVERHEAD_BYTES;
}
