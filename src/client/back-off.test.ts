import { expect, it } from 'vitest';
import { BackOff, reconnectPauseMs } from './back-off.ts';

it('waits longer each time, up to a bound', () => {
  const backOff = new BackOff(() => 0.5);
  expect(Array.from({ length: 8 }, () => backOff.next())).toEqual([50, 100, 200, 400, 800, 1_600, 2_000, 2_000]);
});

it('never sends everybody at once', () => {
  const at = (chance: number): number[] => {
    const backOff = new BackOff(() => chance);
    return [backOff.next(), backOff.next()];
  };
  expect(at(0)).toEqual([25, 50]);
  expect(at(0.999)[0]).toBeCloseTo(75, 0);
  expect(reconnectPauseMs(() => 0)).toBe(0);
  expect(reconnectPauseMs(() => 0.5)).toBe(50);
});
