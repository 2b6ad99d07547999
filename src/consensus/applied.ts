import { entriesBytes, payloadBytes } from './log/entry-bytes.ts';
import type { Raft } from './raft.ts';
import { proposeToLeader } from './roles/leader-proposal.ts';
import { EMPTY_BYTES, EntryType, maxIndex, RaftRole, type Entry, type LogIndex, type Snapshot } from './types.ts';

/** What follows from the state machine's progress. */

/** The state machine has applied `entries`. */
export const entriesApplied = (raft: Raft, entries: readonly Entry[]): void => {
  const last = entries.at(-1);
  if (last === undefined) return;
  appliedTo(raft, last.index, entriesBytes(entries));
  raft.reduceUncommitted(payloadBytes(entries));
};

/** The snapshot has been installed as log and as state. */
export const snapshotApplied = (raft: Raft, snapshot: Snapshot): void => {
  const { index } = snapshot.metadata;
  raft.log.stableSnapshotTo(index);
  appliedTo(raft, index, 0);
};

const appliedTo = (raft: Raft, index: LogIndex, bytes: number): void => {
  const applied = maxIndex(index, raft.log.applied);
  raft.log.appliedTo(applied, bytes);
  // The proposal is empty, so no limit refuses it; a leadership transfer may, and then either the new
  // leader leaves the joint configuration or the next entry applied here tries again.
  const { autoLeave } = raft.tracker.confState;
  if (autoLeave && applied >= raft.pendingConfIndex && raft.role === RaftRole.leader) {
    proposeToLeader(raft, [{ type: EntryType.confChangeV2, data: EMPTY_BYTES }]);
  }
};
