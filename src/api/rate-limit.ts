import { ParleyError } from '../protocol/errors.ts';
import type { BucketRate } from './config.ts';

/** What a bucket says to one request. */
export interface RateVerdict {
  readonly allowed: boolean;
  readonly limit: number;
  readonly remaining: number;
  /** Until the next request is allowed; 0 when it is now. */
  readonly waitMs: number;
  /** Until all of `limit` is there again, if nothing more is asked. */
  readonly resetMs: number;
}

interface Bucket {
  tokens: number;
  filledAtMs: number;
}

/**
 * Token buckets by key, in bounded memory. Which keys exist is for strangers to decide, so the map forgets the
 * longest unused one when it is full; a full bucket and no bucket mean the same.
 */
export class RateLimiter {
  readonly #buckets = new Map<string, Bucket>();
  readonly #rate: BucketRate;
  readonly #keysMax: number;
  readonly #nowMs: () => number;

  /** @param nowMs monotonic milliseconds */
  constructor(rate: BucketRate, keysMax: number, nowMs: () => number) {
    this.#rate = rate;
    this.#keysMax = keysMax;
    this.#nowMs = nowMs;
  }

  get size(): number {
    return this.#buckets.size;
  }

  /** Takes one token, if there is one. */
  take(key: string): RateVerdict {
    const { perSecond, burst } = this.#rate;
    const nowMs = this.#nowMs();
    let bucket = this.#buckets.get(key);
    if (bucket === undefined) {
      this.#makeRoom();
      bucket = { tokens: burst, filledAtMs: nowMs };
    } else {
      this.#buckets.delete(key);
      bucket.tokens = Math.min(burst, bucket.tokens + ((nowMs - bucket.filledAtMs) * perSecond) / 1000);
      bucket.filledAtMs = nowMs;
    }
    this.#buckets.set(key, bucket);
    const allowed = bucket.tokens >= 1;
    if (allowed) bucket.tokens -= 1;
    const waitMs = allowed ? 0 : Math.ceil(((1 - bucket.tokens) * 1000) / perSecond);
    const resetMs = Math.ceil(((burst - bucket.tokens) * 1000) / perSecond);
    return { allowed, limit: burst, remaining: Math.floor(bucket.tokens), waitMs, resetMs };
  }

  #makeRoom(): void {
    if (this.#buckets.size < this.#keysMax) return;
    // Map iterates in order of insertion, and every use inserts anew: the first key is the longest unused.
    const [oldest] = this.#buckets.keys();
    if (oldest !== undefined) this.#buckets.delete(oldest);
  }
}

/** @throws ParleyError `rate_limited` with `retryAfterMs` */
export function refuseOver({ allowed, waitMs }: RateVerdict): void {
  if (!allowed) throw new ParleyError('rate_limited', undefined, { data: { retryAfterMs: waitMs } });
}
