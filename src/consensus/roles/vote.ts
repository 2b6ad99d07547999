import { requestVote } from '../campaign.ts';
import { MessageType, type Message } from '../message.ts';
import type { Raft } from '../raft.ts';
import { keepsPromise } from '../repairing.ts';
import { becomeFollower } from '../transitions.ts';
import { NO_PEER, RaftRole, type EntryId, type LogIndex, type Term } from '../types.ts';

const responseTo = (message: Message): MessageType =>
  message.type === MessageType.vote ? MessageType.voteResp : MessageType.preVoteResp;

/**
 * Somebody asks for this peer's vote (RequestVote, Figure 2). A learner votes too: it may have been
 * promoted by a change that it has not heard of, and without its vote there could be no leader to
 * tell it.
 */
export const onVoteRequest = (raft: Raft, message: Message): void => {
  const { from, term, type } = message;
  const isPreVote = type === MessageType.preVote;
  const candidateLast: EntryId = { term: message.logTerm, index: message.index };
  const mayVote =
    raft.vote === from || (raft.vote === NO_PEER && raft.leader === NO_PEER) || (isPreVote && term > raft.term);
  if (!mayVote) {
    refuse(raft, message, 'already-voted');
    return;
  }
  if (!raft.log.isUpToDate(candidateLast) || !keepsPromise(raft, candidateLast)) {
    refuse(raft, message, 'log-behind');
    return;
  }
  if (isPreVote && isBetterPlaced(raft, message, candidateLast)) {
    refuse(raft, message, 'better-placed');
    return;
  }
  grant(raft, message);
};

/** The answer bears the term that was asked for: a pre-candidate would ignore an older one. */
const grant = (raft: Raft, message: Message): void => {
  const { from, term, type } = message;
  raft.config.onEvent({ kind: 'vote-cast', type, candidate: from, term });
  raft.send(responseTo(message), from, { term });
  if (type === MessageType.vote) {
    raft.electionElapsed = 0;
    raft.vote = from;
  } else if (raft.campaignsOnHint) {
    becomeFollower(raft, raft.term, NO_PEER);
  }
};

const refuse = (raft: Raft, message: Message, reason: 'already-voted' | 'log-behind' | 'better-placed'): void => {
  const { from, term, type } = message;
  raft.config.onEvent({ kind: 'vote-refused', type, candidate: from, term, reason });
  raft.send(responseTo(message), from, { term: raft.term, reject: true, ...lastWord(raft) });
  // A rival for a leader that both hold for dead may have come by its hint later than our request,
  // and have ignored it: ask again.
  if (raft.campaignsOnHint && raft.role === RaftRole.preCandidate) requestVote(raft, from, 'pre-election');
};

/**
 * What a peer that has no vote any more owes to a candidate: how far it knows the log to be committed.
 *
 * Such a peer has applied the change that removed it, and will never stand for election. A candidate
 * that has the change in its log, but does not know that it is committed, still counts on its vote
 * and may not get it, when the last leader had sent the removed peer more entries. Without this, if
 * that leader is gone, nobody could ever be elected.
 */
const lastWord = ({ tracker, id, log }: Raft): { commit?: LogIndex; logTerm?: Term } =>
  tracker.isVoter(id) ? {} : { commit: log.committed, logTerm: log.termOrZero(log.committed) };

/**
 * A refusal may say how far the log is committed, whatever term it is of. A candidate that did not
 * know starts over, since its next election may have other voters. Who leads by now has its election
 * behind it, and what it commits it counts itself.
 */
export const learnCommitted = (raft: Raft, { type, commit, logTerm }: Message): void => {
  if (type !== MessageType.voteResp && type !== MessageType.preVoteResp) return;
  if (raft.role === RaftRole.leader) return;
  if (commit <= raft.log.committed || !raft.log.matches({ index: commit, term: logTerm })) return;
  raft.log.commitTo(commit);
  if (raft.role === RaftRole.candidate || raft.role === RaftRole.preCandidate) {
    becomeFollower(raft, raft.term, NO_PEER);
  }
};

/**
 * A dead leader is noticed by all survivors within milliseconds, and if all of them stood for
 * election, they would split the vote. So among those who stand because of a hint, the one with the
 * newest log wins, and among equals the one with the lowest id. Refusing a pre-vote is always safe.
 */
const isBetterPlaced = (raft: Raft, message: Message, candidateLast: EntryId): boolean => {
  if (!raft.campaignsOnHint || raft.role !== RaftRole.preCandidate) return false;
  const own = raft.log.lastEntryId();
  const same = own.term === candidateLast.term && own.index === candidateLast.index;
  return same && raft.id < message.from;
};
