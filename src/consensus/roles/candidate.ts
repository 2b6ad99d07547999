import { campaign } from '../campaign.ts';
import { MessageType } from '../message.ts';
import { broadcastAppend } from '../replication.ts';
import { becomeFollower, becomeLeader } from '../transitions.ts';
import { NO_PEER, RaftRole } from '../types.ts';
import { EVERY_ROLE } from './every-role.ts';
import { FOLLOWER } from './follower.ts';
import { ignore, type Handler, type HandlerTable } from './handler.ts';

/** Somebody else won this term (rules for candidates, Figure 2): follow, and do what a follower does with the message. */
const yieldToLeader: Handler = (raft, message) => {
  becomeFollower(raft, message.term, message.from);
  FOLLOWER[message.type](raft, message);
};

/** With the votes of a quorum, a pre-candidate stands for election and a candidate leads (Figure 2). */
const countVote: Handler = (raft, message) => {
  raft.tracker.recordVote(message.from, !message.reject);
  const result = raft.tracker.voteResult();
  if (result === 'lost') {
    becomeFollower(raft, raft.term, NO_PEER);
  } else if (result === 'won' && raft.role === RaftRole.preCandidate) {
    campaign(raft, 'election');
  } else if (result === 'won') {
    becomeLeader(raft);
    broadcastAppend(raft);
  }
};

/** A grant that was meant for an earlier term says nothing about the one that is asked for now. */
const countPreVote: Handler = (raft, message) => {
  if (message.reject || message.term === raft.term + 1) countVote(raft, message);
};

const EITHER_CANDIDATE = {
  ...EVERY_ROLE,
  [MessageType.app]: yieldToLeader,
  [MessageType.heartbeat]: yieldToLeader,
  [MessageType.snap]: yieldToLeader,
  // An election is running already.
  [MessageType.timeoutNow]: ignore,
  // There is no leader to forget, to ask or to hand over.
  [MessageType.forgetLeader]: ignore,
  [MessageType.readIndex]: ignore,
  [MessageType.readIndexResp]: ignore,
  [MessageType.transferLeader]: ignore,
  // Nobody to look after.
  [MessageType.appResp]: ignore,
  [MessageType.heartbeatResp]: ignore,
  [MessageType.beat]: ignore,
  [MessageType.checkQuorum]: ignore,
  [MessageType.snapStatus]: ignore,
  [MessageType.unreachable]: ignore,
} as const;

export const CANDIDATE: HandlerTable = {
  ...EITHER_CANDIDATE,
  [MessageType.voteResp]: countVote,
  // A late answer to its own pre-candidacy.
  [MessageType.preVoteResp]: ignore,
};

export const PRE_CANDIDATE: HandlerTable = {
  ...EITHER_CANDIDATE,
  [MessageType.voteResp]: ignore,
  [MessageType.preVoteResp]: countPreVote,
};
