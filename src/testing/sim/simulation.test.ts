import { expect, it } from 'vitest';
import { engine } from './engine.ts';
import { DEFAULT_OPTIONS } from './world.ts';

/** A machine that is busy with other things may take its time. */
const MS_MAX = 300_000;

const traceOf = async (seed: number): Promise<readonly string[]> => {
  const lines: string[] = [];
  const world = engine.draw({ ...DEFAULT_OPTIONS, seed, seconds: 3 });
  const { traceHash, violation } = await engine.run(world, (line) => lines.push(line));
  expect(violation).toBeUndefined();
  return [traceHash, ...lines];
};

it(
  'goes the same way again in the same process, event by event',
  async () => {
    const [hash, ...lines] = await traceOf(5);
    const [otherHash] = await traceOf(6);
    const [hashAgain, ...linesAgain] = await traceOf(5);
    expect(lines.length).toBeGreaterThan(100);
    expect(linesAgain).toEqual(lines);
    expect(hashAgain).toBe(hash);
    expect(otherHash).not.toBe(hash);
  },
  MS_MAX,
);
