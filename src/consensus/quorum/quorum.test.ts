import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { LogIndex, PeerId } from '../types.ts';
import { jointCommittedIndex, jointVoteResult } from './joint.ts';
import { BEYOND_ALL, majorityCommittedIndex, majorityOf, majorityVoteResult } from './majority.ts';

const peers = fc.uniqueArray(fc.integer({ min: 1, max: 9 }), { maxLength: 9 }) as fc.Arbitrary<PeerId[]>;
const acks = fc
  .array(fc.tuple(fc.integer({ min: 1, max: 9 }), fc.integer({ min: 0, max: 12 })), { maxLength: 12 })
  .map((pairs) => new Map(pairs as [PeerId, LogIndex][]));
const votes = fc
  .array(fc.tuple(fc.integer({ min: 1, max: 9 }), fc.boolean()), { maxLength: 12 })
  .map((pairs) => new Map(pairs as [PeerId, boolean][]));

/** The definition: an index is committed when more than half of the voters have it. */
const isCommitted = (voters: readonly PeerId[], acked: ReadonlyMap<PeerId, LogIndex>, index: number): boolean =>
  voters.filter((id) => (acked.get(id) ?? 0) >= index).length >= majorityOf(voters.length);

const naiveCommitted = (configs: readonly (readonly PeerId[])[], acked: ReadonlyMap<PeerId, LogIndex>): number => {
  const counting = configs.filter((voters) => voters.length > 0);
  if (counting.length === 0) return BEYOND_ALL;
  let index = 0;
  while (counting.every((voters) => isCommitted(voters, acked, index + 1))) index += 1;
  return index;
};

/** The definition: an outcome is certain when no completion of the votes can avoid it. */
const naiveVote = (configs: readonly (readonly PeerId[])[], given: ReadonlyMap<PeerId, boolean>): string => {
  const wins = (missing: boolean): boolean =>
    configs.every(
      (voters) =>
        voters.length === 0 || voters.filter((id) => given.get(id) ?? missing).length >= majorityOf(voters.length),
    );
  if (wins(false)) return 'won';
  return wins(true) ? 'pending' : 'lost';
};

describe('quorums', () => {
  it('commits what a majority has, as the definition says', () => {
    fc.assert(
      fc.property(peers, acks, (voters, acked) => {
        expect(majorityCommittedIndex(voters, (id) => acked.get(id))).toBe(naiveCommitted([voters], acked));
      }),
    );
  });

  it('commits jointly what both majorities have, in either order', () => {
    fc.assert(
      fc.property(peers, peers, acks, (voters, votersOutgoing, acked) => {
        const lookup = (id: PeerId): LogIndex | undefined => acked.get(id);
        const index = jointCommittedIndex({ voters, votersOutgoing }, lookup);
        expect(index).toBe(naiveCommitted([voters, votersOutgoing], acked));
        expect(jointCommittedIndex({ voters: votersOutgoing, votersOutgoing: voters }, lookup)).toBe(index);
      }),
    );
  });

  it('decides elections exactly when the missing votes no longer matter', () => {
    fc.assert(
      fc.property(peers, votes, (voters, given) => {
        expect(majorityVoteResult(voters, given)).toBe(naiveVote([voters], given));
      }),
    );
  });

  it('never declares a joint election won without both majorities, nor lost while it can be won', () => {
    fc.assert(
      fc.property(peers, peers, votes, (voters, votersOutgoing, given) => {
        expect(jointVoteResult({ voters, votersOutgoing }, given)).toBe(naiveVote([voters, votersOutgoing], given));
      }),
    );
  });
});
