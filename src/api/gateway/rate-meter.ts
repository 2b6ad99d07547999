const WINDOW_MS = 5_000;

/** How many things per second happened lately: over the last full window, so that one burst does not hide. */
export class RateMeter {
  readonly #nowMs: () => number;
  #startedAtMs: number;
  #count = 0;
  #lastPerSecond = 0;

  constructor(nowMs: () => number = () => performance.now()) {
    this.#nowMs = nowMs;
    this.#startedAtMs = nowMs();
  }

  mark(): void {
    this.#roll();
    this.#count += 1;
  }

  perSecond(): number {
    this.#roll();
    return this.#lastPerSecond;
  }

  #roll(): void {
    const elapsedMs = this.#nowMs() - this.#startedAtMs;
    if (elapsedMs < WINDOW_MS) return;
    this.#lastPerSecond = Math.round((this.#count * 1000) / elapsedMs);
    this.#count = 0;
    this.#startedAtMs += elapsedMs;
  }
}
