import { utf8ToBytes } from '@noble/hashes/utils.js';

/** Writes one value of a type. The functions named `write…` beside the types are such encoders. */
export type Encoder<T> = (writer: TlsWriter, value: T) => void;

const VECTOR_BYTES_MAX = 2 ** 30 - 1;

/** The TLS presentation language as RFC 9420 section 2.1 uses it: big-endian numbers, variable-size length headers. */
export class TlsWriter {
  #bytes = new Uint8Array(128);
  #length = 0;

  uint8(value: number): this {
    const at = this.#reserve(1); // may replace the buffer
    this.#bytes[at] = value;
    return this;
  }

  uint16(value: number): this {
    const at = this.#reserve(2);
    this.#bytes[at] = value >>> 8;
    this.#bytes[at + 1] = value;
    return this;
  }

  uint32(value: number): this {
    return this.uint16(value >>> 16).uint16(value & 0xffff);
  }

  uint64(value: bigint): this {
    return this.uint32(Number(value >> 32n)).uint32(Number(value & 0xffff_ffffn));
  }

  /** As they are, without a length. */
  raw(bytes: Uint8Array): this {
    const at = this.#reserve(bytes.length);
    this.#bytes.set(bytes, at);
    return this;
  }

  /** `opaque value<V>`; text as its UTF-8. */
  opaque(value: Uint8Array | string): this {
    const bytes = typeof value === 'string' ? utf8ToBytes(value) : value;
    return this.#header(bytes.length).raw(bytes);
  }

  /** `T values<V>`: the header counts bytes, not values. */
  vector<T>(values: Iterable<T>, write: Encoder<T>): this {
    const inner = new TlsWriter();
    for (const value of values) write(inner, value);
    return this.opaque(inner.finish());
  }

  optional<T>(value: T | null, write: Encoder<T>): this {
    this.uint8(value === null ? 0 : 1);
    if (value !== null) write(this, value);
    return this;
  }

  /** What was written; the writer must not be used any more. */
  finish(): Uint8Array {
    return this.#bytes.subarray(0, this.#length);
  }

  #header(length: number): this {
    if (length < 1 << 6) return this.uint8(length);
    if (length < 1 << 14) return this.uint16(length | 0x4000);
    if (length > VECTOR_BYTES_MAX) throw new Error(`A vector of ${length} bytes is longer than RFC 9420 allows.`);
    return this.uint32((length | 0x8000_0000) >>> 0);
  }

  #reserve(count: number): number {
    const at = this.#length;
    this.#length += count;
    if (this.#length > this.#bytes.length) {
      const larger = new Uint8Array(Math.max(this.#length, this.#bytes.length * 2));
      larger.set(this.#bytes.subarray(0, at));
      this.#bytes = larger;
    }
    return at;
  }
}

export function encode<T>(write: Encoder<T>, value: T): Uint8Array {
  const writer = new TlsWriter();
  write(writer, value);
  return writer.finish();
}
