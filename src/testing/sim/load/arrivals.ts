import type { ClientsEnv } from './clients.ts';

const BURST_CHANCE = 0.02;
const BURST_MAX = 20;

/** New commands, so many a second, now and then several at once; they come whether or not earlier ones are answered. */
export class Arrivals {
  readonly #env: ClientsEnv;
  readonly #perSecond: number;
  readonly #invoke: () => void;
  #running = false;

  constructor(env: ClientsEnv, perSecond: number, invoke: () => void) {
    this.#env = env;
    this.#perSecond = perSecond;
    this.#invoke = invoke;
  }

  start(): void {
    this.#running = true;
    this.#later();
  }

  stop(): void {
    this.#running = false;
  }

  #later(): void {
    const { time, prng } = this.#env;
    time.after(prng.between(0, 2_000 / this.#perSecond), () => {
      if (!this.#running) return;
      const count = prng.chance(BURST_CHANCE) ? prng.below(BURST_MAX) : 1;
      for (let i = 0; i < count; i += 1) this.#invoke();
      this.#later();
    });
  }
}
