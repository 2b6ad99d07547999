import { leaseTicks } from './lease-ticks.ts';
import type { Raft } from './raft.ts';
import { NO_PEER, RaftRole } from './types.ts';

/**
 * Read leases (dissertation 6.4.1): while it is certain that no quorum can have elected anybody else,
 * the leader answers reads from what it knows. Certain, because a peer that heard the leader protects
 * it for `electionTicks` of its own clock. The lease is counted from when the heartbeats that a
 * quorum answered were *sent*, in whole ticks, and is shorter by the bound on clock drift.
 *
 * The core sees only ticks. The driver calls `voidLease()` before it hands in anything after time passed that it did
 * not tick for, such as a stalled event loop. What voids it besides: telling anybody to take over, and stepping down.
 */
export const hasLease = (raft: Raft): boolean => {
  if (raft.config.readOnlyOption !== 'lease' || raft.role !== RaftRole.leader) return false;
  if (raft.leaseBroken || raft.transferee !== NO_PEER) return false;
  const sentAt = raft.reads.confirmedSentAtTick;
  // The present tick may be over at any moment, so it counts as passed.
  const { electionTicks, leaseSlackTicks } = raft.config;
  return sentAt !== undefined && raft.ticks - sentAt + 1 <= leaseTicks(electionTicks, leaseSlackTicks);
};

/**
 * Whether this peer owes it to a leader not to help in electing another, because it heard one lately.
 * Where leases rest on that, it owes it whatever happened since, even if it restarted and does not
 * remember whom it heard.
 */
export const protectsLeader = (raft: Raft): boolean => {
  const { checkQuorum, readOnlyOption, electionTicks } = raft.config;
  if (readOnlyOption === 'lease') {
    const heardAt = raft.heardAtTick ?? (raft.restarted ? 0 : undefined);
    if (heardAt !== undefined && raft.ticks - heardAt < electionTicks) return true;
  }
  if (!checkQuorum || raft.leader === NO_PEER || raft.hint?.leader === raft.leader) return false;
  return raft.electionElapsed < electionTicks;
};
