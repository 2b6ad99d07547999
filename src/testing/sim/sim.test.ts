import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { runSource, type ProgramResult } from '../source-program.ts';
import { FULL_COVERAGE_SECONDS } from './report.ts';

/** A machine that is busy with other things may take its time. */
const MS_MAX = 900_000;
const SEEDS = 300;
const SECONDS = 10;

const sim = (...args: readonly string[]): Promise<ProgramResult> => runSource('src/testing/sim/run.ts', args);
const lineWith = ({ stdout }: ProgramResult, text: string): string | undefined =>
  stdout.split('\n').find((line) => line.includes(text));

describe('simulated clusters', () => {
  it(
    'keep every promise under faults, and meet everything that they should sometimes meet',
    async () => {
      expect(SEEDS * SECONDS).toBeGreaterThanOrEqual(FULL_COVERAGE_SECONDS);
      const result = await sim('--seeds', `${SEEDS}`, '--seconds', `${SECONDS}`);
      expect(result.code, result.stdout + result.stderr).toBe(0);
      expect(result.stdout.trimEnd().split('\n').at(-1)).toBe(`${SEEDS} passed, 0 failed`);
    },
    MS_MAX,
  );

  it('leave the same trace in another process, whatever ran before', async () => {
    const [several, alone] = await Promise.all([
      sim('--seeds', '4', '--seed', '3', '--seconds', '5'),
      sim('--seeds', '1', '--seed', '6', '--seconds', '5'),
    ]);
    const trace = lineWith(alone, 'seed 6 ');
    expect(trace).toMatch(/^pass seed 6 [0-9a-f]{13} /);
    expect(lineWith(several, 'seed 6 ')).toBe(trace);
    expect(lineWith(several, 'seed 5 ')?.split(' ')[3]).not.toBe(trace?.split(' ')[3]);
  });

  it('say the same of the same seeds, in however many processes they run', async () => {
    const [one, two] = await Promise.all([
      sim('--seeds', '3', '--seconds', '5'),
      sim('--seeds', '3', '--seconds', '5', '--jobs', '2'),
    ]);
    for (const seed of [1, 2, 3]) expect(lineWith(two, `seed ${seed} `)).toBe(lineWith(one, `seed ${seed} `));
  });
});

describe('a failure', () => {
  it('is shrunk to a scenario that fails in the same way when it is run again', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'parley-sim-'));
    try {
      const options = ['--seeds', '1', '--seed', '1', '--seconds', '10', '--mutant', 'one-less-than-a-majority'];
      const failed = await sim(...options, '--out', folder);
      expect(failed.code, failed.stderr).toBe(1);
      expect(lineWith(failed, 'passed')).toBe('0 passed, 1 failed');
      const rule = /^ {2}([a-z-]+): /m.exec(failed.stdout)?.[1];
      const [, before, after] = /runs: (\d+) faults.* → (\d+) faults/.exec(failed.stdout) ?? [];
      expect(Number(after)).toBeLessThan(Number(before));
      const [file] = await readdir(folder);
      const again = await sim('--replay', join(folder, file!));
      expect(again.code).toBe(1);
      expect(again.stdout).toContain(`  ${rule}: `);
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  });
});

describe('bad options', () => {
  it.each([
    [['--seeds', 'many'], '--seeds needs a whole number'],
    [['--machine', 'toaster'], '--machine is list or chat'],
    [['--focus', 'luck'], '--focus is one of'],
    [['--mutant', 'of-nobody'], 'There is no mutant of-nobody'],
    [['--replay', 'package.json'], 'package.json is no scenario'],
    [['--frobnicate'], 'frobnicate'],
  ])('%j are refused', async (args, problem) => {
    const { code, stderr } = await sim(...args);
    expect(code).toBe(2);
    expect(stderr).toContain(problem);
  });
});
