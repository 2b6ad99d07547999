import {
  EMPTY_CONF_STATE,
  ZERO_INDEX,
  ZERO_TERM,
  type ConfState,
  type LogIndex,
  type Term,
} from '../../consensus/types.ts';
import type { AppliedPosition } from '../../node/ports.ts';
import type { StampMs } from '../../protocol/ids.ts';
import { FastHash } from './fast-hash.ts';

export interface HashedRow {
  readonly value: Uint8Array;
  readonly hash: number;
}

/** A row that was put, or undefined for one that was deleted. */
export type RowChange = readonly [key: string, row: HashedRow | undefined];

export interface StateCommit {
  readonly position: AppliedPosition;
  readonly changes: readonly RowChange[];
  /** Of the whole state afterwards. */
  readonly hash: number;
}

/** Sums of 52-bit hashes stay exact as long as they are reduced. */
const HASH_MODULUS = 2 ** 52;
const plus = (a: number, b: number): number => (a + b < HASH_MODULUS ? a + b : a + b - HASH_MODULUS);
const minus = (a: number, b: number): number => (a >= b ? a - b : a - b + HASH_MODULUS);

export const hashedRow = (key: string, value: Uint8Array): HashedRow => ({
  value,
  hash: new FastHash().text(key).bytes(value).value(),
});

/** Rows with the position they contain and a multiset hash over them. */
export class StateImage {
  readonly rows: Map<string, HashedRow>;
  index: LogIndex = ZERO_INDEX;
  term: Term = ZERO_TERM;
  stampMs = 0 as StampMs;
  confState: ConfState = EMPTY_CONF_STATE;
  hash = 0;

  constructor(rows = new Map<string, HashedRow>()) {
    this.rows = rows;
  }

  copy(): StateImage {
    const image = new StateImage(new Map(this.rows));
    image.index = this.index;
    image.term = this.term;
    image.stampMs = this.stampMs;
    image.confState = this.confState;
    image.hash = this.hash;
    return image;
  }

  /** The hash that the state will have with these changes. */
  hashWith(changes: readonly RowChange[]): number {
    let { hash } = this;
    for (const [key, row] of changes) {
      const old = this.rows.get(key);
      if (old !== undefined) hash = minus(hash, old.hash);
      if (row !== undefined) hash = plus(hash, row.hash);
    }
    return hash;
  }

  /** Keys are different from each other. */
  commit({ position, changes, hash }: StateCommit): void {
    for (const [key, row] of changes) {
      if (row === undefined) this.rows.delete(key);
      else this.rows.set(key, row);
    }
    this.hash = hash;
    this.index = position.index;
    this.term = position.term;
    this.stampMs = position.stampMs;
    if (position.confState !== undefined) this.confState = position.confState;
  }

  /** Flips a bit of a row (`place` in `[0, 1)`). False when there is none to flip. */
  flipBit(place: number): boolean {
    const keys = [...this.rows.keys()];
    const key = keys[Math.floor(place * keys.length)];
    const row = key === undefined ? undefined : this.rows.get(key);
    if (key === undefined || row === undefined || row.value.length === 0) return false;
    const value = Uint8Array.from(row.value);
    value[Math.floor(place * value.length)]! ^= 1;
    this.rows.set(key, { ...row, value });
    return true;
  }

  /** A row whose checksum does not match; undefined in a sound state. */
  firstBroken(): string | undefined {
    for (const [key, row] of this.rows) if (hashedRow(key, row.value).hash !== row.hash) return key;
    return undefined;
  }

  get hashText(): string {
    return this.hash.toString(16);
  }
}
