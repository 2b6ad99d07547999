import { violation } from '../invariants.ts';
import {
  COMPACTED,
  UNAVAILABLE,
  type LogGap,
  type LogStorage,
  type SNAPSHOT_TEMPORARILY_UNAVAILABLE,
} from '../log-storage.ts';
import {
  maxIndex,
  minIndex,
  plus,
  ZERO_INDEX,
  ZERO_TERM,
  type Entry,
  type EntryId,
  type LogIndex,
  type Snapshot,
  type Term,
} from '../types.ts';
import { countWithin, entriesBytes } from './entry-bytes.ts';
import { UnstableLog } from './unstable-log.ts';

export interface RaftLogOptions {
  /** Bound on the bytes of entries handed out to be applied and not acknowledged yet. */
  readonly applyingBytesMax: number;
  /** Nothing is handed out to be applied before `resumeState` or `restore`. */
  readonly lacksState?: boolean;
  /** Entries from `index` on, not committed, are about to be replaced by a leader's. */
  readonly onConflict: (index: LogIndex, existing: Term, received: Term) => void;
}

/**
 * The whole log: what is stored, followed by what is still being written. Keeps the three indexes
 * `applied ≤ applying ≤ committed ≤ lastIndex`.
 */
export class RaftLog {
  readonly #storage: LogStorage;
  readonly #unstable: UnstableLog;
  readonly #applyingBytesMax: number;
  readonly #onConflict: RaftLogOptions['onConflict'];
  /** Bytes of entries handed out to be applied and not acknowledged yet. */
  #applyingBytes = 0;
  #applyingPaused = false;
  #lacksState: boolean;
  #committed: LogIndex;
  #applying: LogIndex;
  #applied: LogIndex;

  constructor(storage: LogStorage, { applyingBytesMax, lacksState = false, onConflict }: RaftLogOptions) {
    this.#storage = storage;
    this.#applyingBytesMax = applyingBytesMax;
    this.#onConflict = onConflict;
    this.#lacksState = lacksState;
    this.#unstable = new UnstableLog(plus(storage.lastIndex(), 1));
    const compacted = plus(storage.firstIndex(), -1);
    this.#committed = compacted;
    this.#applying = compacted;
    this.#applied = compacted;
  }

  /** Highest index known to be on a majority. */
  get committed(): LogIndex {
    return this.#committed;
  }

  /** Highest index the state machine was told to apply. */
  get applying(): LogIndex {
    return this.#applying;
  }

  /** Highest index the state machine has acknowledged. */
  get applied(): LogIndex {
    return this.#applied;
  }

  firstIndex(): LogIndex {
    const { snapshot } = this.#unstable;
    return snapshot === undefined ? this.#storage.firstIndex() : plus(snapshot.metadata.index, 1);
  }

  lastIndex(): LogIndex {
    return this.#unstable.lastIndex() ?? this.#storage.lastIndex();
  }

  /** Term of the entry at `index`; also known for the one before the first. */
  term(index: LogIndex): Term | LogGap {
    const unstableTerm = this.#unstable.term(index);
    if (unstableTerm !== undefined) return unstableTerm;
    if (index + 1 < this.firstIndex()) return COMPACTED;
    if (index > this.lastIndex()) return UNAVAILABLE;
    return this.#storage.term(index);
  }

  /** Like `term`, with 0 (no entry has it, but the position before the first) where it is unknown. */
  termOrZero(index: LogIndex): Term {
    const found = this.term(index);
    return typeof found === 'number' ? found : ZERO_TERM;
  }

  lastEntryId(): EntryId {
    const index = this.lastIndex();
    const found = this.term(index);
    if (typeof found !== 'number') throw violation(`term of the last entry ${index} is ${found}`);
    return { term: found, index };
  }

  /** The last entry that is known to be on disk and to stay; undefined while a snapshot is being installed. */
  lastStoredId(): EntryId | undefined {
    if (this.hasUnstableSnapshot) return undefined;
    const index = plus(this.#unstable.offset, -1);
    const found = this.#storage.term(index);
    if (typeof found !== 'number') throw violation(`term of the stored entry ${index} is ${found}`);
    return { term: found, index };
  }

  matches(id: EntryId): boolean {
    return this.term(id.index) === id.term;
  }

  /** Whether a log that ends with `theirs` holds all that this one may have helped to commit (5.4.1). */
  isUpToDate(theirs: EntryId): boolean {
    const ours = this.lastEntryId();
    return theirs.term > ours.term || (theirs.term === ours.term && theirs.index >= ours.index);
  }

  /**
   * A follower's append of `entries` after `previous`. Returns the last index now known to match the
   * leader's log, or `undefined` when the log does not hold `previous`.
   */
  maybeAppend(previous: EntryId, entries: readonly Entry[], leaderCommit: LogIndex): LogIndex | undefined {
    if (!this.matches(previous)) return undefined;
    const last = plus(previous.index, entries.length);
    const firstNew = this.#findFirstNew(entries);
    if (firstNew < entries.length) {
      const { index, term } = entries[firstNew]!;
      if (index <= this.lastIndex()) this.#onConflict(index, this.termOrZero(index), term);
      this.append(firstNew === 0 ? entries : entries.slice(firstNew));
    }
    this.commitTo(minIndex(leaderCommit, last));
    return last;
  }

  /** Position within `entries` of the first that is new or conflicts; their number when none does. */
  #findFirstNew(entries: readonly Entry[]): number {
    let at = 0;
    while (at < entries.length && this.matches(entries[at]!)) at += 1;
    return at;
  }

  /** Appends contiguous entries, replacing uncommitted ones from their first index on. */
  append(entries: readonly Entry[]): LogIndex {
    const first = entries[0];
    if (first === undefined) return this.lastIndex();
    if (first.index <= this.#committed) {
      throw violation(`appending at ${first.index} would replace entries committed up to ${this.#committed}`);
    }
    this.#unstable.truncateAndAppend(entries);
    return this.lastIndex();
  }

  /**
   * The highest position `guess ≤ index` whose term is at most `atMost` or unknown: the best guess at
   * where this log and another one part, of which only one entry (at `index`, of term `atMost`) is
   * known. The term of the answer is 0 where it is unknown.
   */
  findConflictByTerm(index: LogIndex, atMost: Term): EntryId {
    for (let guess = index; guess > 0; guess = plus(guess, -1)) {
      const found = this.term(guess);
      if (typeof found !== 'number') return { index: guess, term: ZERO_TERM };
      if (found <= atMost) return { index: guess, term: found };
    }
    return { index: ZERO_INDEX, term: ZERO_TERM };
  }

  /** Commits up to `index` if its entry is of `currentTerm`: Figure 8 forbids to count older ones. */
  maybeCommit(index: LogIndex, currentTerm: Term): boolean {
    if (index <= this.#committed || this.term(index) !== currentTerm) return false;
    this.commitTo(index);
    return true;
  }

  /** Raises the commit index; a lower one changes nothing. */
  commitTo(index: LogIndex): void {
    if (index <= this.#committed) return;
    const last = this.lastIndex();
    if (index > last) {
      throw violation(`told to commit ${index} but the log ends at ${last}: acknowledged entries were lost`);
    }
    this.#committed = index;
  }

  // What is to be written

  nextUnstableEntries(): Entry[] {
    return this.#unstable.nextEntries();
  }

  get hasNextUnstableEntries(): boolean {
    return this.#unstable.hasNextEntries;
  }

  /** Whether entries wait to be written, or for their write to be acknowledged. */
  get hasUnstableEntries(): boolean {
    return this.#unstable.length > 0;
  }

  nextUnstableSnapshot(): Snapshot | undefined {
    return this.#unstable.nextSnapshot();
  }

  /** Whether a snapshot waits to be installed, or for its installation to be acknowledged. */
  get hasUnstableSnapshot(): boolean {
    return this.#unstable.snapshot !== undefined;
  }

  acceptUnstable(): void {
    this.#unstable.acceptInProgress();
  }

  stableTo(id: EntryId): void {
    this.#unstable.stableTo(id);
  }

  stableSnapshotTo(index: LogIndex): void {
    this.#unstable.stableSnapshotTo(index);
  }

  // What is to be applied

  /**
   * Committed entries that were not handed out yet, within the byte bound. `allowUnstable` permits
   * those that are not on this peer's own disk yet.
   */
  nextCommittedEntries(allowUnstable: boolean): Entry[] {
    if (!this.hasNextCommittedEntries(allowUnstable)) return [];
    const lo = plus(this.#applying, 1);
    const hi = plus(this.#maxAppliable(allowUnstable), 1);
    const found = this.slice(lo, hi, this.#applyingBytesMax - this.#applyingBytes);
    if (typeof found === 'string') throw violation(`committed entries [${lo}, ${hi}) are ${found}`);
    return found;
  }

  hasNextCommittedEntries(allowUnstable: boolean): boolean {
    // A snapshot comes first: what follows it cannot be applied before it is installed.
    if (this.#applyingPaused || this.#lacksState || this.hasUnstableSnapshot) return false;
    return this.#applying < this.#maxAppliable(allowUnstable);
  }

  #maxAppliable(allowUnstable: boolean): LogIndex {
    return allowUnstable ? this.#committed : minIndex(this.#committed, plus(this.#unstable.offset, -1));
  }

  /** Entries up to `index`, `bytes` in sum, were handed out to be applied. */
  acceptApplying(index: LogIndex, bytes: number, allowUnstable: boolean): void {
    if (index > this.#committed) throw violation(`applying ${index} beyond commit ${this.#committed}`);
    this.#applying = index;
    this.#applyingBytes += bytes;
    // When less was handed out than could be, the next entry does not fit into the bound either.
    this.#applyingPaused = this.#applyingBytes >= this.#applyingBytesMax || index < this.#maxAppliable(allowUnstable);
  }

  /** Entries up to `index` have been applied; `bytes` of them had been handed out. */
  appliedTo(index: LogIndex, bytes: number): void {
    if (index > this.#committed || index < this.#applied) {
      throw violation(`applied ${index} is outside of [${this.#applied}, ${this.#committed}]`);
    }
    this.#applied = index;
    this.#applying = maxIndex(this.#applying, index);
    this.#applyingBytes = Math.max(0, this.#applyingBytes - bytes);
    this.#applyingPaused = this.#applyingBytes >= this.#applyingBytesMax;
  }

  // Reading

  snapshot(): Snapshot | typeof SNAPSHOT_TEMPORARILY_UNAVAILABLE {
    return this.#unstable.snapshot ?? this.#storage.snapshot();
  }

  /** Entries from `from` on within `maxBytes`, at least one if there is any. */
  entriesFrom(from: LogIndex, maxBytes: number): Entry[] | LogGap {
    const last = this.lastIndex();
    return from > last ? [] : this.slice(from, plus(last, 1), maxBytes);
  }

  /** Entries `lo ≤ index < hi` within `maxBytes`, at least one if there is any. */
  slice(lo: LogIndex, hi: LogIndex, maxBytes: number): Entry[] | LogGap {
    if (lo > hi || hi > this.lastIndex() + 1) {
      throw violation(`[${lo}, ${hi}) is outside of [${this.firstIndex()}, ${this.lastIndex()}]`);
    }
    if (lo < this.firstIndex()) return COMPACTED;
    if (lo === hi) return [];
    const { offset } = this.#unstable;
    if (lo >= offset) return this.#unstableSlice(lo, hi, maxBytes);
    const cut = minIndex(hi, offset);
    const stored = this.#storage.entries(lo, cut, maxBytes);
    if (stored === COMPACTED) return stored;
    if (stored === UNAVAILABLE) throw violation(`entries [${lo}, ${cut}) are missing from the storage`);
    if (hi <= offset || stored.length < cut - lo) return stored;
    const bytesLeft = maxBytes - entriesBytes(stored);
    if (bytesLeft <= 0) return stored;
    const unstable = this.#unstableSlice(offset, hi, bytesLeft);
    if (unstable.length === 1 && entriesBytes(unstable) > bytesLeft) return stored;
    return stored.concat(unstable);
  }

  #unstableSlice(lo: LogIndex, hi: LogIndex, maxBytes: number): Entry[] {
    const { entries, start, end } = this.#unstable.range(lo, hi);
    return entries.slice(start, start + countWithin(entries, start, end, maxBytes));
  }

  /**
   * Whether any entry with `lo ≤ index < hi` satisfies `wanted`. Reads pages of bounded size, so that
   * a long range costs no memory.
   */
  some(lo: LogIndex, hi: LogIndex, wanted: (entry: Entry) => boolean): boolean {
    for (let from = lo; from < hi;) {
      const page = this.slice(from, hi, this.#applyingBytesMax);
      if (typeof page === 'string') throw violation(`entries [${from}, ${hi}) are ${page}`);
      if (page.length === 0) throw violation(`no entries in [${from}, ${hi})`);
      if (page.some(wanted)) return true;
      from = plus(from, page.length);
    }
    return false;
  }

  /** Replaces the whole log by a snapshot, which becomes the commit index. */
  restore(snapshot: Snapshot): void {
    if (snapshot.metadata.index < this.#committed) {
      throw violation(`snapshot ${snapshot.metadata.index} is older than commit ${this.#committed}`);
    }
    this.#committed = snapshot.metadata.index;
    this.#lacksState = false;
    this.#unstable.restore(snapshot);
  }

  /** The state machine has a state again, of entries that this log holds up to `index`. */
  resumeState(index: LogIndex): void {
    this.commitTo(index);
    this.#lacksState = false;
    this.appliedTo(index, 0);
  }

  /**
   * Takes over what was known when the process started; 0 is nothing. Whatever was applied was
   * committed, though the stored commit index may lag behind.
   */
  resume(committed: LogIndex, applied: LogIndex): void {
    if (committed !== 0) {
      if (committed < this.#committed || committed > this.lastIndex()) {
        throw violation(`stored commit ${committed} is outside of [${this.#committed}, ${this.lastIndex()}]`);
      }
      this.#committed = committed;
    }
    if (applied !== 0) this.appliedTo(applied, 0);
  }
}
