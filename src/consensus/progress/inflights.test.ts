import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { LogIndex } from '../types.ts';
import { Inflights } from './inflights.ts';

type Step = { readonly add: number; readonly bytes: number } | { readonly freeTo: number } | { readonly reset: true };

const steps = fc.array(
  fc.oneof(
    fc.record({ add: fc.integer({ min: 1, max: 3 }), bytes: fc.integer({ min: 0, max: 50 }) }),
    fc.record({ freeTo: fc.integer({ min: 0, max: 60 }) }),
    fc.record({ reset: fc.constant(true as const) }),
  ),
  { maxLength: 60 },
) as fc.Arbitrary<Step[]>;

describe('Inflights', () => {
  it('behaves like a list of messages, whatever its ring does', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 7 }), fc.integer({ min: 1, max: 120 }), steps, (max, bytesMax, plan) => {
        const window = new Inflights(max, bytesMax);
        let model: { index: number; bytes: number }[] = [];
        let index = 0;
        for (const step of plan) {
          if ('reset' in step) {
            window.reset();
            model = [];
          } else if ('freeTo' in step) {
            window.freeTo(step.freeTo as LogIndex);
            model = model.filter((one) => one.index > step.freeTo);
          } else if (!window.full) {
            index += step.add;
            window.add(index as LogIndex, step.bytes);
            model.push({ index, bytes: step.bytes });
          }
          const bytes = model.reduce((sum, one) => sum + one.bytes, 0);
          expect(window.count).toBe(model.length);
          expect(window.bytes).toBe(bytes);
          expect(window.full).toBe(model.length === max || bytes >= bytesMax);
        }
      }),
    );
  });

  it('asserts that nothing is added to a full window', () => {
    const window = new Inflights(1, Number.POSITIVE_INFINITY);
    window.add(1 as LogIndex, 10);
    expect(() => window.add(2 as LogIndex, 10)).toThrow('full window');
  });

  it('lets the message out that reaches the byte bound, and none after it', () => {
    const window = new Inflights(10, 100);
    window.add(1 as LogIndex, 99);
    expect(window.full).toBe(false);
    window.add(2 as LogIndex, 500);
    expect(window.full).toBe(true);
    window.freeTo(1 as LogIndex);
    expect(window.full).toBe(true);
    window.freeTo(2 as LogIndex);
    expect(window.full).toBe(false);
  });
});
