import { seededRandom } from '../random.ts';

/** Chance that is the same for the same seed. */
export class Dice {
  readonly #next: () => number;

  constructor(seed: number) {
    this.#next = seededRandom(seed);
  }

  /** Whether something happens that does so once in `times`. */
  oneIn(times: number): boolean {
    return this.#next() * times < 1;
  }

  /** From 0 up to but not including `end`. */
  below(end: number): number {
    return Math.floor(this.#next() * end);
  }

  pick<T>(values: readonly T[]): T {
    return values[this.below(values.length)]!;
  }

  /** Bytes as they come. */
  bytes(length: number): Uint8Array {
    return Uint8Array.from({ length }, () => this.below(256));
  }

  text(alphabet: string, length: number): string {
    return Array.from({ length }, () => alphabet[this.below(alphabet.length)]).join('');
  }
}
