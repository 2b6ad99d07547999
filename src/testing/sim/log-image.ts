import { countWithin } from '../../consensus/log/entry-bytes.ts';
import { COMPACTED, UNAVAILABLE, type LogGap } from '../../consensus/log-storage.ts';
import {
  EMPTY_HARD_STATE,
  plus,
  ZERO_INDEX,
  ZERO_TERM,
  type Entry,
  type HardState,
  type LogIndex,
  type Term,
} from '../../consensus/types.ts';
import type { LogWrite } from '../../node/ports.ts';
import { FastHash, hashOfBytes } from './fast-hash.ts';
import { insist } from './violation.ts';

const entryHash = (previous: number, entry: Entry): number =>
  new FastHash(previous).number(entry.term).number(entry.index).text(entry.type).bytes(entry.data).value();

/** The content of a log, with the chained hash of every entry: what is accepted, or what is on disk. */
export class LogImage {
  hardState: HardState = EMPTY_HARD_STATE;
  #baseIndex: LogIndex = ZERO_INDEX;
  #baseTerm: Term = ZERO_TERM;
  #baseHash = 0;
  #entries: Entry[] = [];
  #hashes: number[] = [];

  copy(): LogImage {
    const image = new LogImage();
    image.hardState = this.hardState;
    image.#baseIndex = this.#baseIndex;
    image.#baseTerm = this.#baseTerm;
    image.#baseHash = this.#baseHash;
    image.#entries = this.#entries.slice();
    image.#hashes = this.#hashes.slice();
    return image;
  }

  get firstIndex(): LogIndex {
    return plus(this.#baseIndex, 1);
  }

  get lastIndex(): LogIndex {
    return plus(this.#baseIndex, this.#entries.length);
  }

  entries(lo: LogIndex, hi: LogIndex, maxBytes: number): Entry[] | LogGap {
    if (lo <= this.#baseIndex) return COMPACTED;
    if (hi > this.lastIndex + 1) return UNAVAILABLE;
    const start = lo - this.#baseIndex - 1;
    const count = countWithin(this.#entries, start, hi - this.#baseIndex - 1, maxBytes);
    return this.#entries.slice(start, start + count);
  }

  term(index: LogIndex): Term | LogGap {
    if (index < this.#baseIndex) return COMPACTED;
    if (index === this.#baseIndex) return this.#baseTerm;
    return this.#entries[index - this.#baseIndex - 1]?.term ?? UNAVAILABLE;
  }

  /** The chain up to `index`; undefined where it is not known (any more, or yet). */
  hash(index: LogIndex): number | undefined {
    return index === this.#baseIndex ? this.#baseHash : this.#hashes[index - this.#baseIndex - 1];
  }

  write({ hardState, entries, snapshot }: LogWrite): void {
    if (snapshot !== undefined) {
      this.#baseIndex = snapshot.metadata.index;
      this.#baseTerm = snapshot.metadata.term;
      this.#baseHash = hashOfBytes(snapshot.chainHash);
      this.#entries = [];
      this.#hashes = [];
    }
    if (hardState !== undefined) this.hardState = hardState;
    this.#append(entries);
  }

  #append(entries: readonly Entry[]): void {
    const first = entries[0];
    if (first === undefined) return;
    const from = first.index - this.#baseIndex - 1;
    insist(from >= 0 && from <= this.#entries.length, 'log-gap', () => `append at ${first.index} of ${this.lastIndex}`);
    this.#entries.length = from;
    this.#hashes.length = from;
    let hash = from === 0 ? this.#baseHash : this.#hashes[from - 1]!;
    for (const entry of entries) {
      hash = entryHash(hash, entry);
      this.#entries.push(entry);
      this.#hashes.push(hash);
    }
  }

  compact(index: LogIndex): void {
    if (index <= this.#baseIndex) return;
    insist(index <= this.lastIndex, 'log-gap', () => `compact to ${index} of ${this.lastIndex}`);
    const count = index - this.#baseIndex;
    this.#baseTerm = this.#entries[count - 1]!.term;
    this.#baseHash = this.#hashes[count - 1]!;
    this.#entries = this.#entries.slice(count);
    this.#hashes = this.#hashes.slice(count);
    this.#baseIndex = index;
  }
}
