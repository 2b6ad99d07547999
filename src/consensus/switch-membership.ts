import type { Membership } from './membership/changer.ts';
import type { Raft } from './raft.ts';
import { broadcastAppend, broadcastMissing, maybeCommit } from './replication.ts';
import { abortTransfer } from './roles/leader-transfer.ts';
import { becomeFollower } from './transitions.ts';
import { NO_PEER, RaftRole, type ConfState } from './types.ts';

/** Makes `next` the active membership, with all that follows from it for this peer. */
export const switchMembership = (raft: Raft, next: Membership): ConfState => {
  const { tracker } = raft;
  const { confState } = next;
  tracker.switchTo(confState, next.progress);
  raft.config.onEvent({ kind: 'config-switched', confState });
  const own = tracker.get(raft.id);
  raft.isLearner = own?.isLearner ?? false;
  if (raft.role !== RaftRole.leader) return confState;

  if (own === undefined || raft.isLearner) {
    // A leader that stays would manage a cluster it does not count in until somebody else is elected.
    if (raft.config.stepDownOnRemoval) becomeFollower(raft, raft.term, NO_PEER);
    return confState;
  }
  if (confState.voters.length === 0) return confState;

  // A smaller quorum can have more in common, and new members need not wait for a heartbeat.
  if (maybeCommit(raft)) broadcastAppend(raft);
  else broadcastMissing(raft);
  if (raft.transferee !== NO_PEER && !tracker.isVoter(raft.transferee)) abortTransfer(raft);
  return confState;
};
