import { violation } from '../invariants.ts';
import {
  maxIndex,
  minIndex,
  plus,
  type Entry,
  type EntryId,
  type LogIndex,
  type Snapshot,
  type Term,
} from '../types.ts';

/**
 * The tail of the log that is not known to be on disk yet, and a snapshot that is to replace the
 * log. Both stay here until their write has been acknowledged, so that reads never depend on how
 * far a write in progress has come.
 *
 * `entries[i]` has index `offset + i`. Those before `offsetInProgress` have been handed out to be
 * written. `offset` may be lower than the end of the stored log: then the next write truncates it.
 */
export class UnstableLog {
  #snapshot: Snapshot | undefined;
  #snapshotInProgress = false;
  #entries: Entry[] = [];
  #offset: LogIndex;
  #offsetInProgress: LogIndex;

  constructor(offset: LogIndex) {
    this.#offset = offset;
    this.#offsetInProgress = offset;
  }

  get offset(): LogIndex {
    return this.#offset;
  }

  get length(): number {
    return this.#entries.length;
  }

  get snapshot(): Snapshot | undefined {
    return this.#snapshot;
  }

  /** Last index held here, or `undefined` when the stored log is the whole log. */
  lastIndex(): LogIndex | undefined {
    if (this.#entries.length > 0) return plus(this.#offset, this.#entries.length - 1);
    return this.#snapshot?.metadata.index;
  }

  term(index: LogIndex): Term | undefined {
    if (index >= this.#offset) return this.#entries[index - this.#offset]?.term;
    const metadata = this.#snapshot?.metadata;
    return metadata?.index === index ? metadata.term : undefined;
  }

  /** Entries that have not been handed out yet. */
  nextEntries(): Entry[] {
    return this.#entries.slice(this.#offsetInProgress - this.#offset);
  }

  get hasNextEntries(): boolean {
    return this.#entries.length > this.#offsetInProgress - this.#offset;
  }

  /** The snapshot, if it has not been handed out yet. */
  nextSnapshot(): Snapshot | undefined {
    return this.#snapshotInProgress ? undefined : this.#snapshot;
  }

  /** All that is here has been handed out. */
  acceptInProgress(): void {
    this.#offsetInProgress = plus(this.#offset, this.#entries.length);
    if (this.#snapshot !== undefined) this.#snapshotInProgress = true;
  }

  /**
   * Everything up to `id` is on disk. Ignored when the entry at that index is another one: it was
   * replaced while the write ran. Whoever calls this vouches that no write in progress can still
   * replace the entries; see `storage-messages.ts`.
   */
  stableTo(id: EntryId): void {
    const held = this.#entries[id.index - this.#offset];
    if (held === undefined || held.term !== id.term) return;
    this.#entries = this.#entries.slice(id.index + 1 - this.#offset);
    this.#offset = plus(id.index, 1);
    this.#offsetInProgress = maxIndex(this.#offsetInProgress, this.#offset);
  }

  stableSnapshotTo(index: LogIndex): void {
    if (this.#snapshot?.metadata.index !== index) return;
    this.#snapshot = undefined;
    this.#snapshotInProgress = false;
  }

  /** Replaces everything by a snapshot. */
  restore(snapshot: Snapshot): void {
    this.#offset = plus(snapshot.metadata.index, 1);
    this.#offsetInProgress = this.#offset;
    this.#entries = [];
    this.#snapshot = snapshot;
    this.#snapshotInProgress = false;
  }

  /** Adds `entries`, which are contiguous, dropping whatever is held from their first index on. */
  truncateAndAppend(entries: readonly Entry[]): void {
    const from = entries[0]!.index;
    const end = plus(this.#offset, this.#entries.length);
    if (from > end) throw violation(`appending at ${from} leaves a gap after ${end - 1}`);
    if (from <= this.#offset && from !== end) {
      this.#entries = entries.slice();
      this.#offset = from;
      this.#offsetInProgress = from;
      return;
    }
    if (from < end) {
      this.#entries = this.#entries.slice(0, from - this.#offset);
      this.#offsetInProgress = minIndex(this.#offsetInProgress, from);
    }
    for (const entry of entries) this.#entries.push(entry);
  }

  /** The array and the range within it that hold the indexes `lo ≤ index < hi`. */
  range(lo: LogIndex, hi: LogIndex): { entries: readonly Entry[]; start: number; end: number } {
    const start = lo - this.#offset;
    const end = hi - this.#offset;
    if (start < 0 || end < start || end > this.#entries.length) {
      throw violation(`unstable range [${lo}, ${hi}) is outside of ${this.#offset} + ${this.#entries.length}`);
    }
    return { entries: this.#entries, start, end };
  }
}
