import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ReplayWindow, WINDOW } from './replay-window.ts';

describe('ReplayWindow', () => {
  it('agrees with a set of all counters ever accepted', () => {
    const steps = fc.array(fc.oneof(fc.nat({ max: 40 }), fc.nat({ max: 3 * WINDOW }), fc.constant(2 ** 40)), {
      maxLength: 300,
    });
    fc.assert(
      fc.property(steps, fc.array(fc.integer({ min: -2 * WINDOW, max: 5 }), { maxLength: 300 }), (jumps, backs) => {
        const window = new ReplayWindow();
        const accepted = new Set<number>();
        let highest = -1;
        jumps.forEach((jump, i) => {
          const counter = Math.max(0, highest + (i % 2 === 0 ? jump : (backs[i] ?? 0)));
          const expected = counter <= highest - WINDOW ? 'stale' : accepted.has(counter) ? 'replayed' : 'fresh';
          expect(window.check(counter)).toBe(expected);
          if (expected !== 'fresh') return;
          window.accept(counter);
          accepted.add(counter);
          highest = Math.max(highest, counter);
        });
      }),
    );
  });

  it('takes nothing up to its floor', () => {
    const window = new ReplayWindow(5);
    expect([4, 5, 6].map((counter) => window.check(counter))).toEqual(['stale', 'stale', 'fresh']);
    window.accept(8);
    expect([4, 5, 6, 8].map((counter) => window.check(counter))).toEqual(['stale', 'stale', 'fresh', 'replayed']);
  });

  it('tells the edges of the window apart', () => {
    const window = new ReplayWindow();
    window.accept(0);
    window.accept(WINDOW);
    expect(window.check(0)).toBe('stale');
    expect(window.check(1)).toBe('fresh');
    expect(window.check(WINDOW)).toBe('replayed');
    expect(window.check(WINDOW + 1)).toBe('fresh');
  });
});
