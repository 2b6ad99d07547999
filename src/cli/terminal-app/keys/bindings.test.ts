import { describe, expect, it } from 'vitest';
import { BINDINGS, bindingOf, keyText } from './bindings.ts';

describe('the table of keys', () => {
  it('gives every key one meaning in a context', () => {
    const all = BINDINGS.flatMap(({ context, keys }) => keys.map((key) => `${context} ${key}`));
    expect(all.filter((key, i) => all.indexOf(key) !== i)).toEqual([]);
  });

  it('takes no letter from somebody who writes', () => {
    const letters = BINDINGS.filter(
      ({ context, keys }) => context !== 'messages' && keys.some((key) => key.length === 1),
    );
    expect(letters).toEqual([]);
  });

  it.each([
    ['enter', 'composer', 'send'],
    ['enter', 'sheet', 'pick'],
    ['enter', 'messages', 'reply'],
    ['escape', 'sheet', 'close'],
    ['r', 'messages', 'reply'],
    ['r', 'composer', null],
    ['ctrl+c', 'sheet', 'quit'],
  ] as const)('%s in %s: %s', (key, context, action) => expect(bindingOf(key, context)?.action ?? null).toBe(action));

  it.each([
    ['ctrl+k', 'Ctrl K'],
    ['alt+up', 'Alt ↑'],
    ['page-up', 'PgUp'],
    ['+', '+'],
    ['f1', 'F1'],
  ])('shows %s as %s', (key, text) => expect(keyText(key)).toBe(text));
});
