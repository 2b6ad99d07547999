import { startCampaign } from '../campaign.ts';
import { MessageType } from '../message.ts';
import type { Raft } from '../raft.ts';
import { NO_PEER } from '../types.ts';
import { onAppend, onHeartbeat } from './append-entries.ts';
import { EVERY_ROLE } from './every-role.ts';
import { ignore, type Handler, type HandlerTable } from './handler.ts';
import { onSnapshot } from './install-snapshot.ts';

const toLeader: Handler = (raft, message) => {
  if (raft.leader !== NO_PEER) {
    raft.forward(message, raft.leader);
    return;
  }
  const { type, from } = message;
  raft.config.onEvent({ kind: 'message-ignored', type, from, term: raft.term, reason: 'no-leader' });
};

/** No pre-vote: the leader lives and wants this, so nothing has to be found out first. */
const onTimeoutNow: Handler = (raft) => {
  startCampaign(raft, 'transfer');
};

const onReadAnswer: Handler = (raft, { entries, index }) => {
  for (const { data } of entries) raft.readStates.push({ index, context: data });
};

/**
 * Stops protecting the leader, so that this peer may vote for another. It goes on following should
 * the leader send anything. With leases the promise not to vote cannot be taken back.
 */
const onForgetLeader: Handler = (raft) => {
  if (raft.config.readOnlyOption !== 'lease') forgetLeader(raft);
};

/** Knows no leader of its term any more, until it hears one. */
export const forgetLeader = (raft: Raft): void => {
  if (raft.leader === NO_PEER) return;
  raft.config.onEvent({ kind: 'leader-forgotten', leader: raft.leader, term: raft.term });
  raft.leader = NO_PEER;
};

export const FOLLOWER: HandlerTable = {
  ...EVERY_ROLE,
  [MessageType.app]: onAppend,
  [MessageType.heartbeat]: onHeartbeat,
  [MessageType.snap]: onSnapshot,
  [MessageType.timeoutNow]: onTimeoutNow,
  [MessageType.transferLeader]: toLeader,
  [MessageType.readIndex]: toLeader,
  [MessageType.readIndexResp]: onReadAnswer,
  [MessageType.forgetLeader]: onForgetLeader,
  // A follower has no vote running, and nobody to look after.
  [MessageType.voteResp]: ignore,
  [MessageType.preVoteResp]: ignore,
  [MessageType.appResp]: ignore,
  [MessageType.heartbeatResp]: ignore,
  [MessageType.beat]: ignore,
  [MessageType.checkQuorum]: ignore,
  [MessageType.snapStatus]: ignore,
  [MessageType.unreachable]: ignore,
};
