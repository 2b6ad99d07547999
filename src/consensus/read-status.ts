import type { Progress } from './progress/progress.ts';
import type { Raft } from './raft.ts';
import type { BasicStatus, PeerProgress, Status } from './status.ts';
import { RaftRole, type PeerId } from './types.ts';

export const readBasicStatus = (raft: Raft): BasicStatus => ({
  id: raft.id,
  hardState: { term: raft.term, vote: raft.vote, commit: raft.log.committed },
  leader: raft.leader,
  role: raft.role,
  applied: raft.log.applied,
  firstIndex: raft.log.firstIndex(),
  lastIndex: raft.log.lastIndex(),
  transferee: raft.transferee,
  isLearner: raft.isLearner,
  isRepairing: raft.repair !== undefined || raft.lacksState,
});

export const readProgress = (id: PeerId, progress: Progress): PeerProgress => ({
  id,
  match: progress.match,
  next: progress.next,
  state: progress.state,
  paused: progress.paused,
  pendingSnapshot: progress.pendingSnapshot,
  recentActive: progress.recentActive,
  activeLately: progress.activeLately,
  inflightMessages: progress.inflights.count,
  inflightBytes: progress.inflights.bytes,
  inflightsFull: progress.inflights.full,
  isLearner: progress.isLearner,
});

export const readStatus = (raft: Raft): Status => {
  const { tracker } = raft;
  const members = raft.role === RaftRole.leader ? tracker.members : [];
  return {
    ...readBasicStatus(raft),
    confState: tracker.confState,
    progress: members.map((id) => readProgress(id, tracker.member(id))),
  };
};
