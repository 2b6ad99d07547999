import fc from 'fast-check';
import { expect, it } from 'vitest';
import { fromBase64Url, isBase64Url, toBase64Url } from './base64url.ts';

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

it('tells what it takes without decoding it', () => {
  const takes = (text: string): boolean => {
    try {
      fromBase64Url(text);
      return true;
    } catch {
      return false;
    }
  };
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
  for (const last of `${alphabet}=+/ \n`) {
    for (const text of [last, `A${last}`, `AA${last}`, `AAA${last}`]) expect(isBase64Url(text)).toBe(takes(text));
  }
  expect(isBase64Url('')).toBe(true);
  fc.assert(fc.property(fc.string(), (text) => isBase64Url(text) === takes(text)));
});
