import { expect, it } from 'vitest';
import { ClockJumps } from './clock-jumps.ts';

it('tells a clock that was set from a process that was held up, and neither from a clock that is set right', () => {
  const now = { wall: 5_000_000, monotonic: 1_000 };
  const jumps = new ClockJumps(
    { wallMs: () => now.wall, monotonicMs: () => now.monotonic, after: () => () => {} },
    1_000,
  );
  const pass = (wallMs: number, monotonicMs: number): string => {
    now.wall += wallMs;
    now.monotonic += monotonicMs;
    return jumps.since();
  };
  expect(pass(1_000, 1_000)).toBe('none');
  expect(pass(1_900, 1_100)).toBe('none');
  expect(pass(3_600_000, 10)).toBe('set');
  expect(pass(10, 10)).toBe('none');
  expect(pass(-2_000, 0)).toBe('set');
  expect(pass(0, 1_500)).toBe('set');
  expect(pass(2_500, 2_500)).toBe('pause');
  expect(pass(86_400_000, 86_400_000)).toBe('pause');
  expect(pass(100, 100)).toBe('none');
});
