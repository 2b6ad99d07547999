import assert from 'node:assert/strict';
import type { LogIndex } from '../../consensus/types.ts';
import type { ChainHash } from './chain-hash.ts';

/** Where a packed record lies, and the chain hash its last entry must have when it is read again. */
export interface RecordPlace {
  readonly first: LogIndex;
  readonly last: LogIndex;
  readonly hash: ChainHash;
}

/** The records on disk, in order and without gaps. */
export class RecordIndex {
  #places: RecordPlace[] = [];

  get length(): number {
    return this.#places.length;
  }

  push(place: RecordPlace): void {
    const last = this.#places.at(-1);
    assert(last === undefined || place.first === last.last + 1, 'a gap between records');
    this.#places.push(place);
  }

  /** The record that holds `index`. */
  find(index: LogIndex): RecordPlace | undefined {
    let low = 0;
    let high = this.#places.length - 1;
    while (low <= high) {
      const middle = (low + high) >> 1;
      const place = this.#places[middle]!;
      if (place.last < index) low = middle + 1;
      else if (place.first > index) high = middle - 1;
      else return place;
    }
    return undefined;
  }

  /** Takes out the records that hold `index` or anything after it. */
  takeFrom(index: LogIndex): RecordPlace[] {
    let keep = this.#places.length;
    while (keep > 0 && this.#places[keep - 1]!.last >= index) keep -= 1;
    return this.#places.splice(keep);
  }

  /** Takes out the records that hold nothing after `index`. */
  takeThrough(index: LogIndex): RecordPlace[] {
    let count = 0;
    while (count < this.#places.length && this.#places[count]!.last <= index) count += 1;
    return this.#places.splice(0, count);
  }

  clear(): void {
    this.#places = [];
  }
}
