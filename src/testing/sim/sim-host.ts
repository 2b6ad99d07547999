import type { NodeName } from '../../protocol/ids.ts';
import type { Clock } from '../../node/ports.ts';
import type { Prng } from './prng.ts';
import type { VirtualTime } from './virtual-time.ts';

export interface SimHostEnv {
  readonly time: VirtualTime;
  readonly prng: Prng;
  /** After everything that ran inside this host's process. */
  readonly afterStep: (host: SimHost) => void;
}

/** Wall clocks begin at some day of 2026. */
const EPOCH_MS = Date.UTC(2026, 5, 1);

/**
 * A machine that runs one process: its clocks, which drift, and the event loop of the process, which can be paused or
 * die. Everything that happens inside the process goes through `run`.
 */
export class SimHost {
  readonly number: number;
  readonly name: NodeName;
  readonly #env: SimHostEnv;
  /** Rises with every crash; callbacks of an earlier process are dropped. */
  #epoch = 0;
  #isUp = false;
  #pausedUntilMs = 0;
  /** Seconds of this machine per second of virtual time. */
  readonly #rate: number;
  #wallOffsetMs: number;

  constructor(number: number, env: SimHostEnv) {
    this.number = number;
    this.name = `n${number}` as NodeName;
    this.#env = env;
    this.#rate = env.prng.between(0.98, 1.02);
    this.#wallOffsetMs = EPOCH_MS + env.prng.between(-500, 500);
  }

  get isUp(): boolean {
    return this.#isUp;
  }

  get epoch(): number {
    return this.#epoch;
  }

  boot(): void {
    this.#epoch += 1;
    this.#isUp = true;
    this.#pausedUntilMs = 0;
  }

  crash(): void {
    this.#epoch += 1;
    this.#isUp = false;
  }

  /** The event loop does nothing for a while: what should have happened meanwhile happens afterwards. */
  pause(durationMs: number): void {
    this.#pausedUntilMs = this.#env.time.nowMs + durationMs;
  }

  resume(): void {
    this.#pausedUntilMs = 0;
  }

  jumpWallClock(byMs: number): void {
    this.#wallOffsetMs += byMs;
  }

  readonly clock: Clock = {
    wallMs: () => this.#wallOffsetMs + this.#env.time.nowMs * this.#rate,
    monotonicMs: () => this.#env.time.nowMs * this.#rate,
    after: (delayMs, callback) => {
      const event = this.after(delayMs / this.#rate, callback);
      return () => {
        event.run = undefined;
      };
    },
  };

  /** Runs `callback` inside the present process after a delay in virtual time, unless that has died by then. */
  after(delayMs: number, callback: () => void): { run: (() => void) | undefined } {
    const epoch = this.#epoch;
    const handle: { run: (() => void) | undefined } = { run: callback };
    this.#env.time.after(delayMs, () => this.#enter(epoch, handle));
    return handle;
  }

  /** The next thing the process does, unless it is paused. */
  soon(callback: () => void): void {
    this.after(0, callback);
  }

  #enter(epoch: number, handle: { run: (() => void) | undefined }): void {
    if (epoch !== this.#epoch || handle.run === undefined) return;
    const { time, afterStep } = this.#env;
    if (this.#pausedUntilMs > time.nowMs) {
      time.at(this.#pausedUntilMs, () => this.#enter(epoch, handle));
      return;
    }
    handle.run();
    if (this.#isUp) afterStep(this);
  }
}
