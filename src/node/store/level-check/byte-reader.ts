/** The bytes end too early, or hold a number that cannot be. */
export class MalformedError extends Error {}

/** Reads LevelDB's encodings one after the other. */
export class ByteReader {
  readonly #bytes: Buffer;
  #at: number;
  readonly #end: number;

  constructor(bytes: Buffer, at = 0, end = bytes.length) {
    this.#bytes = bytes;
    this.#at = at;
    this.#end = end;
  }

  get done(): boolean {
    return this.#at >= this.#end;
  }

  /** Base-128 varint as short as can be; numbers beyond the safe integers are refused. */
  varint(): number {
    let value = 0;
    for (let scale = 1; ; scale *= 128) {
      if (this.#at >= this.#end || scale > 2 ** 49) throw new MalformedError('a number is cut off');
      const byte = this.#bytes[this.#at]!;
      this.#at += 1;
      if (byte === 0 && scale > 1) throw new MalformedError('a number is longer than it has to be');
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return value;
    }
  }

  skip(count: number): void {
    if (count > this.#end - this.#at) throw new MalformedError('it ends too early');
    this.#at += count;
  }

  /** The next bytes, as a view. */
  bytes(count: number): Buffer {
    const from = this.#at;
    this.skip(count);
    return this.#bytes.subarray(from, this.#at);
  }

  /** All that is left, as a view. */
  rest(): Buffer {
    return this.bytes(this.#end - this.#at);
  }

  /** Skips text with its length before it. */
  skipText(): void {
    this.skip(this.varint());
  }
}
