import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { SortedKeys } from './sorted-keys.ts';

const key = fc.string({ unit: fc.constantFrom('a', 'b', 'c'), minLength: 1, maxLength: 4 });

/** What a sorted list would give. */
function expected(keys: ReadonlySet<string>, gte: string, lt: string | undefined, limit: number, reverse: boolean) {
  const found = [...keys].filter((one) => one >= gte && (lt === undefined || one < lt)).sort();
  return (reverse ? found.reverse() : found).slice(0, limit);
}

describe('sorted keys', () => {
  it('are what a sorted list of them is', () => {
    const changes = fc.array(fc.tuple(fc.boolean(), key), { maxLength: 60 });
    const bounds = fc.record({ gte: fc.option(key, { nil: undefined }), lt: fc.option(key, { nil: undefined }) });
    fc.assert(
      fc.property(
        fc.uniqueArray(key),
        changes,
        bounds,
        fc.nat(20),
        fc.boolean(),
        (first, all, range, limit, reverse) => {
          const keys = new SortedKeys(first);
          const model = new Set(first);
          for (const [isThere, one] of all) {
            if (isThere) keys.add(one);
            else keys.delete(one);
            if (isThere) model.add(one);
            else model.delete(one);
          }
          const { gte = '', lt } = range;
          expect(keys.between({ ...range, limit, reverse })).toEqual(expected(model, gte, lt, limit, reverse));
        },
      ),
    );
  });

  it('stay in order however many there are', () => {
    const count = 5_000;
    const nameOf = (number: number): string => String((number * 7_919) % count).padStart(6, '0');
    const keys = new SortedKeys(Array.from({ length: 1_500 }, (_, at) => nameOf(at)));
    for (let at = 1_500; at < count; at += 1) keys.add(nameOf(at));
    for (let at = 0; at < count; at += 2) keys.delete(String(at).padStart(6, '0'));
    const left = Array.from({ length: count / 2 }, (_, at) => String(2 * at + 1).padStart(6, '0'));
    expect(keys.between({})).toEqual(left);
    expect(keys.between({ gte: '002000', lt: '003000', limit: 3 })).toEqual(['002001', '002003', '002005']);
    expect(keys.between({ gte: '002000', lt: '003000', limit: 2, reverse: true })).toEqual(['002999', '002997']);
    expect(keys.between({ reverse: true })).toEqual(left.toReversed());
  });
});
