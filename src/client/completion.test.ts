import { expect, it } from 'vitest';
import { completed, completingAt } from './completion.ts';

it.each([
  ['hi @an', { what: 'mention', begin: 3, prefix: 'an' }],
  ['@', { what: 'mention', begin: 0, prefix: '' }],
  ['mail a@an', null],
  ['so :smi', { what: 'emoji', begin: 3, prefix: 'smi' }],
  ['at 12:30', null],
  ['so :s', null],
] as const)('sees what is being typed in “%s”', (text, expected) => {
  expect(completingAt(text, text.length)).toEqual(expected);
});

it('puts the completion where the cursor is, and goes on behind it', () => {
  const text = 'hi @an and all';
  const what = completingAt(text, 6)!;
  expect(completed(text, 6, what, '@ann')).toEqual({ text: 'hi @ann  and all', cursor: 8 });
});
