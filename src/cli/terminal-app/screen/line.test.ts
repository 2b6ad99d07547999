import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fitted, leading, lineWidth, padded, span, spread, wrapped } from './line.ts';
import { widthOf } from './width.ts';
import type { Line } from './line.ts';

const textOf = (line: Line): string => line.map(({ text }) => text).join('');
/** What others may write: letters of all kinds, and everything that terminals obey. */
const anything = fc.string({
  unit: fc.oneof(
    fc.string({ unit: 'binary', maxLength: 3 }),
    fc.constantFrom(
      '\u001B[2J',
      '\u009B1m',
      '\u202E',
      '\u2066',
      '\u200F',
      '\r',
      '\b',
      '\u0000',
      '界',
      '👩‍👩‍👧',
      '\uD800',
      '\t',
      ' ',
      'ab',
    ),
  ),
  maxLength: 60,
});
// oxlint-disable-next-line no-control-regex -- They are what this is about.
const STEERS = /[\u0000-\u001F\u007F-\u009F\u061C\u200E\u200F\u2028\u2029\u202A-\u202E\u2066-\u2069\uD800-\uDFFF]/u;

describe('what is shown', () => {
  it('steers no terminal and turns no direction, whatever somebody wrote', () => {
    fc.assert(
      fc.property(anything, (text) => {
        expect(span(text).text).not.toMatch(STEERS);
        for (const row of wrapped(text, 20)) expect(row).not.toMatch(STEERS);
      }),
      { numRuns: 500 },
    );
  });

  it('takes no more cells than there are', () => {
    fc.assert(
      fc.property(anything, fc.integer({ min: 0, max: 30 }), (text, width) => {
        const line = [span(text, 'strong'), span('end')];
        expect(lineWidth(fitted(line, width))).toBeLessThanOrEqual(width);
        expect(lineWidth(padded(line, width))).toBe(width);
        for (const row of wrapped(text, Math.max(10, width)))
          expect(widthOf(row)).toBeLessThanOrEqual(Math.max(10, width));
      }),
      { numRuns: 500 },
    );
  });

  it('says all of what it breaks', () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom('one', 'longer', 'a-very-long-word', '界'), { minLength: 1 }), (words) => {
        const rows = wrapped(words.join(' '), 8);
        expect(rows.join('').replaceAll(' ', '')).toBe(words.join(''));
      }),
    );
  });

  it.each([
    ['one two three', 8, ['one two', 'three']],
    ['abcdefghij', 4, ['abcd', 'efgh', 'ij']],
    ['a\nb', 4, ['a', 'b']],
    ['a\r\n\nb', 4, ['a', '', 'b']],
    ['世界平和', 5, ['世界', '平和']],
    ['ab 界界', 5, ['ab', '界界']],
    ['a bcd世', 4, ['a', 'bcd', '世']],
    ['', 5, ['']],
  ])('breaks %j to %i as %j', (text, width, rows) => expect(wrapped(text, width)).toEqual(rows));
});

describe('two ends of a line', () => {
  const [left, right] = [[span('a long title')], [span(' 12')]];

  it('let the left one give way, or leave the right one out', () => {
    expect(textOf(spread(left, right, 20))).toBe('a long title      12');
    expect(textOf(spread(left, right, 8))).toBe('a lo… 12');
    expect(textOf(leading(left, right, 20))).toBe('a long title      12');
    expect(textOf(leading(left, right, 13))).toBe('a long title ');
  });
});
