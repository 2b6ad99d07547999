import fc from 'fast-check';
import { expect, it } from 'vitest';
import { fromBase64Url, toBase64Url } from './base64url.ts';

it('is what Node calls base64url', () => {
  fc.assert(
    fc.property(fc.uint8Array(), (bytes) => {
      expect(toBase64Url(bytes)).toBe(Buffer.from(bytes).toString('base64url'));
      expect(fromBase64Url(toBase64Url(bytes))).toEqual(bytes);
    }),
  );
});

it('takes only the one form of each text', () => {
  for (const text of ['AA==', 'AB', 'A', '+w', '/w', 'A A', 'AA\n']) expect(() => fromBase64Url(text)).toThrow(Error);
});
