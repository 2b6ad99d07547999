import { campaignRefusal } from './campaign.ts';
import { COMPACTED } from './log-storage.ts';
import type { Raft } from './raft.ts';
import type { Progress } from './progress/progress.ts';
import { allVoters } from './quorum/joint.ts';
import type { Explanation, LaggingPeer, NoLeaderReason, NotCommittingReason } from './status.ts';
import { NO_PEER, plus, RaftRole, type PeerId } from './types.ts';

/** Answers an operator's two questions from this peer's own state. Changes nothing. */
export const explain = (raft: Raft): Explanation => ({
  noLeader: raft.leader === NO_PEER ? whyNoLeader(raft) : undefined,
  notCommitting: whyNotCommitting(raft),
  unapplied: raft.log.committed - raft.log.applied,
});

const whyNoLeader = (raft: Raft): NoLeaderReason => {
  if (raft.role === RaftRole.candidate || raft.role === RaftRole.preCandidate) return missingVotes(raft);
  // Without its state a peer does not know whether it is a member.
  if (raft.lacksState) return { kind: 'campaign-refused', reason: 'lacks-state' };
  if (raft.tracker.get(raft.id) === undefined) return { kind: 'not-a-member' };
  if (raft.isLearner) return { kind: 'learner' };
  const reason = campaignRefusal(raft);
  if (reason !== undefined) return { kind: 'campaign-refused', reason };
  const ticksLeft = Math.max(0, raft.electionTimeoutTicks - raft.electionElapsed);
  return { kind: 'waiting-for-timeout', ticksLeft };
};

const missingVotes = ({ tracker }: Raft): NoLeaderReason => {
  const granted: PeerId[] = [];
  const refused: PeerId[] = [];
  const silent: PeerId[] = [];
  for (const voter of allVoters(tracker.confState)) {
    const vote = tracker.votes.get(voter);
    if (vote === undefined) silent.push(voter);
    else (vote ? granted : refused).push(voter);
  }
  return { kind: 'votes-missing', granted, refused, silent };
};

const whyNotCommitting = (raft: Raft): NotCommittingReason | undefined => {
  const { log, role, leader } = raft;
  if (leader === NO_PEER) return { kind: 'no-leader' };
  if (role !== RaftRole.leader) return { kind: 'not-leader', leader };
  if (log.committed === log.lastIndex()) return whyNotProposing(raft);
  const lagging = laggingVoters(raft);
  return raft.committedInThisTerm
    ? { kind: 'majority-behind', lagging }
    : { kind: 'no-entry-of-this-term-committed', lagging };
};

const whyNotProposing = ({
  tracker,
  id,
  transferee,
  uncommittedBytes,
  config,
}: Raft): NotCommittingReason | undefined => {
  if (tracker.get(id) === undefined) return { kind: 'leader-not-a-member' };
  if (transferee !== NO_PEER) return { kind: 'transfer-in-progress', to: transferee };
  return uncommittedBytes < config.maxUncommittedBytes
    ? undefined
    : { kind: 'state-machine-behind', bytes: uncommittedBytes };
};

/** Voters that have not acknowledged the next entry to commit. */
const laggingVoters = (raft: Raft): LaggingPeer[] => {
  const lagging: LaggingPeer[] = [];
  for (const id of allVoters(raft.tracker.confState)) {
    const progress = raft.tracker.member(id);
    if (progress.match > raft.log.committed) continue;
    lagging.push({ id, match: progress.match, waitingFor: waitingFor(raft, id, progress) });
  }
  return lagging;
};

const waitingFor = (raft: Raft, id: PeerId, progress: Progress): LaggingPeer['waitingFor'] => {
  if (id === raft.id) return 'own-disk';
  if (!progress.activeLately) return 'contact';
  const isCompacted = raft.log.term(plus(progress.next, -1)) === COMPACTED;
  if (progress.state === 'snapshot' || isCompacted) return 'snapshot';
  if (progress.state === 'probe') return 'probe-answer';
  return progress.inflights.full ? 'inflight-window' : 'acknowledgement';
};
