import type { LogIndex, PeerId } from '../types.ts';
import type { VoteResult } from './vote-result.ts';

/** What a peer is known to have acknowledged; `undefined` when nothing is known of it. */
export type AckedIndex = (peer: PeerId) => LogIndex | undefined;

/** One more than any index: what an empty majority has committed, so that it never decides. */
export const BEYOND_ALL = Number.POSITIVE_INFINITY as LogIndex;

/** How many of `size` voters decide. */
export const majorityOf = (size: number): number => Math.floor(size / 2) + 1;

// The commit index is computed for every acknowledgement: one array serves all calls. It is empty
// of meaning between calls and grows to the largest membership seen.
const sorted: number[] = [];

/** The highest index that a majority of `voters` has acknowledged. */
export const majorityCommittedIndex = (voters: readonly PeerId[], acked: AckedIndex): LogIndex => {
  const size = voters.length;
  if (size === 0) return BEYOND_ALL;
  for (let count = 0; count < size; count += 1) {
    const index: number = acked(voters[count]!) ?? 0;
    let at = count;
    while (at > 0 && sorted[at - 1]! > index) {
      sorted[at] = sorted[at - 1]!;
      at -= 1;
    }
    sorted[at] = index;
  }
  return sorted[size - majorityOf(size)] as LogIndex;
};

/** How the election among `voters` stands. By convention an empty set of voters agrees. */
export const majorityVoteResult = (voters: readonly PeerId[], votes: ReadonlyMap<PeerId, boolean>): VoteResult => {
  if (voters.length === 0) return 'won';
  let granted = 0;
  let missing = 0;
  for (const voter of voters) {
    const vote = votes.get(voter);
    if (vote === undefined) missing += 1;
    else if (vote) granted += 1;
  }
  const needed = majorityOf(voters.length);
  if (granted >= needed) return 'won';
  return granted + missing >= needed ? 'pending' : 'lost';
};
