import type { Raft } from '../raft.ts';
import { EMPTY_BYTES, EntryType, RaftRole } from '../types.ts';
import { proposeToLeader } from './leader-proposal.ts';

/**
 * Proposes to leave a joint configuration that is to be left by itself, once the change that entered it is applied
 * (dissertation 4.3). The proposal is empty, so no limit refuses it; a leadership transfer does. So this is tried with
 * every entry applied and with every election timeout, by whoever leads by then.
 */
export const leaveJointIfDue = (raft: Raft): void => {
  if (raft.role !== RaftRole.leader || !raft.tracker.confState.autoLeave) return;
  if (raft.log.applied < raft.pendingConfIndex) return;
  proposeToLeader(raft, [{ type: EntryType.confChangeV2, data: EMPTY_BYTES }]);
};
