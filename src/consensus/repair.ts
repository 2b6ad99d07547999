import type { EntryId, LogIndex } from './types.ts';

/**
 * A peer that lost the end of its log to damage, but knows what it once promised. Until it has that much again, it
 * takes part with care: everything it acknowledged may be committed because of that acknowledgement, so it helps to
 * elect only those who have all of it, does not stand for election itself, and believes a leader's commit index only
 * along with the entries it speaks of.
 */
export interface RepairGoal {
  /** The last entry that the peer ever acknowledged. */
  readonly entry: EntryId;
  /**
   * How far the peer knew the log to be committed. Short of that it might not know of a membership change that is
   * followed by another one in its log, and would count the wrong votes.
   */
  readonly commit: LogIndex;
}

/** Whether a log that ends with `last` holds all that may have been committed up to `wanted` (5.4.1). */
export const reaches = (last: EntryId, wanted: EntryId): boolean =>
  last.term > wanted.term || (last.term === wanted.term && last.index >= wanted.index);
