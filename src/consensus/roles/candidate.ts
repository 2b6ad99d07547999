import { campaign } from '../campaign.ts';
import { MessageType, type Message } from '../message.ts';
import type { StepOutcome } from '../propose-outcome.ts';
import type { Raft } from '../raft.ts';
import { broadcastAppend } from '../replication.ts';
import { becomeFollower, becomeLeader } from '../transitions.ts';
import { NO_PEER, RaftRole } from '../types.ts';
import { followLeader } from './follower.ts';

/** What a candidate or pre-candidate does with each message. */
export const stepCandidate = (raft: Raft, message: Message): StepOutcome => {
  switch (message.type) {
    case MessageType.prop:
      return 'proposal-dropped';
    case MessageType.app:
    case MessageType.heartbeat:
    case MessageType.snap:
      // Somebody else won this term.
      becomeFollower(raft, message.term, message.from);
      if (message.type !== MessageType.snap) raft.noteLeaderOfTerm(message.from);
      followLeader(raft, message);
      return 'stepped';
    case MessageType.voteResp:
      // As candidate, late answers to the pre-candidacy count no more, and the other way round.
      if (raft.role === RaftRole.candidate) countVote(raft, message);
      return 'stepped';
    case MessageType.preVoteResp:
      if (raft.role === RaftRole.preCandidate) countVote(raft, message);
      return 'stepped';
    default:
      return 'stepped';
  }
};

const countVote = (raft: Raft, message: Message): void => {
  raft.tracker.recordVote(message.from, !message.reject);
  switch (raft.tracker.voteResult()) {
    case 'won':
      if (raft.role === RaftRole.preCandidate) {
        campaign(raft, 'election');
      } else {
        becomeLeader(raft);
        broadcastAppend(raft);
      }
      return;
    case 'lost':
      becomeFollower(raft, raft.term, NO_PEER);
      return;
    case 'pending':
  }
};
