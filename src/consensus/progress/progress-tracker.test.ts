import { describe, expect, it } from 'vitest';
import { restoreMembership } from '../membership/restore.ts';
import { EMPTY_CONF_STATE, type LogIndex, type PeerId } from '../types.ts';
import { ProgressTracker } from './progress-tracker.ts';

const id = (value: number): PeerId => value as PeerId;
const limits = { inflightMessagesMax: 4, inflightBytesMax: Number.POSITIVE_INFINITY };

const trackerOf = (voters: number[], learners: number[] = []): ProgressTracker => {
  const tracker = new ProgressTracker(limits);
  const confState = { ...EMPTY_CONF_STATE, voters: voters.map(id), learners: learners.map(id) };
  const membership = restoreMembership(confState, 9 as LogIndex, limits);
  tracker.switchTo(membership.confState, membership.progress);
  return tracker;
};

describe('ProgressTracker', () => {
  it('counts the first vote of each voter, and nobody else’s', () => {
    const tracker = trackerOf([1, 2, 3], [4]);
    tracker.recordVote(id(1), true);
    tracker.recordVote(id(2), false);
    tracker.recordVote(id(2), true);
    tracker.recordVote(id(4), true);
    tracker.recordVote(id(9), true);
    expect(tracker.voteResult()).toBe('pending');
    tracker.recordVote(id(3), true);
    expect(tracker.voteResult()).toBe('won');
    tracker.resetVotes();
    expect(tracker.voteResult()).toBe('pending');
  });

  it('finds a quorum active by its voters alone', () => {
    const tracker = trackerOf([1, 2, 3], [4, 5]);
    for (const peer of [1, 2, 3]) tracker.member(id(peer)).recentActive = peer === 1;
    expect(tracker.quorumActive()).toBe(false);
    tracker.member(id(3)).recentActive = true;
    expect(tracker.quorumActive()).toBe(true);
  });

  it('commits what a majority of the voters has, whatever learners have', () => {
    const tracker = trackerOf([1, 2, 3], [4, 5]);
    for (const [peer, match] of [
      [1, 7],
      [2, 5],
      [3, 3],
      [4, 9],
      [5, 9],
    ] as const) {
      tracker.member(id(peer)).match = match as LogIndex;
    }
    expect(tracker.committed()).toBe(5);
  });

  it('asserts that whoever is looked for is a member', () => {
    expect(() => trackerOf([1]).member(id(2))).toThrow('2 is not a member');
  });
});
