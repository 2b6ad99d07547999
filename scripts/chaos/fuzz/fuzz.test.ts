import { describe, expect, it } from 'vitest';
import { Dice } from './dice.ts';
import { fuzzApi } from './api-fuzz.ts';
import { fuzzFrames } from './frame-fuzz.ts';
import { nextFrameInput } from './frame-inputs.ts';
import { nextFrame } from './socket-inputs.ts';

describe('hostile input', () => {
  it('is refused, and harms nobody: by HTTP, over sockets, as raw bytes', async () => {
    const { inputs, outcomes, violations } = await fuzzApi({ inputs: 2_000, seed: 1, say: () => {} });
    expect(violations).toEqual([]);
    expect(inputs).toBeGreaterThanOrEqual(2_000);
    // It is not all refused for the same reason.
    const kinds = ['http 200', 'http 400', 'http 401', 'http 403', 'http 404', 'raw 400', 'socket 4400'];
    for (const kind of kinds) expect([kind, outcomes.has(kind)]).toEqual([kind, true]);
  });

  it('is never taken for what a node said, nor harms the nodes: frames that nobody sealed', async () => {
    const { inputs, outcomes, violations } = await fuzzFrames({ inputs: 3_000, seed: 1, say: () => {} });
    expect(violations).toEqual([]);
    expect(inputs).toBe(3_000);
    for (const reason of ['malformed', 'foreign', 'misaddressed', 'forged', 'replayed']) {
      expect([reason, outcomes.has(reason)]).toEqual([reason, true]);
    }
  });

  it('is the same for the same seed', () => {
    const draw = (seed: number): unknown[] => {
      const dice = new Dice(seed);
      const seen = [Buffer.alloc(100, 1), Buffer.alloc(200, 2)];
      return Array.from({ length: 50 }, () => [nextFrame(dice, {}), nextFrameInput(dice, seen)]);
    };
    expect(draw(7)).toEqual(draw(7));
    expect(draw(7)).not.toEqual(draw(8));
  });
});
