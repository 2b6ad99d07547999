/**
 * Which counters of one stream were seen already (the sliding window of RFC 4303, appendix A2). Counters only rise,
 * but frames may arrive out of order by up to `WINDOW` of them.
 */
export const WINDOW = 1_024;
const WORDS = WINDOW / 32;

export type Freshness = 'fresh' | 'replayed' | 'stale';

export class ReplayWindow {
  /** One bit per counter, at its remainder by the window's size. */
  readonly #seen = new Uint32Array(WORDS);
  readonly #floor: number;
  #highest: number;

  /** Everything up to `floor` counts as stale from the beginning. */
  constructor(floor = -1) {
    this.#floor = floor;
    this.#highest = floor;
  }

  check(counter: number): Freshness {
    if (counter > this.#highest) return 'fresh';
    if (counter <= this.#floor || counter <= this.#highest - WINDOW) return 'stale';
    return (this.#word(counter) & bit(counter)) === 0 ? 'fresh' : 'replayed';
  }

  /** To be called only once the frame is known to be genuine: a forged counter must not move the window. */
  accept(counter: number): void {
    if (counter - this.#highest >= WINDOW) this.#seen.fill(0);
    else for (let passed = this.#highest + 1; passed < counter; passed += 1) this.#forget(passed);
    const index = wordIndex(counter);
    this.#seen[index] = this.#word(counter) | bit(counter);
    if (counter > this.#highest) this.#highest = counter;
  }

  #forget(counter: number): void {
    this.#seen[wordIndex(counter)] = this.#word(counter) & ~bit(counter);
  }

  #word(counter: number): number {
    return this.#seen[wordIndex(counter)] ?? 0;
  }
}

const wordIndex = (counter: number): number => Math.floor((counter % WINDOW) / 32);
const bit = (counter: number): number => 1 << (counter % 32);
