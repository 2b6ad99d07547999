import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { clusterIdOf } from '../protocol/derive-ids.ts';
import { toBase64Url } from '../protocol/base64url.ts';
import { decodeCursor, encodeCursor, endOfEntry, startOfEntry } from './queries-cursor.ts';

const cluster = clusterIdOf(new Uint8Array(16));
const other = clusterIdOf(new Uint8Array(16).fill(1));

describe('cursors', () => {
  it('come back as they were', () => {
    fc.assert(
      fc.property(fc.maxSafeNat(), fc.integer({ min: -1, max: 0xffff_fffe }), (index, order) => {
        const text = encodeCursor(cluster, { index, order });
        expect(text).toMatch(/^[A-Za-z0-9_-]{34}$/);
        expect(decodeCursor(cluster, text)).toEqual({ index, order });
      }),
    );
    for (const position of [startOfEntry(7), endOfEntry(7)]) {
      expect(decodeCursor(cluster, encodeCursor(cluster, position))).toEqual(position);
    }
  });

  it('of another cluster are refused', () => {
    const text = encodeCursor(other, { index: 1, order: 0 });
    expect(() => decodeCursor(cluster, text)).toThrow(expect.objectContaining({ code: 'cursor_invalid' }));
  });

  it('that are none are refused, whatever they are', () => {
    const refuses = (text: string): void => {
      expect(() => decodeCursor(cluster, text)).toThrow(expect.objectContaining({ code: 'cursor_invalid' }));
    };
    fc.assert(fc.property(fc.string({ maxLength: 40 }), refuses));
    fc.assert(fc.property(fc.uint8Array({ maxLength: 30 }), (bytes) => refuses(toBase64Url(bytes))));
    const good = encodeCursor(cluster, { index: 1, order: 0 });
    refuses(good.slice(0, -1));
    refuses(`${good}A`);
    refuses(`C${good.slice(1)}`);
    const hugeIndex = new Uint8Array(25).fill(0xff);
    refuses(toBase64Url(hugeIndex));
  });
});
