import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { foldText, haveAll, queryWords, rangesOf, wordsOf } from './words.ts';

const finds = (text: string, query: string): boolean => haveAll(wordsOf(text), queryWords(query, 16));
const marked = (text: string, query: string): string[] =>
  rangesOf(text, queryWords(query, 16)).map(({ start, end }) => text.slice(start, end));

describe('the words of a text', () => {
  it('are the same in any case, with or without diacritics', () => {
    for (const [text, query] of [
      ['Crème Brûlée', 'creme brulee'],
      ['creme', 'CRÈME'],
      ['Straße', 'STRASSE'],
      ['İstanbul', 'istanbul'],
      ['ΟΔΟΣ', 'οδός'],
      ['Ёлка', 'елка'],
      ['שָׁלוֹם', 'שלום'],
      ['مُحَمَّد', 'محمد'],
      ['ﬁnance', 'fin'],
    ] as const) {
      expect(finds(text, query), `${query} in ${text}`).toBe(true);
    }
  });

  it('are found by how they begin, and not within', () => {
    expect(finds('the butterfly', 'butter')).toBe(true);
    expect(finds('the butterfly', 'fly')).toBe(false);
    expect(finds('see https://docs.example.com/some_page', 'example')).toBe(true);
    expect(finds('see https://docs.example.com/some_page', 'page')).toBe(true);
    expect(finds('à l’hôtel', 'hotel')).toBe(true);
    expect(finds("à l'hôtel", 'l’hotel')).toBe(true);
  });

  it('have to be all there, in any order', () => {
    expect(finds('lunch at noon tomorrow', 'tomorrow lunch')).toBe(true);
    expect(finds('lunch at noon', 'lunch dinner')).toBe(false);
  });

  it('are found in scripts without spaces, also within what a dictionary takes for a word', () => {
    expect(finds('東京都に住んでいます', '東京')).toBe(true);
    expect(finds('東京都に住んでいます', '京')).toBe(true);
    // Tokyo is another town than Kyoto.
    expect(finds('東京都に住んでいます', '京都')).toBe(false);
    expect(finds('我们明天去北京大学', '大学')).toBe(true);
    expect(finds('สวัสดีครับเพื่อน', 'เพื่อน')).toBe(true);
    expect(finds('かぎ', 'がぎ')).toBe(false);
    expect(finds('नमस्ते दुनिया', 'दुनि')).toBe(true);
  });

  it('are none in signs and emoji', () => {
    expect(queryWords('?! 👍 …', 16)).toEqual([]);
    expect([...wordsOf('👍 !!')]).toEqual([]);
  });

  it('show where they stand', () => {
    expect(marked('Crème, crèmes and cream', 'creme')).toEqual(['Crème', 'crème']);
    expect(marked('e\u0301te\u0301 after', 'ete')).toEqual(['e\u0301te\u0301']);
    expect(marked('Straße 5', 'strass')).toEqual(['Straß']);
    expect(marked('東京都', '京')).toEqual(['京']);
    expect(marked('docs.example.com', 'exam')).toEqual(['exam']);
  });

  it('stand where they are said to, whatever the text', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), (text) => {
        for (const word of wordsOf(text)) {
          const ranges = rangesOf(text, [word]);
          expect(ranges.length).toBeGreaterThan(0);
          for (const { start, end } of ranges) expect(foldText(text.slice(start, end)).startsWith(word)).toBe(true);
        }
      }),
    );
  });

  it('are bounded in length and number', () => {
    expect([...wordsOf('x'.repeat(1_000))]).toEqual(['x'.repeat(40)]);
    expect(queryWords('a b c d', 2)).toEqual(['a', 'b']);
    expect(wordsOf('กขค'.repeat(5_000)).size).toBeLessThan(20_000);
  });
});
