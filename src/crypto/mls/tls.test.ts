import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decode, TlsReader } from './tls-reader.ts';
import { encode } from './tls-writer.ts';

const malformed = expect.objectContaining({ code: 'malformed' });

describe('the TLS presentation language', () => {
  it('gives back what was written, whatever grows the buffer', () => {
    const item = fc.oneof(
      fc.nat(0xff).map((value) => ({ type: 'uint8', value }) as const),
      fc.nat(0xffff).map((value) => ({ type: 'uint16', value }) as const),
      fc.nat(0xffff_ffff).map((value) => ({ type: 'uint32', value }) as const),
      fc.bigInt(0n, 2n ** 64n - 1n).map((value) => ({ type: 'uint64', value }) as const),
      fc.uint8Array({ maxLength: 300 }).map((value) => ({ type: 'opaque', value }) as const),
    );
    fc.assert(
      fc.property(fc.array(item, { maxLength: 80 }), (items) => {
        const bytes = encode((writer) => {
          for (const { type, value } of items) (writer[type] as (written: typeof value) => void)(value);
        }, null);
        const reader = new TlsReader(bytes);
        expect(items.map(({ type }) => reader[type]())).toEqual(items.map(({ value }) => value));
        expect(reader.isAtEnd).toBe(true);
      }),
      { numRuns: 200 },
    );
  });

  it.each([
    [0, 1],
    [63, 1],
    [64, 2],
    [16_383, 2],
    [16_384, 4],
    [100_000, 4],
  ])('writes a vector of %i bytes with a header of %i', (length, header) => {
    const bytes = encode((writer) => writer.opaque(new Uint8Array(length)), null);
    expect(bytes.length).toBe(header + length);
    expect(decode((reader) => reader.opaque(), bytes).length).toBe(length);
  });

  it.each([
    ['a prefix of 11', [0xc0, 0, 0, 0]],
    ['two bytes where one is enough', [0x40, 63, ...Array.from({ length: 63 }, () => 0)]],
    ['four bytes where two are enough', [0x80, 0, 0, 64, ...Array.from({ length: 64 }, () => 0)]],
    ['fewer bytes than the header says', [5, 1, 2]],
    ['bytes after the end', [1, 1, 2]],
    ['nothing', []],
  ])('refuses %s', (_what, bytes) => {
    expect(() => decode((reader) => reader.opaque(), Uint8Array.from(bytes))).toThrow(malformed);
  });

  it('refuses presence octets other than 0 and 1', () => {
    const read = (octet: number): number | null =>
      decode((reader) => reader.optional((inner) => inner.uint8()), Uint8Array.of(octet, 7));
    expect(read(1)).toBe(7);
    expect(() => read(2)).toThrow(malformed);
  });

  it('refuses vectors longer than 2^30 - 1 bytes when writing', () => {
    const huge = { length: 2 ** 30 } as Uint8Array;
    expect(() => encode((writer) => writer.opaque(huge), null)).toThrow('longer than RFC 9420 allows');
  });
});
