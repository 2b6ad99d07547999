import type { Size } from '../screen/terminal-screen.ts';

/** Narrower terminals show the conversation alone; Ctrl K lists the rooms then. */
const COLUMNS_FOR_LIST = 64;
const LIST_WIDTH_MIN = 20;
const LIST_WIDTH_MAX = 32;
const COMPOSER_ROWS_MAX = 8;

/** Where everything stands, in cells. What there is no room for has no rows, or no columns. */
export interface Layout {
  readonly size: Size;
  /** 0 where the rooms are not listed. */
  readonly listWidth: number;
  /** Of the conversation: its first column, and how wide it is. */
  readonly column: number;
  readonly width: number;
  readonly headerRows: number;
  readonly feedRows: number;
  readonly infoRows: number;
  readonly composerRows: number;
  readonly statusRows: number;
}

/** @param wantedComposerRows as many as what is being typed takes; the conversation keeps the larger part */
export function layoutFor(size: Size, wantedComposerRows: number): Layout {
  const columns = Math.max(1, size.columns);
  const rows = Math.max(1, size.rows);
  const listWidth = columns < COLUMNS_FOR_LIST ? 0 : clamp(Math.floor(columns / 4), LIST_WIDTH_MIN, LIST_WIDTH_MAX);
  const column = listWidth === 0 ? 0 : listWidth + 1;
  const composerMax = Math.max(1, Math.min(COMPOSER_ROWS_MAX, Math.floor(rows / 3)));
  const composerRows = clamp(wantedComposerRows, 1, composerMax);
  // What is least needed goes first where there are few rows.
  let left = rows - composerRows;
  const take = (wanted: number, isRoom: boolean): number => {
    const taken = isRoom ? Math.min(wanted, left) : 0;
    left -= taken;
    return taken;
  };
  const statusRows = take(1, rows >= 3);
  const headerRows = take(1, rows >= 5);
  const infoRows = take(1, rows >= 7);
  return {
    size: { columns, rows },
    ...{ listWidth, column, width: columns - column },
    ...{ headerRows, feedRows: left, infoRows, composerRows, statusRows },
  };
}

function clamp(value: number, min: number, max: number): number {
  return Math.max(min, Math.min(max, value));
}
