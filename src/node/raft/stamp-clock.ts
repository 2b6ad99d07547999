import type { StampMs } from '../../protocol/ids.ts';

/** How fast leader-stamped time may run against the leader's monotonic clock within one term. */
const SPEED_MAX = 2;

export interface StampSources {
  /** The cluster's time as well as this node can tell, milliseconds since the epoch. */
  readonly clusterMs: () => number;
  readonly monotonicMs: () => number;
}

/**
 * The time a leader stamps its entries with (consensus.md, rule 10): never less than any stamp it knows, following
 * the cluster's clock, but within a term never faster than twice the time that really passed, so that a clock which
 * jumps ahead expires nothing at once.
 */
export class StampClock {
  readonly #sources: StampSources;
  #lastMs = 0;
  #lastAtMs = 0;

  constructor(sources: StampSources) {
    this.#sources = sources;
  }

  /** A term of leadership begins; `knownMs` is the newest stamp this node has applied. */
  begin(knownMs: StampMs): void {
    this.#lastMs = Math.max(knownMs, Math.floor(this.#sources.clusterMs()));
    this.#lastAtMs = this.#sources.monotonicMs();
  }

  next(): StampMs {
    const nowMs = this.#sources.monotonicMs();
    const latestMs = this.#lastMs + Math.floor((nowMs - this.#lastAtMs) * SPEED_MAX);
    const clusterMs = Math.floor(this.#sources.clusterMs());
    if (clusterMs > latestMs) {
      // Only the time that was used up is gone: fractions of a millisecond add up.
      this.#lastAtMs += (latestMs - this.#lastMs) / SPEED_MAX;
      this.#lastMs = latestMs;
    } else if (clusterMs > this.#lastMs) {
      this.#lastAtMs = nowMs;
      this.#lastMs = clusterMs;
    }
    return this.#lastMs as StampMs;
  }
}
