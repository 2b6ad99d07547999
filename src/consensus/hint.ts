import { startCampaign } from './campaign.ts';
import type { Message } from './message.ts';
import type { Raft } from './raft.ts';
import { becomeFollower } from './transitions.ts';
import { RaftRole, type PeerId, type Term } from './types.ts';

/**
 * Hints that a leader is dead, from whoever can see its process or connection die. A hint makes this
 * peer stand for pre-election at once, and stop protecting that leader against others. It can only
 * make an election begin sooner: safety never rests on it. Read leases do rest on that protection and
 * are therefore never used together with hints.
 */

/** Takes a hint, unless it is about anybody but the leader of the present term. May be repeated. */
export const takeHint = (raft: Raft, leader: PeerId, term: Term): boolean => {
  if (!raft.config.hintVotes || term !== raft.term || leader !== raft.leaderOfTerm) return false;
  if (raft.role === RaftRole.leader || raft.role === RaftRole.candidate) return false;
  raft.hint = { leader, term };
  raft.config.onEvent({ kind: 'hint-taken', leader, term });
  if (startCampaign(raft, 'pre-election')) raft.campaignsOnHint = true;
  return true;
};

/** Anything that the leader sent shows that it lives. */
export const cancelHint = (raft: Raft, message: Message): void => {
  const { hint } = raft;
  if (hint === undefined || message.from !== hint.leader || message.term !== hint.term) return;
  raft.config.onEvent({ kind: 'hint-cancelled', leader: hint.leader, term: hint.term });
  raft.hint = undefined;
  if (raft.campaignsOnHint) becomeFollower(raft, raft.term, hint.leader);
};
