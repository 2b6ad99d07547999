import type { Row } from '../../../client/conversation-rows.ts';
import type { Line } from '../screen/line.ts';

/** Which line of which row stands at the bottom. Null: the last one there is, whatever comes. */
export interface Anchor {
  readonly key: string;
  readonly line: number;
}

/** Rows of a conversation and how they look; only those near what is shown are asked for. */
export interface FeedRows {
  readonly rows: readonly Row[];
  readonly linesOf: (row: Row) => readonly Line[];
}

export interface ShownLine {
  readonly row: Row;
  readonly line: Line;
}

export interface FeedWindow {
  readonly lines: readonly ShownLine[];
  /** The newest row is shown to its end. */
  readonly isAtEnd: boolean;
  readonly isAtBegin: boolean;
}

interface Place {
  readonly row: number;
  readonly line: number;
}

/** What is seen of a conversation, `height` lines or fewer. */
export function windowOf(feed: FeedRows, height: number, anchor: Anchor | null): FeedWindow {
  const last = lastPlace(feed);
  if (last === null || height <= 0) return { lines: [], isAtEnd: true, isAtBegin: true };
  const bottom = fullWindowBottom(feed, height, placeOf(feed, anchor) ?? last);
  const lines: ShownLine[] = [];
  let place: Place | null = bottom;
  while (place !== null && lines.length < height) {
    const row = feed.rows[place.row]!;
    lines.push({ row, line: feed.linesOf(row)[place.line]! });
    place = above(feed, place);
  }
  const isAtEnd = bottom.row === last.row && bottom.line === last.line;
  return { lines: lines.toReversed(), isAtEnd, isAtBegin: place === null };
}

/** @param by lines: negative for older ones. @returns the anchor then */
export function scrolled(feed: FeedRows, height: number, anchor: Anchor | null, by: number): Anchor | null {
  const last = lastPlace(feed);
  if (last === null) return null;
  let place = fullWindowBottom(feed, height, placeOf(feed, anchor) ?? last);
  for (let steps = Math.abs(by); steps > 0; steps--) {
    const next = by < 0 ? above(feed, place) : below(feed, place);
    if (next === null) break;
    place = next;
  }
  return anchorAt(feed, fullWindowBottom(feed, height, place), last);
}

/** Moves as little as is needed for a row to be seen whole, or from its beginning where it is higher than the window. */
export function showing(feed: FeedRows, height: number, anchor: Anchor | null, key: string): Anchor | null {
  const last = lastPlace(feed);
  const row = feed.rows.findIndex((one) => one.key === key);
  if (last === null || row === -1) return anchor;
  const count = feed.linesOf(feed.rows[row]!).length;
  const shown = windowOf(feed, height, anchor).lines.filter((line) => line.row.key === key).length;
  if (shown === count) return anchor;
  const now = fullWindowBottom(feed, height, placeOf(feed, anchor) ?? last);
  const isBelow = row > now.row || (row === now.row && now.line < count - 1);
  let place: Place = { row, line: isBelow ? count - 1 : 0 };
  if (!isBelow || count > height) {
    // Its first line is at the top.
    place = { row, line: 0 };
    for (let steps = height - 1; steps > 0; steps--) place = below(feed, place) ?? place;
  }
  return anchorAt(feed, fullWindowBottom(feed, height, place), last);
}

function anchorAt({ rows }: FeedRows, place: Place, last: Place): Anchor | null {
  if (place.row === last.row && place.line === last.line) return null;
  return { key: rows[place.row]!.key, line: place.line };
}

/** The lowest place at the bottom of a window that is full, as long as there is enough to fill it. */
function fullWindowBottom(feed: FeedRows, height: number, bottom: Place): Place {
  let [top, missing]: [Place | null, number] = [bottom, height - 1];
  while (missing > 0 && top !== null) {
    top = above(feed, top);
    if (top !== null) missing -= 1;
  }
  let place = bottom;
  for (; missing > 0; missing--) {
    const next = below(feed, place);
    if (next === null) break;
    place = next;
  }
  return place;
}

function placeOf(feed: FeedRows, anchor: Anchor | null): Place | null {
  if (anchor === null) return null;
  const row = feed.rows.findIndex(({ key }) => key === anchor.key);
  if (row === -1) return null;
  return { row, line: Math.min(anchor.line, feed.linesOf(feed.rows[row]!).length - 1) };
}

function lastPlace(feed: FeedRows): Place | null {
  const row = feed.rows.at(-1);
  return row === undefined ? null : { row: feed.rows.length - 1, line: feed.linesOf(row).length - 1 };
}

function above(feed: FeedRows, { row, line }: Place): Place | null {
  if (line > 0) return { row, line: line - 1 };
  const before = feed.rows[row - 1];
  return before === undefined ? null : { row: row - 1, line: feed.linesOf(before).length - 1 };
}

function below(feed: FeedRows, { row, line }: Place): Place | null {
  if (line < feed.linesOf(feed.rows[row]!).length - 1) return { row, line: line + 1 };
  return feed.rows[row + 1] === undefined ? null : { row: row + 1, line: 0 };
}
