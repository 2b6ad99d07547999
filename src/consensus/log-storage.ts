import type { ConfState, Entry, HardState, LogIndex, Snapshot, Term } from './types.ts';

/** The index lies before the first one that is still stored. */
export const COMPACTED = 'compacted';
/** The index lies after the last one that is stored. */
export const UNAVAILABLE = 'unavailable';
/** A snapshot is being prepared; ask again later. */
export const SNAPSHOT_TEMPORARILY_UNAVAILABLE = 'snapshot-temporarily-unavailable';

export type LogGap = typeof COMPACTED | typeof UNAVAILABLE;

/**
 * The core's synchronous view of what is already stored. The core never writes: it hands out what
 * is to be written, and reads only what it was told is stored, so an implementation over a disk
 * keeps what it needs for these answers (at least the terms, the tail of the log) in memory.
 *
 * The retained range is `firstIndex()..lastIndex()`; the term of `firstIndex() - 1` is known too,
 * because appends have to be matched against it. An implementation throws when it is damaged.
 */
export interface LogStorage {
  /**
   * What was durable when the process started, called once. `confState` is the membership as of the
   * last applied index (`RaftConfig.applied`): changes in entries that follow are handed out to be
   * applied again. The stored commit index may lag behind.
   */
  initialState(): { readonly hardState: HardState; readonly confState: ConfState };
  /**
   * Entries `lo ≤ index < hi`, cut after the last one that keeps their sum of `entryBytes` within
   * `maxBytes`, but at least one. The caller owns the array and never changes an entry.
   */
  entries(lo: LogIndex, hi: LogIndex, maxBytes: number): Entry[] | LogGap;
  /** Term of the entry at `index`, for `firstIndex() - 1 ≤ index ≤ lastIndex()`. */
  term(index: LogIndex): Term | LogGap;
  /** Index of the first retained entry; one past the snapshot when nothing is retained. */
  firstIndex(): LogIndex;
  /** Index of the last stored entry; `firstIndex() - 1` when nothing is retained. */
  lastIndex(): LogIndex;
  /** The newest snapshot, for a follower that needs entries which were compacted. */
  snapshot(): Snapshot | typeof SNAPSHOT_TEMPORARILY_UNAVAILABLE;
}
