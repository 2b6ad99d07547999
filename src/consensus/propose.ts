import type { Message } from './message.ts';
import { dropped, type ProposeOutcome } from './propose-outcome.ts';
import type { Raft } from './raft.ts';
import { proposeToLeader } from './roles/leader-proposal.ts';
import { NO_PEER, RaftRole } from './types.ts';

/** A leader appends the proposal, a follower passes it on, a candidate knows nobody to pass it to. */
export const propose = (raft: Raft, message: Message): ProposeOutcome => {
  if (raft.role === RaftRole.leader) return proposeToLeader(raft, message.entries);
  const { leader } = raft;
  if (leader === NO_PEER) return dropped('no-leader');
  if (raft.config.disableProposalForwarding) return dropped('forwarding-disabled');
  raft.forward(message, leader);
  return { kind: 'forwarded', leader };
};
