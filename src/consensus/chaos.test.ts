import { describe, expect, it } from 'vitest';
import { Chaos, type ChaosOptions } from '../testing/consensus/chaos.ts';

/** Enough to meet each of the situations many times, in about a second for each variant. */
const SEEDS = Number(process.env['PARLEY_CHAOS_SEEDS'] ?? 40);
const FIRST_SEED = Number(process.env['PARLEY_CHAOS_FIRST_SEED'] ?? 1);

const careful = { preVote: true, checkQuorum: true };

const VARIANTS: readonly (Omit<ChaosOptions, 'seed' | 'steps'> & { readonly name: string })[] = [
  { name: 'plain Raft', voters: [1, 2, 3] },
  { name: 'PreVote and CheckQuorum', voters: [1, 2, 3], peer: careful },
  { name: 'asynchronous writes', voters: [1, 2, 3, 4, 5], peer: { ...careful, asyncStorageWrites: true } },
  {
    name: 'hints, small messages, small windows',
    voters: [1, 2, 3, 4, 5],
    peer: { ...careful, hintVotes: true, asyncStorageWrites: true, maxBytesPerMessage: 20, maxInflightMessages: 2 },
  },
  {
    name: 'leases',
    voters: [1, 2, 3],
    peer: { ...careful, readOnlyOption: 'lease' },
    clocksAreBounded: true,
  },
  {
    name: 'leases, late ticks and asynchronous writes',
    voters: [1, 2, 3],
    peer: { ...careful, readOnlyOption: 'lease', leaseSlackTicks: 2, asyncStorageWrites: true, electionTicks: 12 },
    clocksAreBounded: true,
  },
  {
    name: 'membership changes',
    voters: [1, 2, 3],
    spare: [4, 5],
    peer: { ...careful, stepDownOnRemoval: true },
    changeMembership: true,
  },
  {
    name: 'membership changes with asynchronous writes',
    voters: [1, 2, 3],
    learners: [4],
    spare: [5],
    peer: { ...careful, stepDownOnRemoval: true, asyncStorageWrites: true, maxCommittedBytesPerReady: 60 },
    changeMembership: true,
  },
];

describe('under random disturbance, stays safe and recovers', () => {
  for (const { name, ...variant } of VARIANTS) {
    it(`with ${name}`, () => {
      let applied = 0;
      for (let seed = FIRST_SEED; seed < FIRST_SEED + SEEDS; seed += 1) {
        try {
          applied += new Chaos({ ...variant, seed, steps: 3000 }).run().applied;
        } catch (error) {
          throw new Error(`seed ${seed}`, { cause: error });
        }
      }
      expect(applied / SEEDS).toBeGreaterThan(5);
    });
  }
});
