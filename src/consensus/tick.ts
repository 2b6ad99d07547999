import { makeMessage, MessageType } from './message.ts';
import type { Raft } from './raft.ts';
import { forgetLeader } from './roles/follower.ts';
import { leaveJointIfDue } from './roles/leader-auto-leave.ts';
import { abortTransfer } from './roles/leader-transfer.ts';
import { step } from './step.ts';
import { RaftRole } from './types.ts';

/** One unit of logical time passes. */
export const tick = (raft: Raft): void => {
  raft.ticks += 1;
  if (raft.role === RaftRole.leader) tickLeader(raft);
  else tickElection(raft);
};

const tickElection = (raft: Raft): void => {
  raft.electionElapsed += 1;
  if (!raft.promotable || raft.electionElapsed < raft.electionTimeoutTicks) return;
  raft.electionElapsed = 0;
  step(raft, makeMessage(MessageType.hup, { from: raft.id }));
  // Who may not stand must not go on protecting a leader that it has not heard for so long: others may stand.
  if (raft.role === RaftRole.follower) forgetLeader(raft);
};

const tickLeader = (raft: Raft): void => {
  const { electionTicks, heartbeatTicks, checkQuorum } = raft.config;
  raft.heartbeatElapsed += 1;
  raft.electionElapsed += 1;
  if (raft.electionElapsed >= electionTicks) {
    raft.electionElapsed = 0;
    if (checkQuorum) step(raft, makeMessage(MessageType.checkQuorum, { from: raft.id }));
    // Whoever was to take over did not within an election timeout: this leader goes on.
    if (isLeader(raft)) abortTransfer(raft);
    leaveJointIfDue(raft);
  }
  if (isLeader(raft) && raft.heartbeatElapsed >= heartbeatTicks) {
    raft.heartbeatElapsed = 0;
    step(raft, makeMessage(MessageType.beat, { from: raft.id }));
  }
};

const isLeader = (raft: Raft): boolean => raft.role === RaftRole.leader;
