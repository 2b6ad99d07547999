import { printable } from '../../printable.ts';
import { cutTo, graphemesOf, widthOf } from './width.ts';
import type { Style } from './style.ts';

const TAB = '    ';
/** Half of a letter: no terminal can show it. */
const LONE_SURROGATE = /\p{Cs}/gu;

/**
 * A piece of text in one style. They are made by `span` alone, so there is nothing in one that steers a terminal,
 * whoever wrote it.
 */
export interface Span {
  readonly text: string & { readonly isPrintable: true };
  readonly style: Style;
}

/** From left to right. */
export type Line = readonly Span[];

export function span(text: string, style: Style = 'plain'): Span {
  return { text: safe(text) as Span['text'], style };
}

/** As it is shown: what steers or turns is written out, a tab is spaces. */
export function safe(text: string): string {
  return printable(text.replaceAll(LONE_SURROGATE, '\uFFFD').replaceAll('\t', TAB));
}

export function lineWidth(line: Line): number {
  return line.reduce((sum, { text }) => sum + widthOf(text), 0);
}

/** Cut to a width; what was cut ends with an ellipsis. */
export function fitted(line: Line, width: number): Line {
  if (lineWidth(line) <= width) return line;
  if (width <= 0) return [];
  const kept: Span[] = [];
  let left = width - 1;
  for (const one of line) {
    const text = cutTo(one.text, left);
    kept.push(span(text, one.style));
    left -= widthOf(text);
    if (text !== one.text) break;
  }
  return [...kept, span('…', kept.at(-1)?.style ?? 'plain')];
}

/** Exactly so wide. */
export function padded(line: Line, width: number, style: Style = 'plain'): Line {
  const fit = fitted(line, width);
  const missing = width - lineWidth(fit);
  return missing > 0 ? [...fit, span(' '.repeat(missing), style)] : fit;
}

/** One at the left end and one at the right; the left one gives way. */
export function spread(left: Line, right: Line, width: number, style: Style = 'plain'): Line {
  const end = fitted(right, width);
  const room = width - lineWidth(end);
  return [...padded(left, room, style), ...end];
}

/** The same, but where both do not fit the right one is left out. */
export function leading(left: Line, right: Line, width: number, style: Style = 'plain'): Line {
  return lineWidth(left) + lineWidth(right) > width ? padded(left, width, style) : spread(left, right, width, style);
}

/** All of it in one style. */
export function restyled(line: Line, style: Style): Line {
  return line.map(({ text }) => ({ text, style }));
}

/**
 * Breaks a text into rows of a width, at spaces where there are some, within words where there are none.
 * @param text may have line breaks
 */
export function wrapped(text: string, width: number): readonly string[] {
  return text.split(/\r\n|\n|\r/).flatMap((paragraph) => wrapParagraph(safe(paragraph), Math.max(1, width)));
}

function wrapParagraph(text: string, width: number): string[] {
  if (widthOf(text) <= width) return [text];
  const rows: string[] = [];
  let [row, used] = ['', 0];
  /** Where the row could end, and how wide it is up to there. */
  let breakAt = { index: 0, width: 0 };
  for (const grapheme of graphemesOf(text)) {
    const cells = widthOf(grapheme);
    if (used + cells > width && row !== '') {
      if (grapheme === ' ') {
        // The space at which a row ends is not shown.
        rows.push(row);
        [row, used, breakAt] = ['', 0, { index: 0, width: 0 }];
        continue;
      }
      const isWord = breakAt.index > 0;
      rows.push(isWord ? row.slice(0, breakAt.index).trimEnd() : row);
      [row, used] = isWord ? [row.slice(breakAt.index), used - breakAt.width] : ['', 0];
      breakAt = { index: 0, width: 0 };
      // A word that fills its row but for one cell leaves no room for a wide letter.
      if (used + cells > width && row !== '') {
        rows.push(row);
        [row, used] = ['', 0];
      }
    }
    row += grapheme;
    used += cells;
    if (grapheme === ' ') breakAt = { index: row.length, width: used };
  }
  if (row !== '') rows.push(row);
  return rows;
}
