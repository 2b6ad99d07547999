/**
 * A quick hash for chains, states and traces of the simulator: two 26-bit lanes in one safe integer. It finds
 * accidents, not forgeries.
 */
export class FastHash {
  #high: number;
  #low: number;

  constructor(start = 0) {
    this.#high = Math.floor(start / LANE) ^ 0x2c1b3c6d;
    this.#low = (start % LANE) ^ 0x297a2d39;
  }

  number(value: number): this {
    return this.#word(value | 0).#word(Math.floor(value / 2 ** 32) | 0);
  }

  bytes(bytes: Uint8Array): this {
    let at = 0;
    for (; at + 4 <= bytes.length; at += 4) {
      this.#word(bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24));
    }
    let rest = bytes.length;
    for (; at < bytes.length; at += 1) rest = (rest << 8) | bytes[at]!;
    return this.#word(rest);
  }

  text(text: string): this {
    for (let at = 0; at < text.length; at += 1) this.#word(text.charCodeAt(at));
    return this.#word(text.length);
  }

  #word(word: number): this {
    this.#high = Math.imul(this.#high ^ word, 0x85ebca6b);
    this.#high = (this.#high << 13) | (this.#high >>> 19);
    this.#low = Math.imul(this.#low ^ word ^ (this.#high >>> 5), 0xc2b2ae35);
    this.#low ^= this.#low >>> 15;
    return this;
  }

  /** A safe integer of 52 bits. */
  value(): number {
    const high = Math.imul(this.#high ^ (this.#high >>> 16), 0x7feb352d);
    const low = Math.imul(this.#low ^ (this.#low >>> 13), 0x846ca68b);
    return ((high >>> 6) % LANE) * LANE + ((low >>> 6) % LANE);
  }
}

const LANE = 2 ** 26;

const HASH_BYTES = 32;

/** A 52-bit hash as 32 bytes, for ports that speak of those. */
export function hashBytes(value: number): Uint8Array {
  const bytes = new Uint8Array(HASH_BYTES);
  new DataView(bytes.buffer).setFloat64(0, value);
  return bytes;
}

export function hashOfBytes(bytes: Uint8Array): number {
  const value = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength).getFloat64(0);
  // Whatever else they may be, they are not of this kind.
  const isOurs = Number.isSafeInteger(value) && bytes.subarray(8).every((byte) => byte === 0);
  return isOurs ? value : new FastHash().bytes(bytes).value();
}
