import { rangesOf } from './words.ts';
import type { TextRange } from './words.ts';

/** What is shown before the first word that was found. */
const LEAD_CHARS = 48;
const SNIPPET_CHARS_MAX = 200;

export interface SnippetPart {
  readonly text: string;
  /** One of the words that were looked for. */
  readonly isHit: boolean;
}

/** The place in a text where the words stand, on one line, with what is around it. */
export function snippetOf(text: string, words: readonly string[]): readonly SnippetPart[] {
  const [first] = rangesOf(text, words);
  const start = first === undefined || first.start <= LEAD_CHARS ? 0 : wordBefore(text, first.start - LEAD_CHARS);
  const end = Math.min(text.length, start + SNIPPET_CHARS_MAX);
  const shown = text.slice(start, end);
  const parts = partsOf(shown, rangesOf(shown, words));
  const lead = start > 0 ? [{ text: '… ', isHit: false }] : [];
  const tail = end < text.length ? [{ text: ' …', isHit: false }] : [];
  return [...lead, ...parts, ...tail];
}

function partsOf(text: string, ranges: readonly TextRange[]): SnippetPart[] {
  const parts: SnippetPart[] = [];
  let at = 0;
  for (const { start, end } of ranges) {
    parts.push({ text: text.slice(at, start), isHit: false }, { text: text.slice(start, end), isHit: true });
    at = end;
  }
  parts.push({ text: text.slice(at), isHit: false });
  return parts.filter((part) => part.text !== '');
}

/** Where a word begins, at most a few characters further on. */
function wordBefore(text: string, at: number): number {
  const space = text.slice(at, at + LEAD_CHARS / 2).search(/\s/);
  return space === -1 ? at : at + space + 1;
}
