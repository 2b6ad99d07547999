import { ConsensusError } from './errors.ts';
import { countWithin } from './log/entry-bytes.ts';
import {
  COMPACTED,
  UNAVAILABLE,
  type LogGap,
  type LogStorage,
  type SNAPSHOT_TEMPORARILY_UNAVAILABLE,
} from './log-storage.ts';
import {
  EMPTY_BYTES,
  EMPTY_CONF_STATE,
  EMPTY_HARD_STATE,
  ZERO_INDEX,
  ZERO_TERM,
  maxIndex,
  plus,
  type ConfState,
  type Entry,
  type HardState,
  type LogIndex,
  type Snapshot,
  type Term,
} from './types.ts';

const misuse = (what: string): ConsensusError => new ConsensusError('invariant', what);

/** A `LogStorage` in memory: for tests, scenarios and the simulator. */
export class MemoryLogStorage implements LogStorage {
  #hardState: HardState = EMPTY_HARD_STATE;
  #snapshot: Snapshot = {
    metadata: { index: ZERO_INDEX, term: ZERO_TERM, confState: EMPTY_CONF_STATE },
    data: EMPTY_BYTES,
  };
  /** The entry before the first retained one: where the log was compacted to. */
  #baseIndex: LogIndex = ZERO_INDEX;
  #baseTerm: Term = ZERO_TERM;
  #entries: Entry[] = [];

  initialState(): { hardState: HardState; confState: ConfState } {
    return { hardState: this.#hardState, confState: this.#snapshot.metadata.confState };
  }

  entries(lo: LogIndex, hi: LogIndex, maxBytes: number): Entry[] | LogGap {
    if (lo <= this.#baseIndex) return COMPACTED;
    if (hi > this.lastIndex() + 1) return UNAVAILABLE;
    const start = lo - this.#baseIndex - 1;
    const count = countWithin(this.#entries, start, hi - this.#baseIndex - 1, maxBytes);
    return this.#entries.slice(start, start + count);
  }

  term(index: LogIndex): Term | LogGap {
    if (index < this.#baseIndex) return COMPACTED;
    if (index === this.#baseIndex) return this.#baseTerm;
    return this.#entries[index - this.#baseIndex - 1]?.term ?? UNAVAILABLE;
  }

  firstIndex(): LogIndex {
    return plus(this.#baseIndex, 1);
  }

  lastIndex(): LogIndex {
    return plus(this.#baseIndex, this.#entries.length);
  }

  snapshot(): Snapshot | typeof SNAPSHOT_TEMPORARILY_UNAVAILABLE {
    return this.#snapshot;
  }

  setHardState(state: HardState): void {
    this.#hardState = state;
  }

  /** Installs a snapshot in place of the log. One that is not newer is refused with `false`. */
  applySnapshot(snapshot: Snapshot): boolean {
    const { index, term } = snapshot.metadata;
    const current = this.#snapshot.metadata.index;
    if (current !== 0 && current >= index) return false;
    this.#snapshot = snapshot;
    this.#baseIndex = index;
    this.#baseTerm = term;
    this.#entries = [];
    return true;
  }

  /** Records a snapshot of the state at `index`, which must be in the log. The log stays. */
  createSnapshot(index: LogIndex, confState: ConfState, data: Uint8Array): Snapshot {
    const term = this.term(index);
    if (typeof term !== 'number') throw misuse(`no entry at ${index} to take a snapshot of`);
    this.#snapshot = { metadata: { index, term, confState }, data };
    return this.#snapshot;
  }

  /** Drops all entries up to and including `index`. */
  compact(index: LogIndex): void {
    const term = this.term(index);
    if (typeof term !== 'number' || index === this.#baseIndex) {
      throw misuse(`cannot compact to ${index}: the log holds (${this.#baseIndex}, ${this.lastIndex()}]`);
    }
    this.#entries = this.#entries.slice(index - this.#baseIndex);
    this.#baseIndex = index;
    this.#baseTerm = term;
  }

  /** Appends entries, replacing everything from the first one's index on. */
  append(entries: readonly Entry[]): void {
    const first = entries[0];
    if (first === undefined || first.index + entries.length <= this.firstIndex()) return;
    const from = maxIndex(first.index, this.firstIndex());
    if (from > this.lastIndex() + 1) {
      throw misuse(`appending at ${from} would leave a gap after ${this.lastIndex()}`);
    }
    this.#entries.length = from - this.#baseIndex - 1;
    for (const entry of entries) {
      if (entry.index >= from) this.#entries.push(entry);
    }
  }
}
