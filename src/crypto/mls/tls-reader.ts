import { MlsError, verify } from './error.ts';

/** Reads one value of a type. The functions named `read…` beside the types are such decoders. */
export type Decoder<T> = (reader: TlsReader) => T;

/**
 * The reading side of `tls-writer.ts`. Accepts exactly what it writes: every value has one encoding.
 * Throws `MlsError` (`malformed`).
 */
export class TlsReader {
  readonly #bytes: Uint8Array;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  get isAtEnd(): boolean {
    return this.#at === this.#bytes.length;
  }

  uint8(): number {
    return this.#bytes[this.#advance(1)]!;
  }

  uint16(): number {
    return this.uint8() * 0x100 + this.uint8();
  }

  uint32(): number {
    return this.uint16() * 0x1_0000 + this.uint16();
  }

  uint64(): bigint {
    return BigInt(this.uint32()) * 0x1_0000_0000n + BigInt(this.uint32());
  }

  /** A copy, so that a small field does not keep a large message in memory. */
  raw(length: number): Uint8Array {
    const at = this.#advance(length);
    return this.#bytes.slice(at, at + length);
  }

  opaque(): Uint8Array {
    return this.raw(this.vectorLength());
  }

  vector<T>(read: Decoder<T>): T[] {
    const length = this.vectorLength();
    const at = this.#advance(length);
    const inner = new TlsReader(this.#bytes.subarray(at, at + length));
    const values: T[] = [];
    while (!inner.isAtEnd) values.push(read(inner));
    return values;
  }

  optional<T>(read: Decoder<T>): T | null {
    const present = this.uint8();
    verify(present <= 1, 'malformed', `An optional value has the presence octet ${present}.`);
    return present === 0 ? null : read(this);
  }

  /** Section 2.1.2; also by itself, for the vectors of the length header. */
  vectorLength(): number {
    const first = this.uint8();
    const prefix = first >> 6;
    verify(prefix !== 3, 'malformed', 'A length header has an invalid prefix.');
    let value = first & 0x3f;
    for (let i = 1; i < 1 << prefix; i++) value = value * 0x100 + this.uint8();
    const isMinimal = prefix === 0 || value >= (prefix === 1 ? 1 << 6 : 1 << 14);
    verify(isMinimal, 'malformed', 'A length header is longer than needed.');
    return value;
  }

  /** Everything that is left. */
  rest(): Uint8Array {
    return this.raw(this.#bytes.length - this.#at);
  }

  #advance(count: number): number {
    const at = this.#at;
    verify(this.#bytes.length - at >= count, 'malformed', 'The bytes end too early.');
    this.#at = at + count;
    return at;
  }
}

/** @throws MlsError (`malformed`) unless the bytes are exactly one value */
export function decode<T>(read: Decoder<T>, bytes: Uint8Array): T {
  const reader = new TlsReader(bytes);
  const value = read(reader);
  verify(reader.isAtEnd, 'malformed', 'There are bytes after the end.');
  return value;
}

/** A one-byte enumeration. @throws MlsError (`malformed`) for a value without a name */
export function readEnum<T extends string>(reader: TlsReader, names: Readonly<Record<number, T>>, what: string): T {
  const value = reader.uint8();
  const name = names[value];
  if (name === undefined) throw new MlsError('malformed', `There is no ${what} ${value}.`);
  return name;
}
