import { sgrOf } from './style.ts';
import type { Line } from './line.ts';

/** A line that begins at a column, counted from 0. */
export interface Segment {
  readonly column: number;
  readonly line: Line;
}

export interface Frame {
  /** From top to bottom; each from left to right. */
  readonly rows: readonly (readonly Segment[])[];
  /** Null where nothing is typed. */
  readonly cursor: { readonly row: number; readonly column: number } | null;
}

// DEC private mode 2026: terminals that know it show everything between the two at once.
const [BEGIN, END] = ['\u001B[?2026h', '\u001B[?2026l'];
const [HIDE_CURSOR, SHOW_CURSOR] = ['\u001B[?25l', '\u001B[?25h'];
const [PLAIN, ERASE_TO_END] = ['\u001B[0m', '\u001B[K'];

/**
 * Turns frames into what a terminal has to be sent: only rows that are not as they were. Every segment is put at its
 * column, so a letter that this terminal draws wider than was thought moves nothing but the rest of its own segment.
 */
export class Painter {
  readonly #isColoured: boolean;
  #shown: readonly string[] = [];
  #cursor = '';

  constructor(isColoured: boolean) {
    this.#isColoured = isColoured;
  }

  /** The terminal shows something else: everything is drawn anew. */
  forget(): void {
    this.#shown = [];
    this.#cursor = '';
  }

  /** @returns empty where nothing has changed */
  paint(frame: Frame): string {
    const rows = frame.rows.map((row) => this.#rowText(row));
    const changed = rows.flatMap((text, i) => (text === this.#shown[i] ? [] : [`${at(i, 0)}${text}`]));
    const cursor = frame.cursor === null ? HIDE_CURSOR : `${at(frame.cursor.row, frame.cursor.column)}${SHOW_CURSOR}`;
    if (changed.length === 0 && cursor === this.#cursor) return '';
    this.#shown = rows;
    this.#cursor = cursor;
    return `${BEGIN}${HIDE_CURSOR}${changed.join('')}${PLAIN}${cursor}${END}`;
  }

  #rowText(row: readonly Segment[]): string {
    const segments = row.map(({ column, line }) => {
      const texts = line.map(({ text, style }) => `${sgrOf(style, this.#isColoured)}${text}`);
      // Column by column: the row is known from where it is drawn.
      return `\u001B[${column + 1}G${PLAIN}${ERASE_TO_END}${texts.join('')}`;
    });
    return segments.length === 0 ? `${PLAIN}${ERASE_TO_END}` : segments.join('');
  }
}

const at = (row: number, column: number): string => `\u001B[${row + 1};${column + 1}H`;
