import { describe, expect, it } from 'vitest';
import { Churn } from '../../../testing/mls/churn.ts';
import { nodePrimitives } from '../../node-mls-primitives.ts';
import { HYBRID_SUITE } from '../cipher-suite.ts';
import { memberSuite } from './primitives.ts';

/** More of both by PARLEY_MLS_SEEDS and PARLEY_MLS_COMMITS. */
const SEEDS = Number(process.env['PARLEY_MLS_SEEDS'] ?? 2);
const COMMITS = Number(process.env['PARLEY_MLS_COMMITS'] ?? 500);
/** ML-KEM takes milliseconds. */
const HYBRID_COMMITS = Number(process.env['PARLEY_MLS_HYBRID_COMMITS'] ?? 150);
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

  it('does so with the hybrid suite', { timeout: 600_000 }, () => {
    const suite = memberSuite(HYBRID_SUITE, nodePrimitives);
    const churn = new Churn({ seed: 7, suite, membersMax: 6, isRoom: true });
    while (churn.tally.commits < HYBRID_COMMITS) churn.step();
    const { joined, removed, external, thefts, followed, lockedOut } = churn.tally;
    expect(
      Math.min(joined, removed, external, thefts, followed, lockedOut),
      JSON.stringify(churn.tally),
    ).toBeGreaterThan(0);
  });
});
