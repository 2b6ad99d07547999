import { expect, it } from 'vitest';
import { findEmoji, withEmoji } from './emoji-table.ts';

it('puts emoji in the place of their names, but not inside of code', () => {
  expect(withEmoji('ok :+1: :no_such_name: `:+1:` 10:30:45')).toBe('ok 👍 :no_such_name: `:+1:` 10:30:45');
});

it('finds by the beginning of any name', () => {
  expect(findEmoji('thumb', 5).map(({ emoji }) => emoji)).toEqual(['👍', '👎']);
  expect(findEmoji('', 3)).toHaveLength(3);
});

it('lists every emoji once, and no name twice', () => {
  const all = findEmoji('', 10_000);
  expect(new Set(all.map(({ emoji }) => emoji)).size).toBe(all.length);
  const names = all.flatMap((one) => one.names);
  expect(names.filter((name, i) => names.indexOf(name) !== i)).toEqual([]);
});
