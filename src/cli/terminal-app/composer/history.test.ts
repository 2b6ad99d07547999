import { expect, it } from 'vitest';
import { EMPTY_HISTORY, newer, older, remembered } from './history.ts';

const history = ['one', 'two', 'three'].reduce(remembered, EMPTY_HISTORY);

it('goes back through what was sent, and forth to what was being typed', () => {
  const first = older(history, 'half')!;
  expect(first.text).toBe('three');
  const second = older(first.history, first.text)!;
  expect(second.text).toBe('two');
  const forth = newer(second.history)!;
  expect(forth.text).toBe('three');
  const typed = newer(forth.history)!;
  expect(typed.text).toBe('half');
  expect(newer(typed.history)).toBeNull();
});

it('ends at the oldest', () => {
  const oldest = [1, 2, 3].reduce((now) => older(now, '')!.history, history);
  expect(older(oldest, 'one')).toBeNull();
  expect(older(EMPTY_HISTORY, '')).toBeNull();
});

it('keeps each text once, the newest hundred', () => {
  expect(remembered(history, 'one').entries).toEqual(['two', 'three', 'one']);
  const many = Array.from({ length: 150 }, (_, i) => String(i)).reduce(remembered, EMPTY_HISTORY);
  expect(many.entries).toHaveLength(100);
  expect(many.entries[0]).toBe('50');
});
