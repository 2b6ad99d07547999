import fc from 'fast-check';
import { expect, it } from 'vitest';
import { layoutFor } from './layout.ts';

it('shows everything in 80×24', () => {
  const layout = layoutFor({ columns: 80, rows: 24 }, 1);
  expect(layout).toMatchObject({
    listWidth: 20,
    column: 21,
    width: 59,
    headerRows: 1,
    feedRows: 20,
    infoRows: 1,
    statusRows: 1,
  });
});

it('leaves out what is least needed where there is little room', () => {
  expect(layoutFor({ columns: 40, rows: 6 }, 1)).toMatchObject({ listWidth: 0, width: 40, infoRows: 0, feedRows: 3 });
  expect(layoutFor({ columns: 40, rows: 4 }, 1)).toMatchObject({ headerRows: 0, statusRows: 1, feedRows: 2 });
  expect(layoutFor({ columns: 1, rows: 1 }, 5)).toMatchObject({
    width: 1,
    composerRows: 1,
    feedRows: 0,
    statusRows: 0,
  });
});

it('fills the terminal exactly, whatever its size and however much is typed', () => {
  fc.assert(
    fc.property(fc.nat(300), fc.nat(120), fc.nat(200), (columns, rows, wanted) => {
      const layout = layoutFor({ columns, rows }, wanted);
      const { headerRows, feedRows, infoRows, composerRows, statusRows, column, width } = layout;
      const all = [headerRows, feedRows, infoRows, composerRows, statusRows];
      for (const count of all) expect(count).toBeGreaterThanOrEqual(0);
      expect(all.reduce((sum, count) => sum + count)).toBe(Math.max(1, rows));
      expect(column + width).toBe(Math.max(1, columns));
      expect(width).toBeGreaterThan(0);
      expect(composerRows).toBeGreaterThan(0);
    }),
  );
});
