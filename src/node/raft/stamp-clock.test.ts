import { describe, expect, it } from 'vitest';
import type { StampMs } from '../../protocol/ids.ts';
import { StampClock } from './stamp-clock.ts';

describe('StampClock', () => {
  const start = (wallMs: number, knownMs: number): { times: { wall: number; mono: number }; stamps: StampClock } => {
    const times = { wall: wallMs, mono: 1_000 };
    const stamps = new StampClock({ clusterMs: () => times.wall, monotonicMs: () => times.mono });
    stamps.begin(knownMs as StampMs);
    return { times, stamps };
  };

  it('follows the clock', () => {
    const { times, stamps } = start(5_000, 0);
    expect(stamps.next()).toBe(5_000);
    times.wall += 100.7;
    times.mono += 100;
    expect(stamps.next()).toBe(5_100);
  });

  it('never goes back, neither behind a predecessor nor with its own clock', () => {
    const { times, stamps } = start(5_000, 9_000);
    expect(stamps.next()).toBe(9_000);
    times.wall = 1_000;
    times.mono += 500;
    expect(stamps.next()).toBe(9_000);
  });

  it('catches up with the present when a term begins', () => {
    const { stamps } = start(1_000_000, 3);
    expect(stamps.next()).toBe(1_000_000);
  });

  it('lets a clock that jumps ahead gain no more than the time that really passed', () => {
    const { times, stamps } = start(5_000, 0);
    times.wall += 3_600_000;
    times.mono += 10;
    expect(stamps.next()).toBe(5_020);
    for (let i = 0; i < 100; i += 1) {
      times.mono += 0.3;
      stamps.next();
    }
    expect(stamps.next()).toBeLessThanOrEqual(5_020 + 60);
    expect(stamps.next()).toBeGreaterThan(5_020 + 50);
  });
});
