import { afterEach, describe, expect, it } from 'vitest';
import { DEFAULT_OPTIONS, type Mutant, type SimulationOptions } from './options.ts';
import { plant } from './planted-bugs.ts';
import { Simulation, type SimulationResult } from './simulation.ts';

const run = (options: Partial<SimulationOptions> & { seed: number }): Promise<SimulationResult> =>
  new Simulation({ ...DEFAULT_OPTIONS, seconds: 10, ...options }).run();

const SEEDS_PER_TEST = 50;
const FIRST_SEEDS = [1, 51, 101, 151, 201, 251];

describe('simulated clusters', () => {
  it.each(FIRST_SEEDS)('keep every promise under faults, 50 seeds from %i on', async (first) => {
    for (let seed = first; seed < first + SEEDS_PER_TEST; seed += 1) {
      const { violation, stats } = await run({ seed });
      expect(violation, `npm run sim -- --seeds 1 --seed ${seed} --seconds 10`).toBeUndefined();
      expect(stats.acked).toBe(stats.invoked);
      expect(stats.acked).toBeGreaterThan(100);
    }
  });

  it('replay exactly: the same seed leaves the same trace', async () => {
    for (const seed of [3, 13]) {
      const first = await run({ seed });
      const second = await run({ seed });
      expect(second.traceHash).toBe(first.traceHash);
      expect(second.stats).toEqual(first.stats);
      const other = await run({ seed: seed + 1_000 });
      expect(other.traceHash).not.toBe(first.traceHash);
    }
  });

  it('meet what they are meant to meet', async () => {
    let snapshots = 0;
    let terms = 0;
    let reads = 0;
    for (let seed = 1; seed <= 10; seed += 1) {
      const { stats } = await run({ seed });
      snapshots += stats.snapshots;
      terms += stats.terms;
      reads += stats.reads;
    }
    expect(snapshots).toBeGreaterThan(3);
    expect(terms).toBeGreaterThan(20);
    expect(reads).toBeGreaterThan(200);
  });
});

describe('planted bugs', () => {
  let uproot = (): void => {};
  afterEach(() => uproot());

  /** Runs seeds until a checker objects; undefined when none does within the budget. */
  const hunt = async (mutant: Mutant, budget: number, options: Partial<SimulationOptions> = {}): Promise<string> => {
    uproot = plant(mutant);
    for (let seed = 1; seed <= budget; seed += 1) {
      const { violation } = await run({ seed, mutant, ...options });
      if (violation !== undefined) return violation.rule;
    }
    return 'survived';
  };

  it('an acknowledgement before fsync is seen when it leaves', async () => {
    expect(await hunt('ack-before-fsync', 3)).toBe('ack-before-disk');
  });

  it('an acknowledgement before fsync is seen by what a crash makes of it', async () => {
    expect(await hunt('ack-before-fsync', 40, { checksDurability: false })).not.toBe('survived');
  });

  it('a vote that is not durable is seen when it leaves', async () => {
    expect(await hunt('vote-not-durable', 3)).toBe('vote-before-disk');
  });

  it('a missing up-to-date check costs committed entries', async () => {
    expect(await hunt('log-up-to-date-check-missing', 40)).not.toBe('survived');
  });

  it('an entry of an earlier term that is committed by counting is found', async () => {
    expect(await hunt('commit-prior-term-by-counting', 40)).toBe('commit-rule');
  });

  it('a repeated command that is applied again is found', async () => {
    expect(await hunt('duplicate-on-retry', 10)).toBe('exactly-once');
  });
});
