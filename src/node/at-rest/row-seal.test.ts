import { createSecretKey } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { generationOf, RowSeal, SEAL_BYTES, type SealKeys } from './row-seal.ts';

const keyOf = (number: number): ReturnType<typeof createSecretKey> => createSecretKey(Buffer.alloc(32, number));

/** Keys of generations 1 and 2, the second of which seals. */
const KEYS: SealKeys = {
  take: () => ({ generation: 2, key: keyOf(2) }),
  of: (generation) => (generation === 1 || generation === 2 ? keyOf(generation) : undefined),
};
const OLDER = new RowSeal({ ...KEYS, take: () => ({ generation: 1, key: keyOf(1) }) });
const seal = new RowSeal(KEYS);
const content = Buffer.from('what a row holds');

describe('a sealed row', () => {
  it('opens under the name that it was sealed under', () => {
    const sealed = seal.seal('e/room/1', content);
    expect(seal.open('e/room/1', sealed)).toEqual(content);
    expect([sealed.length, sealed.includes(content)]).toEqual([content.length + SEAL_BYTES, false]);
  });

  it('does not open under any other name', () => {
    const sealed = seal.seal('e/room/1', content);
    expect([seal.open('e/room/2', sealed), seal.open('', sealed)]).toEqual([undefined, undefined]);
  });

  it('does not open with any bit flipped, or cut anywhere', () => {
    const sealed = seal.seal('a', content);
    for (let bit = 0; bit < 8 * sealed.length; bit += 1) {
      const flipped = Buffer.from(sealed);
      flipped[bit >> 3]! ^= 1 << (bit & 7);
      expect(seal.open('a', flipped), `bit ${bit}`).toBeUndefined();
    }
    for (let bytes = 0; bytes < sealed.length; bytes += 1) {
      expect(seal.open('a', sealed.subarray(0, bytes)), `${bytes} bytes`).toBeUndefined();
    }
  });

  it('opens as long as there is the key of its generation', () => {
    const sealed = OLDER.seal('a', content);
    expect([generationOf(sealed), generationOf(seal.seal('a', content))]).toEqual([1, 2]);
    expect(seal.open('a', sealed)).toEqual(content);
    const without = new RowSeal({ ...KEYS, of: (generation) => (generation === 2 ? keyOf(2) : undefined) });
    expect(without.open('a', sealed)).toBeUndefined();
  });

  it('is never the same twice', () => {
    const seen = new Set(Array.from({ length: 5_000 }, () => seal.seal('a', content).toString('latin1')));
    expect(seen.size).toBe(5_000);
  });

  it('may be empty', () => {
    expect(seal.open('a', seal.seal('a', new Uint8Array(0)))).toEqual(Buffer.alloc(0));
  });
});
