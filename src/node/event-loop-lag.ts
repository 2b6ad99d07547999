import { monitorEventLoopDelay } from 'node:perf_hooks';

const RESOLUTION_MS = 10;
const NANOSECONDS_PER_MS = 1e6;

/** How late timers fire: the 99th percentile since the last question, in milliseconds. */
export class EventLoopLag {
  readonly #histogram = monitorEventLoopDelay({ resolution: RESOLUTION_MS });

  constructor() {
    this.#histogram.enable();
  }

  sampleMs(): number {
    const lateMs = this.#histogram.percentile(99) / NANOSECONDS_PER_MS - RESOLUTION_MS;
    this.#histogram.reset();
    return Number.isFinite(lateMs) ? Math.max(0, Math.round(lateMs * 10) / 10) : 0;
  }

  stop(): void {
    this.#histogram.disable();
  }
}
