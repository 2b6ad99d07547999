import { describe, expect, it } from 'vitest';
import { Dice } from './dice.ts';
import { fuzz } from './fuzz.ts';
import { nextFrame } from './socket-inputs.ts';

describe('hostile input', () => {
  it('is refused, and harms nobody: by HTTP, over sockets, as raw bytes', async () => {
    const { inputs, outcomes, violations } = await fuzz({ inputs: 2_000, seed: 1, say: () => {} });
    expect(violations).toEqual([]);
    expect(inputs).toBeGreaterThanOrEqual(2_000);
    // It is not all refused for the same reason.
    const kinds = ['http 200', 'http 400', 'http 401', 'http 403', 'http 404', 'raw 400', 'socket 4400'];
    for (const kind of kinds) expect([kind, outcomes.has(kind)]).toEqual([kind, true]);
  });

  it('is the same for the same seed', () => {
    const draw = (seed: number): unknown[] => {
      const dice = new Dice(seed);
      return Array.from({ length: 50 }, () => nextFrame(dice, {}));
    };
    expect(draw(7)).toEqual(draw(7));
    expect(draw(7)).not.toEqual(draw(8));
  });
});
