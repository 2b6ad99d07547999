import type { Clock } from '../ports.ts';

/** More than any clock is set right by in one step, and longer than a busy process is held up. */
export const JUMP_MS = 1_000;

const READING_MS_MAX = 50;
const READINGS_MAX = 5;

export type ClockJump =
  | 'none'
  /** Both clocks went on while nothing here ran: the process was held up, or stood still with its machine. */
  | 'pause'
  /** The clocks disagree: the wall clock was set, or the machine goes on from an image of its memory. */
  | 'set';

/**
 * Notices that this process may have been copied, or set back: what it numbered since may be numbered again. To be asked
 * before anything is numbered, and at least every `everyMs`.
 */
export class ClockJumps {
  readonly #clock: Clock;
  readonly #pauseMs: number;
  #wallMs: number;
  #monotonicMs: number;

  constructor(clock: Clock, everyMs: number) {
    this.#clock = clock;
    this.#pauseMs = everyMs + JUMP_MS;
    this.#wallMs = clock.wallMs();
    this.#monotonicMs = clock.monotonicMs();
  }

  /** What has happened since it was asked last. */
  since(): ClockJump {
    const { wallMs, monotonicMs } = this.#readBoth();
    const passedMs = monotonicMs - this.#monotonicMs;
    const differenceMs = wallMs - this.#wallMs - passedMs;
    this.#wallMs = wallMs;
    this.#monotonicMs = monotonicMs;
    if (Math.abs(differenceMs) > JUMP_MS) return 'set';
    return passedMs > this.#pauseMs ? 'pause' : 'none';
  }

  /** At one time: whoever is held up between the two readings would see clocks that disagree. */
  #readBoth(): { wallMs: number; monotonicMs: number } {
    for (let reading = 1; ; reading += 1) {
      const beganMs = this.#clock.monotonicMs();
      const wallMs = this.#clock.wallMs();
      const monotonicMs = this.#clock.monotonicMs();
      if (monotonicMs - beganMs < READING_MS_MAX || reading >= READINGS_MAX) return { wallMs, monotonicMs };
    }
  }
}
