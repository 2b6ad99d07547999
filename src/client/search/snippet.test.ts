import { describe, expect, it } from 'vitest';
import { snippetOf } from './snippet.ts';

const shown = (text: string, ...words: string[]): string =>
  snippetOf(text, words)
    .map((part) => (part.isHit ? `[${part.text}]` : part.text))
    .join('');

describe('what is shown of a message that was found', () => {
  it('is all of a short one, with its words marked', () => {
    expect(shown('Crème, and more crème', 'creme')).toBe('[Crème], and more [crème]');
    expect(shown('a picture', 'file')).toBe('a picture');
  });

  it('is the place where the words stand in a long one', () => {
    const text = `${'before '.repeat(50)}needle ${'after '.repeat(100)}`;
    const snippet = shown(text, 'needle');
    expect(snippet).toMatch(/^… before .*before \[needle\] after .* …$/);
    expect(snippet.length).toBeLessThan(220);
  });
});
