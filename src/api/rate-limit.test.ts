import { describe, expect, it } from 'vitest';
import { RateLimiter } from './rate-limit.ts';

describe('token buckets', () => {
  it('gives a burst, then what flows in', () => {
    let nowMs = 0;
    const limiter = new RateLimiter({ perSecond: 2, burst: 3 }, 10, () => nowMs);
    const allowed = (): boolean[] => Array.from({ length: 4 }, () => limiter.take('a').allowed);
    expect(allowed()).toEqual([true, true, true, false]);
    expect(limiter.take('a').waitMs).toBe(500);
    nowMs += 499;
    expect(limiter.take('a').allowed).toBe(false);
    nowMs += 1;
    expect(limiter.take('a')).toEqual({ allowed: true, limit: 3, remaining: 0, waitMs: 0, resetMs: 1_500 });
    nowMs += 3_600_000;
    expect(allowed()).toEqual([true, true, true, false]);
    expect(limiter.take('b').allowed).toBe(true);
  });

  it('remembers a bounded number of keys, those that were used last', () => {
    const limiter = new RateLimiter({ perSecond: 1, burst: 1 }, 3, () => 0);
    for (const key of ['a', 'b', 'c']) limiter.take(key);
    limiter.take('a');
    limiter.take('d');
    expect(limiter.size).toBe(3);
    expect(limiter.take('a').allowed).toBe(false);
    expect(limiter.take('b').allowed).toBe(true);
  });
});
