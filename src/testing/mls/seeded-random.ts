import { sha256 } from '@noble/hashes/sha2.js';
import type { RandomBytes } from '../../crypto/random.ts';

/** A stream of bytes and choices that a seed decides. */
export class SeededRandom {
  #state: number;
  #counter = 0;
  readonly #seed: number;

  constructor(seed: number) {
    this.#seed = seed;
    this.#state = seed;
  }

  /** Distinct for every call; for keys, so that they look like keys. */
  readonly bytes: RandomBytes = (length) => {
    const output = new Uint8Array(length);
    for (let at = 0; at < length; at += 32) {
      const block = sha256(new TextEncoder().encode(`${this.#seed}/${this.#counter++}`));
      output.set(block.subarray(0, length - at), at);
    }
    return output;
  };

  /** 0 ≤ n < bound (mulberry32). */
  below(bound: number): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0;
    let t = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((((t ^ (t >>> 14)) >>> 0) / 2 ** 32) * bound) | 0;
  }

  chance(percent: number): boolean {
    return this.below(100) < percent;
  }

  pick<T>(items: readonly T[]): T {
    return items[this.below(items.length)]!;
  }

  /** `count` different ones, or all. */
  sample<T>(items: readonly T[], count: number): T[] {
    const left = [...items];
    return Array.from({ length: Math.min(count, left.length) }, () => left.splice(this.below(left.length), 1)[0]!);
  }
}
