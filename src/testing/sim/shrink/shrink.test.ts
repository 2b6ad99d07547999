import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Fault } from '../faults/fault.ts';
import { DEFAULT_OPTIONS, drawWorld, type World } from '../world.ts';
import { withoutMachine } from './fewer-machines.ts';
import { readScenario, writeScenario } from './scenario-file.ts';
import { shrink, type Outcome } from './shrink.ts';

const pause = (atMs: number, on: number): Fault => ({ atMs, kind: 'pause', on, forMs: 10 });
const world = (faults: readonly Fault[]): World => ({
  ...drawWorld({ ...DEFAULT_OPTIONS, seed: 5, focus: 'elections' }),
  faults,
});

/** Breaks as soon as both of these faults have happened, whatever else there is. */
const needs =
  (...atMs: readonly number[]) =>
  (candidate: World): Promise<Outcome> => {
    const broken = atMs.every((at) => candidate.faults.some((fault) => fault.atMs === at));
    const simulatedMs = broken ? Math.max(...atMs) + 1 : candidate.seconds * 1_000;
    return Promise.resolve({ rule: broken ? 'promise' : undefined, simulatedMs });
  };
const search = (run: (candidate: World) => Promise<Outcome>, runsMax = 1_000) => ({
  run,
  runsMax,
  isOver: () => false,
});

describe('shrinking', () => {
  const faults = Array.from({ length: 60 }, (_, at) => pause((at + 1) * 900, (at % 3) + 1));

  it('leaves the faults that it takes, the time until then, and a plain world', async () => {
    const run = needs(4_500, 23_400);
    const { world: smallest } = await shrink(world(faults), await run(world(faults)), search(run));
    expect(smallest.faults.map(({ atMs }) => atMs)).toEqual([4_500, 23_400]);
    expect(smallest.seconds).toBe(24);
    expect(smallest.traits).toMatchObject({ lossChance: 0, duplicateChance: 0, settings: {}, lastingFault: null });
  });

  it('accepts nothing that breaks another promise', async () => {
    const run = async (candidate: World): Promise<Outcome> =>
      candidate.faults.length === 60 ? { rule: 'promise', simulatedMs: 60_000 } : { rule: 'other', simulatedMs: 1 };
    const { world: smallest } = await shrink(world(faults), await run(world(faults)), search(run));
    expect(smallest.faults).toHaveLength(60);
  });

  it('stops when its runs are spent', async () => {
    const run = needs(900);
    const { runs } = await shrink(world(faults), await run(world(faults)), search(run, 7));
    expect(runs).toBe(7);
  });
});

describe('a world without one of its machines', () => {
  it('has the others move up, and no fault about the one that is gone', () => {
    const all: readonly Fault[] = [
      pause(1, 2),
      pause(2, 3),
      { atMs: 3, kind: 'partition', side: [1, 2, 3], forMs: 1, staleAfter: false },
      { atMs: 4, kind: 'crash', on: 'leader', afterSteps: 0, downMs: 1, noticeMs: 0 },
      {
        atMs: 5,
        kind: 'reconfigure',
        moves: [
          { node: 2, as: 'gone' },
          { node: 3, as: 'voter' },
        ],
        transition: 'auto',
      },
    ];
    const before = world(all);
    const after = withoutMachine(before, 2)!;
    expect(after.traits.voters).toBe(before.traits.voters - 1);
    expect(after.traits.clockRates).toHaveLength(before.traits.clockRates.length - 1);
    expect(after.faults).toEqual([
      pause(2, 2),
      { ...all[2], side: [1, 2] },
      all[3],
      { ...all[4], moves: [{ node: 2, as: 'voter' }] },
    ]);
  });

  it('is none when it was the last', () => {
    const { traits, ...rest } = world([]);
    expect(withoutMachine({ ...rest, traits: { ...traits, voters: 1, spares: 0 } }, 1)).toBeUndefined();
  });
});

describe('a scenario file', () => {
  it('holds the whole world', () => {
    const folder = mkdtempSync(join(tmpdir(), 'parley-scenario-'));
    try {
      const drawn = drawWorld({ ...DEFAULT_OPTIONS, seed: 9, seconds: 20 });
      expect(drawn.faults.length).toBeGreaterThan(0);
      for (const written of [drawn, { ...drawn, seed: 10, faults: [] }]) {
        const scenario = { format: 1, rule: 'promise', mutant: undefined, world: written } as const;
        expect(readScenario(writeScenario(folder, scenario))).toEqual(scenario);
      }
      const other = join(folder, 'other.json');
      writeFileSync(other, '{"format":2}');
      expect(() => readScenario(other)).toThrow('no scenario');
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
