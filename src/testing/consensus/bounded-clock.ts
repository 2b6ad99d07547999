/** A peer's clock that keeps what read leases rest on: its rate is bounded, and ticks come late by a bounded number. */
export class BoundedClock {
  readonly #rate: number;
  readonly #lateTicksMax: number;
  #fraction: number;
  #late = 0;

  /** Makes `rate` ticks in one unit of time, the first of them after `1 - phase` of a tick. */
  constructor({ rate, phase, lateTicksMax }: { rate: number; phase: number; lateTicksMax: number }) {
    this.#rate = rate;
    this.#fraction = phase;
    this.#lateTicksMax = lateTicksMax;
  }

  /** `units` of time pass. Returns how many ticks happen now; `lateness` in `[0, 1)` says how many are held back. */
  pass(units: number, lateness: number): number {
    this.#fraction += this.#rate * units;
    const whole = Math.floor(this.#fraction);
    this.#fraction -= whole;
    const due = this.#late + whole;
    this.#late = Math.min(due, Math.floor(lateness * (this.#lateTicksMax + 1)));
    return due - this.#late;
  }
}
