import {
  EMPTY_CONF_STATE,
  ZERO_INDEX,
  ZERO_TERM,
  type ConfState,
  type LogIndex,
  type Term,
} from '../../consensus/types.ts';
import type { StampMs } from '../../protocol/ids.ts';
import type { AppliedPosition, StateSnapshotHeader } from '../../node/ports.ts';
import { FastHash } from './fast-hash.ts';
import type { Prng } from './prng.ts';

export type RowChange = readonly [key: string, value: Uint8Array | undefined];

export interface StateCommit {
  readonly position: AppliedPosition;
  readonly changes: readonly RowChange[];
}

const rowHash = (key: string, value: Uint8Array): number => new FastHash().text(key).bytes(value).value();

/** Sums of 52-bit hashes stay exact as long as they are reduced. */
const HASH_MODULUS = 2 ** 52;

/** Rows with the position they contain and a multiset hash over them that is kept up to date. */
export class StateImage {
  readonly rows: Map<string, Uint8Array>;
  index: LogIndex = ZERO_INDEX;
  term: Term = ZERO_TERM;
  stampMs = 0 as StampMs;
  confState: ConfState = EMPTY_CONF_STATE;
  hash = 0;

  constructor(rows = new Map<string, Uint8Array>()) {
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

  commit({ position, changes }: StateCommit): void {
    for (const [key, value] of changes) this.#change(key, value);
    this.index = position.index;
    this.term = position.term;
    this.stampMs = position.stampMs;
    if (position.confState !== undefined) this.confState = position.confState;
  }

  #change(key: string, value: Uint8Array | undefined): void {
    const old = this.rows.get(key);
    if (old !== undefined) this.hash = (this.hash - rowHash(key, old) + HASH_MODULUS) % HASH_MODULUS;
    if (value === undefined) {
      this.rows.delete(key);
    } else {
      this.rows.set(key, value);
      this.hash = (this.hash + rowHash(key, value)) % HASH_MODULUS;
    }
  }

  get hashText(): string {
    return this.hash.toString(16);
  }
}

/** What a crash leaves of a node's state: the durable rows, and a random part of what was written without sync. */
export class SimStateDisk {
  durable = new StateImage();
  installedFrom: StateSnapshotHeader | undefined;
  /** Committed but not synced yet, in order. */
  #tail: StateCommit[] = [];
  readonly #prng: Prng;

  constructor(prng: Prng) {
    this.#prng = prng;
  }

  write(commit: StateCommit): void {
    this.#tail.push(commit);
  }

  /** Everything up to `index` is on disk now. */
  syncTo(index: LogIndex): void {
    let count = 0;
    while (count < this.#tail.length && this.#tail[count]!.position.index <= index) count += 1;
    for (const commit of this.#tail.splice(0, count)) this.durable.commit(commit);
  }

  /** A write-back by the operating system at a time of its own. */
  syncSome(): void {
    const commit = this.#tail[this.#prng.below(this.#tail.length + 1)];
    if (commit !== undefined) this.syncTo(commit.position.index);
  }

  replace(image: StateImage, header: StateSnapshotHeader): void {
    this.durable = image;
    this.installedFrom = header;
    this.#tail = [];
  }

  crash(): void {
    this.syncSome();
    this.#tail = [];
  }
}
