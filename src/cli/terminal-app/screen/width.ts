import stringWidth from 'string-width';

const segmenter = new Intl.Segmenter('en', { granularity: 'grapheme' });
// oxlint-disable-next-line no-control-regex -- What is left is one letter and one cell each.
const SIMPLE = /^[\u0020-\u007E]*$/;

/** What people take for one letter each: an emoji of several code points, a letter with its accents. */
export function graphemesOf(text: string): readonly string[] {
  return SIMPLE.test(text) ? text.split('') : Array.from(segmenter.segment(text), ({ segment }) => segment);
}

/** How many cells of a terminal a text takes: two for wide letters and emoji, none for what joins another. */
export function widthOf(text: string): number {
  return SIMPLE.test(text) ? text.length : stringWidth(text);
}

/** The beginning that fits; a letter that is cut in half is left out. */
export function cutTo(text: string, width: number): string {
  if (widthOf(text) <= width) return text;
  let [kept, used] = ['', 0];
  for (const grapheme of graphemesOf(text)) {
    used += widthOf(grapheme);
    if (used > width) return kept;
    kept += grapheme;
  }
  return kept;
}
