import { restoreMembership } from './membership/restore.ts';
import { restoreSnapshot } from './roles/install-snapshot.ts';
import type { Raft } from './raft.ts';
import { reaches } from './repair.ts';
import { switchMembership } from './switch-membership.ts';
import { minIndex, type Entry, type EntryId, type LogIndex, type Snapshot, type SnapshotMetadata } from './types.ts';

/** Whether this peer's promises allow it to vote for a candidate whose log ends with `last`. */
export const keepsPromise = ({ repair }: Raft, last: EntryId): boolean =>
  repair === undefined || reaches(last, repair.entry);

/** Ends the repair once the log on disk has come that far: this peer is then like any other. */
export const endRepairIfDone = (raft: Raft): void => {
  const { repair, log } = raft;
  if (repair === undefined || log.committed < repair.commit) return;
  const stored = log.lastStoredId();
  if (stored === undefined || !reaches(stored, repair.entry)) return;
  raft.repair = undefined;
  raft.config.onEvent({ kind: 'repaired', term: raft.term, index: log.lastIndex() });
};

/** Entries that this peer is known to have held itself, right after one another. */
export interface RestoredEntries {
  /** Where this log has to end now. */
  readonly previous: EntryId;
  readonly entries: readonly Entry[];
  /** Up to here they were known to be committed. */
  readonly commit: LogIndex;
}

/**
 * Takes back entries that this peer has acknowledged and lost. Whoever brought them: that they are the same was found
 * out by their hashes. So this undoes the damage and nothing else, and no leader has to have a say in it. Returns
 * false, without effect, when they do not continue the log, which has gone on meanwhile, or are not needed any more.
 */
export const restoreEntries = (raft: Raft, { previous, entries, commit }: RestoredEntries): boolean => {
  const { log } = raft;
  if (raft.repair === undefined || log.hasUnstableSnapshot || !isContinuation(raft, previous, entries)) return false;
  const index = log.append(entries);
  log.commitTo(minIndex(commit, index));
  raft.config.onEvent({ kind: 'entries-restored', term: raft.term, index });
  return true;
};

const isContinuation = ({ log, term }: Raft, previous: EntryId, entries: readonly Entry[]): boolean => {
  const end = log.lastEntryId();
  if (end.index !== previous.index || end.term !== previous.term) return false;
  let last: EntryId = end;
  for (const entry of entries) {
    if (entry.index !== last.index + 1 || entry.term < last.term || entry.term > term) return false;
    last = entry;
  }
  return true;
};

/**
 * Goes on from the state of another peer, where entries that this log has lost are left in such states only. All that a
 * state contains is committed, so no leader has to have a say in it; what this peer has promised beyond stays to be
 * made up for. Returns false, without effect, for a peer that is whole, or has no use for it.
 */
export const restoreFromState = (raft: Raft, snapshot: Snapshot): boolean => {
  if (raft.repair === undefined && !raft.lacksState) return false;
  return !raft.log.hasUnstableSnapshot && restoreSnapshot(raft, snapshot);
};

/**
 * The state machine has been given a state again, of entries that this log holds. From there on it goes on like any
 * other. Returns false, without effect, when the log does not hold them.
 */
export const restoreState = (raft: Raft, { index, term, confState }: SnapshotMetadata): boolean => {
  const { log, tracker } = raft;
  if (!raft.lacksState || log.hasUnstableSnapshot || !log.matches({ index, term })) return false;
  raft.lacksState = false;
  log.resumeState(index);
  switchMembership(raft, restoreMembership(confState, log.lastIndex(), tracker.limits));
  raft.config.onEvent({ kind: 'state-restored', term: raft.term, index });
  return true;
};
