import { snapshotApplied } from './applied.ts';
import { isTransferContext } from './campaign.ts';
import { cancelHint } from './hint.ts';
import { protectsLeader } from './lease.ts';
import { MessageType, type Message } from './message.ts';
import type { StepOutcome } from './propose-outcome.ts';
import type { Raft } from './raft.ts';
import { CANDIDATE, PRE_CANDIDATE } from './roles/candidate.ts';
import { FOLLOWER } from './roles/follower.ts';
import type { HandlerTable } from './roles/handler.ts';
import { LEADER } from './roles/leader.ts';
import { learnCommitted } from './roles/vote.ts';
import { becomeFollower } from './transitions.ts';
import { NO_PEER, RaftRole } from './types.ts';

/**
 * The one way in: everything that happens to a peer is a message. First its term is compared with
 * ours (rules for all servers, Figure 2), then it is handled by what this peer is.
 */
export const step = (raft: Raft, message: Message): StepOutcome => {
  cancelHint(raft, message);
  if (message.reject) learnCommitted(raft, message);
  if (message.term > raft.term) {
    if (!enterNewerTerm(raft, message)) return 'stepped';
  } else if (message.term < raft.term && message.term !== 0) {
    onStaleTerm(raft, message);
    return 'stepped';
  }
  return BY_ROLE[raft.role][message.type](raft, message) ?? 'stepped';
};

/** The role × message table of docs/RAFT.md. */
export const BY_ROLE: Readonly<Record<RaftRole, HandlerTable>> = {
  [RaftRole.leader]: LEADER,
  [RaftRole.follower]: FOLLOWER,
  [RaftRole.candidate]: CANDIDATE,
  [RaftRole.preCandidate]: PRE_CANDIDATE,
};

/**
 * Follows a message into its newer term. Returns false when it is to be ignored: a vote is not even
 * considered while a leader was heard lately, so that a peer that was cut off cannot depose it.
 */
const enterNewerTerm = (raft: Raft, message: Message): boolean => {
  const { type, term, from } = message;
  const asksForVote = type === MessageType.vote || type === MessageType.preVote;
  if (asksForVote && !isTransferContext(message.context) && protectsLeader(raft)) {
    raft.config.onEvent({ kind: 'vote-refused', type, candidate: from, term, reason: 'leader-alive' });
    return false;
  }
  // A pre-vote and its granting speak of a term that nobody has entered yet.
  if (type === MessageType.preVote) return true;
  if (type === MessageType.preVoteResp && !message.reject) return true;
  const fromLeader = type === MessageType.app || type === MessageType.heartbeat || type === MessageType.snap;
  becomeFollower(raft, term, fromLeader ? from : NO_PEER);
  return true;
};

const onStaleTerm = (raft: Raft, message: Message): void => {
  const { type, from, term } = message;
  const { checkQuorum, preVote, onEvent } = raft.config;
  if (type === MessageType.app || type === MessageType.heartbeat) {
    // Somebody leads an older term and cannot depose us by a vote request, nor we him, when votes are
    // ignored near a leader: without an answer that shows our term, we would both be stuck.
    if (checkQuorum || preVote) raft.send(MessageType.appResp, from);
  } else if (type === MessageType.preVote) {
    // A candidate of an older term may have the better log, and has to learn of the newer term.
    onEvent({ kind: 'vote-refused', type, candidate: from, term, reason: 'stale-term' });
    raft.send(MessageType.preVoteResp, from, { term: raft.term, reject: true });
  } else if (type === MessageType.storageAppendResp) {
    // The entries written under an older term may be about to be replaced: see `storage-messages.ts`.
    // A snapshot holds only what is committed, which no term changes.
    if (message.snapshot !== undefined) snapshotApplied(raft, message.snapshot);
  } else {
    onEvent({ kind: 'message-ignored', type, from, term, reason: 'stale-term' });
  }
};
