import { entriesBytes } from './log/entry-bytes.ts';
import type { Raft } from './raft.ts';
import { leaveJointIfDue } from './roles/leader-auto-leave.ts';
import { maxIndex, type Entry, type LogIndex, type Snapshot } from './types.ts';

/** What follows from the state machine's progress. */

/** The state machine has applied `entries`. */
export const entriesApplied = (raft: Raft, entries: readonly Entry[]): void => {
  const last = entries.at(-1);
  if (last === undefined) return;
  appliedTo(raft, last.index, entriesBytes(entries));
  raft.reduceUncommitted(entries);
};

/** The snapshot has been installed as log and as state. */
export const snapshotApplied = (raft: Raft, snapshot: Snapshot): void => {
  const { index } = snapshot.metadata;
  raft.log.stableSnapshotTo(index);
  appliedTo(raft, index, 0);
};

const appliedTo = (raft: Raft, index: LogIndex, bytes: number): void => {
  raft.log.appliedTo(maxIndex(index, raft.log.applied), bytes);
  leaveJointIfDue(raft);
};
