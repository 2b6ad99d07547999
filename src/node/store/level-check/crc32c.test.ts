import { expect, it } from 'vitest';
import { crc32c } from './crc32c.ts';

/** Test vectors of RFC 3720, appendix B.4, and the usual check value. */
it.each([
  [new Uint8Array(32), 0x8a9136aa],
  [new Uint8Array(32).fill(0xff), 0x62a8ab43],
  [Uint8Array.from({ length: 32 }, (_, at) => at), 0x46dd794e],
  [Uint8Array.from({ length: 32 }, (_, at) => 31 - at), 0x113fdb5c],
  [new TextEncoder().encode('123456789'), 0xe3069283],
  [new Uint8Array(0), 0],
])('crc32c of %o', (bytes, crc) => {
  expect(crc32c(bytes)).toBe(crc);
});

it('of a part', () => {
  const bytes = new TextEncoder().encode('xx123456789yyy');
  expect(crc32c(bytes, 2, 11)).toBe(0xe3069283);
});
