import type { Clock } from '../ports.ts';

export interface TickerOptions {
  readonly clock: Clock;
  readonly tickMs: number;
  /** A tick that comes later than this was held up by the process itself. */
  readonly stallMs: number;
  readonly onTick: () => void;
  readonly onStall: (lateMs: number) => void;
}

/**
 * Drives the core's clock. Small delays are made up for, so that ticks keep their pace. A long one (the event loop
 * was blocked, the process stopped, the machine slept) counts as a single tick, and that one is fired only after the
 * messages that came meanwhile have been read: a paused process must not stand for election because of time in which
 * it could not have heard its leader.
 */
export class Ticker {
  readonly #options: TickerOptions;
  #dueMs = 0;
  /** The tick that is due was held up, and waits only for the messages that came meanwhile. */
  #postponed = false;
  #cancel: (() => void) | undefined;

  constructor(options: TickerOptions) {
    this.#options = options;
  }

  start(): void {
    this.#dueMs = this.#options.clock.monotonicMs() + this.#options.tickMs;
    this.#arm(this.#options.tickMs);
  }

  stop(): void {
    this.#cancel?.();
    this.#cancel = undefined;
  }

  /** Whether the tick that is due was held up, and nobody has been told yet. */
  get isLate(): boolean {
    return this.#options.clock.monotonicMs() - this.#dueMs > this.#options.stallMs;
  }

  #arm(delayMs: number): void {
    this.#cancel = this.#options.clock.after(delayMs, () => this.#fire());
  }

  #fire(): void {
    const { clock, tickMs, stallMs, onTick, onStall } = this.#options;
    const nowMs = clock.monotonicMs();
    const lateMs = nowMs - this.#dueMs;
    const stalled = lateMs > stallMs;
    if (stalled) onStall(lateMs);
    if (stalled && !this.#postponed) {
      this.#postponed = true;
      this.#dueMs = nowMs;
      this.#arm(0);
      return;
    }
    // A tick is postponed once: however slow the process is, its clock goes on.
    this.#postponed = false;
    this.#dueMs = (stalled ? nowMs : this.#dueMs) + tickMs;
    this.#arm(Math.max(0, this.#dueMs - nowMs));
    onTick();
  }
}
