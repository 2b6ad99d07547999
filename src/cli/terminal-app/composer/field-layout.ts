import { safe } from '../screen/line.ts';
import { graphemesOf, widthOf } from '../screen/width.ts';
import type { Field } from './text-field.ts';

/** How a field stands on the screen: broken where a row is full, at line breaks, and nowhere else. */
export interface FieldLayout {
  /** As they are shown. */
  readonly rows: readonly string[];
  readonly cursor: { readonly row: number; readonly column: number };
  /** For each row the index of every letter in the text, and the one behind the last; with the column it stands at. */
  readonly places: readonly (readonly Place[])[];
}

interface Place {
  readonly index: number;
  readonly column: number;
}

export function layoutOf({ text, cursor }: Field, width: number): FieldLayout {
  const columns = Math.max(2, width);
  const rows: string[] = [''];
  const places: Place[][] = [[]];
  let [index, column] = [0, 0];
  const breakRow = (): void => {
    rows.push('');
    places.push([]);
    column = 0;
  };
  for (const grapheme of graphemesOf(text)) {
    if (grapheme === '\n' || grapheme === '\r\n') {
      places.at(-1)!.push({ index, column });
      breakRow();
    } else {
      const shown = safe(grapheme);
      const cells = widthOf(shown);
      // The cursor needs a cell behind the last letter.
      if (column + cells >= columns && column > 0) breakRow();
      places.at(-1)!.push({ index, column });
      rows[rows.length - 1] += shown;
      column += cells;
    }
    index += grapheme.length;
  }
  places.at(-1)!.push({ index, column });
  return { rows, cursor: placeOf(places, cursor), places };
}

function placeOf(places: FieldLayout['places'], cursor: number): FieldLayout['cursor'] {
  for (const [row, all] of places.entries()) {
    const place = all.findLast(({ index }) => index <= cursor);
    const isHere = place !== undefined && (places[row + 1]?.[0]?.index ?? Number.POSITIVE_INFINITY) > cursor;
    if (isHere) return { row, column: place.column };
  }
  return { row: 0, column: 0 };
}

/** The cursor a row up or down, at the same column if it is that long. Null where there is no such row. */
export function movedRow(field: Field, width: number, by: -1 | 1): Field | null {
  const { cursor, places } = layoutOf(field, width);
  const row = places[cursor.row + by];
  if (row === undefined) return null;
  const place = row.findLast(({ column }) => column <= cursor.column) ?? row[0]!;
  return { text: field.text, cursor: place.index };
}
