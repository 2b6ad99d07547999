import type { NodeName } from '../../protocol/ids.ts';
import type { Clock } from '../../node/ports.ts';
import { Violation } from './violation.ts';
import type { EventOwner, ScheduledEvent, VirtualTime } from './virtual-time.ts';

export interface SimHostOptions {
  readonly number: number;
  readonly time: VirtualTime;
  /** Seconds of this machine per second of virtual time. */
  readonly clockRate: number;
  readonly wallOffsetMs: number;
  /** After everything that ran inside this host's process. */
  readonly afterStep: () => void;
  /** Something thrown where nobody in the process caught it. */
  readonly onUncaught: (error: unknown) => void;
}

/** Wall clocks begin at some day of 2026. */
const EPOCH_MS = Date.UTC(2026, 5, 1);
/** How long a process that was paused reads what came meanwhile. */
const READING_MS = 2;
/** Of an event that concerns whichever process runs when it happens. */
const ANY_LIFE = -1;

export const nameOfNumber = (number: number): NodeName => `n${number}` as NodeName;
export const numberOfName = (name: NodeName): number => Number(name.slice(1));

/**
 * A machine that runs one process: its clocks, which drift and jump, and the event loop of the process, which can be
 * paused or die. Everything that happens inside the process goes through `enter`.
 */
export class SimHost implements EventOwner {
  readonly number: number;
  readonly name: NodeName;
  readonly #options: SimHostOptions;
  /** Rises with every start and every crash; callbacks of an earlier process are dropped. */
  #epoch = 0;
  #isUp = false;
  #pausedUntilMs = 0;
  /** What came while the event loop was paused. */
  #held: ScheduledEvent[] = [];
  #resumptions = 0;
  #rate: number;
  /** What the monotonic clock showed when its rate last changed, and when that was. */
  #rateSinceMs = 0;
  #monotonicThenMs = 0;
  #wallOffsetMs: number;

  constructor(options: SimHostOptions) {
    this.number = options.number;
    this.name = nameOfNumber(options.number);
    this.#options = options;
    this.#rate = options.clockRate;
    this.#wallOffsetMs = EPOCH_MS + options.wallOffsetMs;
  }

  get isUp(): boolean {
    return this.#isUp;
  }

  get isPaused(): boolean {
    return this.#pausedUntilMs > this.#options.time.nowMs;
  }

  get epoch(): number {
    return this.#epoch;
  }

  boot(): void {
    this.#epoch += 1;
    this.#isUp = true;
    this.#pausedUntilMs = 0;
    this.#held = [];
  }

  crash(): void {
    this.#epoch += 1;
    this.#isUp = false;
  }

  /** The event loop does nothing for a while: what should have happened meanwhile happens afterwards. */
  pause(durationMs: number): void {
    const { time } = this.#options;
    this.#pausedUntilMs = Math.max(this.#pausedUntilMs, time.nowMs + durationMs);
    time.after(durationMs, () => {
      if (!this.isPaused) this.resume();
    });
  }

  resume(): void {
    this.#pausedUntilMs = 0;
    this.#resumptions += 1;
    const { time } = this.#options;
    // An event loop may read its sockets, and act upon what they say, before it looks at its clock.
    const readsFirst = this.#resumptions % 2 === 0;
    const late: ScheduledEvent[] = [];
    for (const event of this.#held.splice(0)) {
      if (readsFirst && event.isTimer) late.push(event);
      else time.again(event);
    }
    if (late.length > 0) time.after(READING_MS, () => late.forEach((event) => time.again(event)));
  }

  jumpWallClock(byMs: number): void {
    this.#wallOffsetMs += byMs;
  }

  /** From now on the clocks of this machine run that many times as fast as time. */
  setClockRate(rate: number): void {
    this.#monotonicThenMs = this.#monotonicMs();
    this.#rateSinceMs = this.#options.time.nowMs;
    this.#rate = rate;
  }

  #monotonicMs(): number {
    return this.#monotonicThenMs + (this.#options.time.nowMs - this.#rateSinceMs) * this.#rate;
  }

  readonly clock: Clock = {
    wallMs: () => this.#wallOffsetMs + this.#monotonicMs(),
    monotonicMs: () => this.#monotonicMs(),
    after: (delayMs, callback) => {
      const event = this.after(delayMs / this.#rate, callback);
      event.isTimer = true;
      return () => {
        event.run = undefined;
      };
    },
  };

  /** Runs in the present process, unless that has died by then. */
  after(delayMs: number, callback: () => void): ScheduledEvent {
    return this.#options.time.after(delayMs, callback, this, this.#epoch);
  }

  /** The next thing the process does, unless it is paused. */
  soon(callback: () => void): void {
    this.after(0, callback);
  }

  /** Runs in whichever process is there by then. */
  whoeverAfter(delayMs: number, callback: () => void): void {
    this.#options.time.after(delayMs, callback, this, ANY_LIFE);
  }

  enter(event: ScheduledEvent, run: () => void): void {
    if (!this.#isUp || (event.epoch !== this.#epoch && event.epoch !== ANY_LIFE)) return;
    const { time, afterStep, onUncaught } = this.#options;
    if (this.#pausedUntilMs > time.nowMs) {
      event.run = run;
      this.#held.push(event);
      return;
    }
    const epoch = this.#epoch;
    try {
      run();
    } catch (error) {
      if (error instanceof Violation) throw error;
      // What a process does after its death, nobody sees.
      if (epoch === this.#epoch) onUncaught(error);
    }
    if (epoch === this.#epoch && this.#isUp) afterStep();
  }
}
