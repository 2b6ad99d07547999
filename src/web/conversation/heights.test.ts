import fc from 'fast-check';
import { expect, it } from 'vitest';
import { Heights } from './heights.ts';

const heights = fc.array(fc.integer({ min: 1, max: 500 }), { minLength: 1, maxLength: 200 });

it('finds rows and places as adding up does', () => {
  fc.assert(
    fc.property(
      heights,
      fc.array(fc.tuple(fc.nat(), fc.integer({ min: 1, max: 900 })), { maxLength: 50 }),
      (all, changes) => {
        const plain = [...all];
        const tree = new Heights(all.length, (row) => all[row]!);
        for (const [at, height] of changes) {
          plain[at % plain.length] = height;
          tree.set(at % plain.length, height);
        }
        let sum = 0;
        for (const [row, height] of plain.entries()) {
          expect(tree.offsetOf(row)).toBe(sum);
          expect(tree.rowAt(sum)).toBe(row);
          expect(tree.rowAt(sum + height - 1)).toBe(row);
          sum += height;
        }
        expect(tree.total).toBe(sum);
        expect(tree.rowAt(sum + 10)).toBe(plain.length - 1);
      },
    ),
  );
});

it('knows no row where there is none', () => {
  const none = new Heights(0, () => 1);
  expect([none.total, none.rowAt(5)]).toEqual([0, -1]);
});
