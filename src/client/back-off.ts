const BACKOFF_MS_MIN = 50;
const BACKOFF_MS_MAX = 2_000;
/** Whoever lost the same node comes to the others spread over this. */
const RECONNECT_SPREAD_MS = 100;

/** How long to leave the nodes alone when all of them were asked in vain: longer each time, and never all at once. */
export class BackOff {
  readonly #chance: () => number;
  #nextMs = BACKOFF_MS_MIN;

  /** @param chance from 0 up to 1 */
  constructor(chance: () => number) {
    this.#chance = chance;
  }

  /** Milliseconds before the next round. */
  next(): number {
    const waitMs = this.#nextMs * (0.5 + this.#chance());
    this.#nextMs = Math.min(this.#nextMs * 2, BACKOFF_MS_MAX);
    return waitMs;
  }
}

/** Milliseconds before the first attempt, when a connection was lost that had been there. */
export const reconnectPauseMs = (chance: () => number): number => chance() * RECONNECT_SPREAD_MS;
