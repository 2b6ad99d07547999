import fc from 'fast-check';
import { expect, it } from 'vitest';
import { widthOf } from '../screen/width.ts';
import { layoutOf, movedRow } from './field-layout.ts';
import { fieldOf } from './text-field.ts';

it('breaks where a row is full, and leaves a cell for the cursor', () => {
  expect(layoutOf(fieldOf('abcdefg'), 4)).toMatchObject({ rows: ['abc', 'def', 'g'], cursor: { row: 2, column: 1 } });
  expect(layoutOf(fieldOf('世界平和'), 5)).toMatchObject({ rows: ['世界', '平和'], cursor: { row: 1, column: 4 } });
  expect(layoutOf(fieldOf('a\n\nb'), 9).rows).toEqual(['a', '', 'b']);
  expect(layoutOf(fieldOf('a\n'), 9)).toMatchObject({ rows: ['a', ''], cursor: { row: 1, column: 0 } });
});

it('writes out what would steer the terminal, at its real width', () => {
  expect(layoutOf(fieldOf('a\u001Bb'), 40)).toMatchObject({
    rows: [String.raw`a\u{1b}b`],
    cursor: { row: 0, column: 8 },
  });
});

it('moves up and down at the same column, as far as a row is that long', () => {
  const field = { text: 'abcd\nx\nefgh', cursor: 10 };
  const up = movedRow(field, 20, -1)!;
  expect(up.cursor).toBe(6);
  expect(movedRow(movedRow(up, 20, -1)!, 20, -1)).toBeNull();
  expect(movedRow(field, 20, 1)).toBeNull();
});

it('has the cursor within the width, whatever is typed', () => {
  const letters = fc.array(fc.constantFrom('a', ' ', '\n', '界', '👩‍👩‍👧', '\u001B', '\u202E', 'e\u0301'), {
    maxLength: 50,
  });
  fc.assert(
    fc.property(letters, fc.integer({ min: 12, max: 30 }), fc.nat(), (typed, width, place) => {
      const text = typed.join('');
      const bounds = [...new Intl.Segmenter('en').segment(text)].map(({ index }) => index);
      const cursor = bounds[place % Math.max(1, bounds.length)] ?? 0;
      const { rows, cursor: shown } = layoutOf({ text, cursor }, width);
      for (const row of rows) expect(widthOf(row)).toBeLessThan(width);
      expect(shown.row).toBeLessThan(rows.length);
      expect(shown.column).toBeLessThan(width);
    }),
  );
});
