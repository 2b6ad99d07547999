import { minIndex, type LogIndex, type PeerId } from '../types.ts';
import { majorityCommittedIndex, majorityVoteResult, type AckedIndex } from './majority.ts';
import type { VoteResult } from './vote-result.ts';

/** Two sets of voters that both have to agree (dissertation 4.3). An empty one always agrees. */
export interface JointVoters {
  readonly voters: readonly PeerId[];
  readonly votersOutgoing: readonly PeerId[];
}

export const isJoint = (config: JointVoters): boolean => config.votersOutgoing.length > 0;

export const isVoter = (config: JointVoters, id: PeerId): boolean =>
  config.voters.includes(id) || config.votersOutgoing.includes(id);

/** All voters of either set, sorted. */
export const allVoters = (config: JointVoters): PeerId[] =>
  [...new Set([...config.voters, ...config.votersOutgoing])].toSorted((a, b) => a - b);

export const jointCommittedIndex = (config: JointVoters, acked: AckedIndex): LogIndex =>
  minIndex(majorityCommittedIndex(config.voters, acked), majorityCommittedIndex(config.votersOutgoing, acked));

export const jointVoteResult = (config: JointVoters, votes: ReadonlyMap<PeerId, boolean>): VoteResult => {
  const incoming = majorityVoteResult(config.voters, votes);
  const outgoing = majorityVoteResult(config.votersOutgoing, votes);
  if (incoming === outgoing) return incoming;
  return incoming === 'lost' || outgoing === 'lost' ? 'lost' : 'pending';
};
