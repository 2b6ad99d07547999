import { layoutOf } from '../composer/field-layout.ts';
import { fitted, padded, restyled, span, wrapped } from '../screen/line.ts';
import { widthOf } from '../screen/width.ts';
import type { Sheet } from '../state/sheet.ts';
import type { Line } from '../screen/line.ts';

export interface SheetLines {
  readonly lines: readonly Line[];
  /** Null where nothing can be typed. */
  readonly cursor: { readonly row: number; readonly column: number } | null;
}

type Shown = Pick<
  Sheet,
  'title' | 'prompt' | 'empty' | 'field' | 'items' | 'selected' | 'isAsking' | 'failure' | 'note'
>;

/** A sheet in so much room. */
export function sheetLines(
  sheet: Shown,
  { width, rows }: { readonly width: number; readonly rows: number },
): SheetLines {
  const note = sheet.note === null ? '' : ` · ${sheet.note}`;
  const name = ` ${sheet.title}${sheet.isAsking ? ' …' : ''}${note}  (Esc closes)`;
  const title = padded([span(name, 'bar')], width, 'bar');
  const { field, prompt } = sheet;
  const promptText = prompt === null ? '' : `${prompt}: `;
  const typed = layoutOf(field, Number.MAX_SAFE_INTEGER);
  const query: readonly Line[] = prompt === null ? [] : [fitted([span(promptText, 'accent'), span(field.text)], width)];
  const head = [title, ...query].slice(0, rows);
  const cursor =
    prompt === null || rows < 2
      ? null
      : { row: 1, column: Math.min(width - 1, widthOf(promptText) + typed.cursor.column) };
  return { lines: [...head, ...itemLines(sheet, width, rows - head.length)], cursor };
}

function itemLines({ items, selected, empty, failure, isAsking }: Shown, width: number, rows: number): readonly Line[] {
  if (failure !== null)
    return wrapped(failure, width)
      .map((row): Line => [span(row, 'danger')])
      .slice(0, Math.max(0, rows));
  if (items.length === 0) {
    const text = isAsking ? '' : empty;
    return wrapped(text, width)
      .map((row): Line => [span(row, 'soft')])
      .slice(0, Math.max(0, rows));
  }
  const first = Math.max(0, Math.min(selected - Math.floor(rows / 2), items.length - rows));
  return items.slice(first, first + Math.max(0, rows)).map(({ line, pick }, i) => {
    const shown = padded(line, width);
    return first + i === selected && pick !== undefined ? restyled(shown, 'selected') : shown;
  });
}
