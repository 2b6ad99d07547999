import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { bucketOf, BUCKETS, decodeBucket, EMPTY_BUCKET, encodeBucket, pagesWith, rewritten } from './word-block.ts';

describe('words of a block of pages', () => {
  it('are found by how they begin, with the pages on which they stand', () => {
    const bucket = rewritten(
      EMPTY_BUCKET,
      0b111,
      new Map([
        ['sea', 0b001],
        ['seal', 0b010],
        ['see', 0b100],
      ]),
    );
    expect(pagesWith(bucket, 'sea')).toBe(0b011);
    expect(pagesWith(bucket, 'se')).toBe(0b111);
    expect(pagesWith(bucket, 'set')).toBe(0);
    expect(pagesWith(bucket, 'a')).toBe(0);
  });

  it('leave nothing behind on pages where they stand no longer', () => {
    const before = rewritten(
      EMPTY_BUCKET,
      0b11,
      new Map([
        ['secret', 0b01],
        ['see', 0b11],
      ]),
    );
    expect(rewritten(before, 0b01, new Map([['sun', 0b01]]))).toEqual({
      words: ['see', 'sun'],
      masks: Uint32Array.of(0b10, 0b01),
    });
  });

  it('tell 32 pages apart', () => {
    const last = (1 << 31) >>> 0;
    expect(pagesWith(rewritten(EMPTY_BUCKET, last, new Map([['a', last]])), 'a')).toBe(last);
  });

  it('come back as they were written', () => {
    const masks = fc.dictionary(
      fc.string({ minLength: 1 }).filter((word) => !word.includes('\n')),
      fc.integer({ min: 1, max: 2 ** 32 - 1 }),
    );
    fc.assert(
      fc.property(masks, (found) => {
        const bucket = rewritten(EMPTY_BUCKET, 2 ** 32 - 1, new Map(Object.entries(found)));
        expect(decodeBucket(encodeBucket(bucket))).toEqual(bucket);
        for (const [word, mask] of Object.entries(found)) expect((pagesWith(bucket, word) & mask) >>> 0).toBe(mask);
      }),
    );
    expect(decodeBucket(undefined)).toEqual(EMPTY_BUCKET);
  });

  it('stand in one bucket when they begin alike', () => {
    for (const char of ['a', 'z', 'я', '京', 'ก', '0']) {
      expect(bucketOf(`${char}x`)).toBe(bucketOf(char));
      expect(bucketOf(char)).toBeGreaterThanOrEqual(0);
      expect(bucketOf(char)).toBeLessThan(BUCKETS);
    }
  });
});
