import { randomFillSync } from 'node:crypto';

export const NONCE_BYTES = 12;
const DRAWN_AT_ONCE = 1024;

/** Random nonces of 96 bits; drawn many at a time, because a draw costs more than what is sealed with it. */
export class NonceSource {
  readonly #pool = Buffer.alloc(DRAWN_AT_ONCE * NONCE_BYTES);
  #at = this.#pool.length;

  /** Writes the next one into `target` at `offset`. */
  write(target: Buffer, offset: number): void {
    if (this.#at === this.#pool.length) {
      randomFillSync(this.#pool);
      this.#at = 0;
    }
    this.#pool.copy(target, offset, this.#at, (this.#at += NONCE_BYTES));
  }
}
