import { describe, expect, it } from 'vitest';
import { Churn } from '../../../testing/mls/churn.ts';
import { nodePrimitives } from '../../node-mls-primitives.ts';
import { memberSuite } from './primitives.ts';

/** More of both by PARLEY_MLS_SEEDS and PARLEY_MLS_COMMITS. */
const SEEDS = Number(process.env['PARLEY_MLS_SEEDS'] ?? 2);
const COMMITS = Number(process.env['PARLEY_MLS_COMMITS'] ?? 500);
const seeds = Array.from({ length: SEEDS }, (_, i) => i + 1);

describe('a group under churn', () => {
  it.each(seeds)(
    'agrees, lets everybody honest in and nobody else read on: room, seed %i',
    { timeout: 600_000 },
    (seed) => {
      const suite = memberSuite(seed % 2 === 0 ? 1 : 3, nodePrimitives);
      const churn = new Churn({ seed, suite, membersMax: 9, isRoom: true });
      while (churn.tally.commits < COMMITS) churn.step();
      const { proposals, ...happened } = churn.tally;
      expect(proposals).toBe(0);
      expect(Object.entries(happened).filter(([, count]) => count === 0)).toEqual([]);
    },
  );

  it.each(seeds)('does so with proposals by reference: seed %i', { timeout: 600_000 }, (seed) => {
    const suite = memberSuite(seed % 2 === 0 ? 3 : 1, nodePrimitives);
    const churn = new Churn({ seed: seed + 1_000, suite, membersMax: 9, isRoom: false });
    while (churn.tally.commits < COMMITS) churn.step();
    expect(Object.entries(churn.tally).filter(([, count]) => count === 0)).toEqual([]);
  });
});
