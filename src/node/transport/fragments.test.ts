import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { cut, Reassembly } from './fragments.ts';
import { WINDOW } from './replay-window.ts';

const bytesOf = (length: number, fill = 7): Uint8Array => new Uint8Array(length).fill(fill);

describe('fragments', () => {
  it('put together what was cut, in whatever order the pieces come', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ minLength: 1, maxLength: 300 }),
        fc.integer({ min: 1, max: 100 }),
        fc.nat(),
        fc.infiniteStream(fc.nat()),
        (payload, pieceBytesMax, start, keys) => {
          const pieces = cut(payload, pieceBytesMax);
          expect(pieces.every(({ length }) => length <= pieceBytesMax)).toBe(true);
          const shuffled = pieces
            .map((piece, fragment) => ({ piece, fragment, key: keys.next().value ?? 0 }))
            .toSorted((a, b) => a.key - b.key);
          const reassembly = new Reassembly();
          const results = shuffled.map(({ piece, fragment }) =>
            reassembly.add({ counter: start + fragment, fragment, fragments: pieces.length }, piece),
          );
          expect(results.slice(0, -1).every((result) => result === undefined)).toBe(true);
          expect(results.at(-1)).toEqual(payload);
          expect(reassembly.takeAbandoned()).toBe(0);
        },
      ),
    );
  });

  it('keep several payloads apart', () => {
    const reassembly = new Reassembly();
    expect(reassembly.add({ counter: 0, fragment: 0, fragments: 2 }, bytesOf(1, 1))).toBeUndefined();
    expect(reassembly.add({ counter: 2, fragment: 0, fragments: 2 }, bytesOf(1, 3))).toBeUndefined();
    expect(reassembly.add({ counter: 1, fragment: 1, fragments: 2 }, bytesOf(1, 2))).toEqual(Uint8Array.of(1, 2));
    expect(reassembly.add({ counter: 3, fragment: 1, fragments: 2 }, bytesOf(1, 4))).toEqual(Uint8Array.of(3, 4));
  });

  it('give up the oldest unfinished payload when there are too many, and all that the stream has left behind', () => {
    const reassembly = new Reassembly();
    for (let i = 0; i < 5; i += 1) reassembly.add({ counter: i * 2, fragment: 0, fragments: 2 }, bytesOf(1));
    expect(reassembly.takeAbandoned()).toBe(1);
    reassembly.add({ counter: 3 * WINDOW, fragment: 0, fragments: 2 }, bytesOf(1));
    expect(reassembly.takeAbandoned()).toBe(4);
  });

  it('give up a payload beyond the limit, and pieces that disagree on their number', () => {
    const reassembly = new Reassembly();
    for (let i = 0; i < 3; i += 1) reassembly.add({ counter: i, fragment: i, fragments: 9 }, bytesOf(3 * 1024 * 1024));
    expect(reassembly.takeAbandoned()).toBe(1);
    reassembly.add({ counter: 20, fragment: 0, fragments: 3 }, bytesOf(1));
    expect(reassembly.add({ counter: 21, fragment: 1, fragments: 2 }, bytesOf(1))).toBeUndefined();
  });
});
