import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { EMPTY_FIELD, edited, fieldOf, inserted } from './text-field.ts';
import type { Edit, Field } from './text-field.ts';

/** A field with its cursor at `|`. */
const at = (text: string): Field => ({ text: text.replace('|', ''), cursor: text.indexOf('|') });
const shown = ({ text, cursor }: Field): string => `${text.slice(0, cursor)}|${text.slice(cursor)}`;

describe('a text that is being typed', () => {
  it.each<[string, Edit, string]>([
    ['ab|c', 'left', 'a|bc'],
    ['|abc', 'left', '|abc'],
    ['ab|', 'right', 'ab|'],
    ['a👩‍👩‍👧|b', 'left', 'a|👩‍👩‍👧b'],
    ['a|e\u0301b', 'right', 'ae\u0301|b'],
    ['a👍🏽|', 'backspace', 'a|'],
    ['|👍🏽b', 'delete', '|b'],
    ['one two|', 'wordLeft', 'one |two'],
    ['one |two', 'wordLeft', '|one two'],
    ['one| two', 'wordRight', 'one two|'],
    ['one two |', 'deleteWordLeft', 'one |'],
    ['a\nb|c', 'lineStart', 'a\n|bc'],
    ['|\nb', 'lineStart', '|\nb'],
    ['a|b\nc', 'lineEnd', 'ab|\nc'],
    ['a\nbc|d', 'deleteToLineStart', 'a\n|d'],
    ['a|b\nc', 'deleteToLineEnd', 'a|\nc'],
    ['a\n|b', 'backspace', 'a|b'],
  ])('%j, %s: %j', (before, edit, after) => {
    expect(shown(edited(at(before), edit))).toBe(after);
  });

  it('takes text where the cursor is', () => {
    expect(shown(inserted(at('a|d'), 'b\nc'))).toBe('ab\nc|d');
    expect(fieldOf('abc').cursor).toBe(3);
  });

  it('never has its cursor outside of the text, nor within a letter', () => {
    const edits = fc.constantFrom<Edit>('left', 'right', 'wordLeft', 'wordRight', 'lineStart', 'lineEnd', 'backspace');
    const typed = fc.oneof(fc.constantFrom('a', ' ', '\n', '👩‍👩‍👧', 'é', '界'), edits);
    fc.assert(
      fc.property(fc.array(typed, { maxLength: 60 }), (steps) => {
        let field = EMPTY_FIELD;
        for (const step of steps)
          field = step.length > 3 && /^[a-zA-Z]+$/.test(step) ? edited(field, step as Edit) : inserted(field, step);
        expect(field.cursor).toBeGreaterThanOrEqual(0);
        expect(field.cursor).toBeLessThanOrEqual(field.text.length);
        const letters = new Intl.Segmenter('en', { granularity: 'grapheme' }).segment(field.text);
        const bounds = new Set([...letters].map(({ index }) => index).concat(field.text.length));
        expect(bounds.has(field.cursor)).toBe(true);
      }),
    );
  });
});
