import { MessageType, type Message } from '../message.ts';
import { startCampaign } from '../campaign.ts';
import { dropped, type ProposeOutcome, type StepOutcome } from '../propose-outcome.ts';
import type { Raft } from '../raft.ts';
import { NO_PEER } from '../types.ts';
import { onAppend, onHeartbeat } from './append-entries.ts';
import { onSnapshot } from './install-snapshot.ts';

/** What a follower does with each message. */
export const stepFollower = (raft: Raft, message: Message): StepOutcome => {
  switch (message.type) {
    case MessageType.prop:
      return forwardProposal(raft, message).kind === 'dropped' ? 'proposal-dropped' : 'stepped';
    case MessageType.app:
    case MessageType.heartbeat:
    case MessageType.snap:
      hearLeader(raft, message);
      followLeader(raft, message);
      return 'stepped';
    case MessageType.timeoutNow:
      // No pre-vote: the leader lives and wants this, so nothing has to be found out first.
      startCampaign(raft, 'transfer');
      return 'stepped';
    case MessageType.transferLeader:
    case MessageType.readIndex:
      forwardToLeader(raft, message);
      return 'stepped';
    case MessageType.readIndexResp:
      for (const { data } of message.entries) raft.readStates.push({ index: message.index, context: data });
      return 'stepped';
    case MessageType.forgetLeader:
      forgetLeader(raft);
      return 'stepped';
    default:
      return 'stepped';
  }
};

export const forwardProposal = (raft: Raft, message: Message): ProposeOutcome => {
  if (raft.leader === NO_PEER) return dropped('no-leader');
  if (raft.config.disableProposalForwarding) return dropped('forwarding-disabled');
  raft.forward(message, raft.leader);
  return { kind: 'forwarded', leader: raft.leader };
};

const forwardToLeader = (raft: Raft, message: Message): void => {
  if (raft.leader !== NO_PEER) {
    raft.forward(message, raft.leader);
    return;
  }
  const { type, from } = message;
  raft.config.onEvent({ kind: 'message-ignored', type, from, term: raft.term, reason: 'no-leader' });
};

/**
 * A snapshot need not come from the leader: it can be sent on somebody's behalf, and what it holds is
 * committed whoever sends it.
 */
const hearLeader = (raft: Raft, message: Message): void => {
  if (message.type !== MessageType.snap) raft.noteLeaderOfTerm(message.from);
  raft.electionElapsed = 0;
  raft.leader = message.from;
};

/** What whoever follows does with what a leader sends. */
export const followLeader = (raft: Raft, message: Message): void => {
  switch (message.type) {
    case MessageType.app:
      onAppend(raft, message);
      return;
    case MessageType.heartbeat:
      onHeartbeat(raft, message);
      return;
    default:
      onSnapshot(raft, message);
  }
};

/**
 * Stops protecting the leader, so that this peer may vote for another. It goes on following should
 * the leader send anything. With leases the promise not to vote cannot be taken back.
 */
const forgetLeader = (raft: Raft): void => {
  if (raft.config.readOnlyOption === 'lease' || raft.leader === NO_PEER) return;
  raft.config.onEvent({ kind: 'leader-forgotten', leader: raft.leader, term: raft.term });
  raft.leader = NO_PEER;
};
