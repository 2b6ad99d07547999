import { layoutOf } from '../composer/field-layout.ts';
import { fitted, span } from '../screen/line.ts';
import { widthOf } from '../screen/width.ts';
import type { Field } from '../composer/text-field.ts';
import type { RoomKind } from '../../../protocol/commands.ts';
import type { Line } from '../screen/line.ts';

export interface ComposerParts {
  readonly field: Field;
  readonly kind: RoomKind | null;
  readonly title: string;
  /** What is being answered or edited; empty for nothing. */
  readonly about: string;
  readonly width: number;
}

export interface ComposerLines {
  readonly lines: readonly Line[];
  readonly cursor: { readonly row: number; readonly column: number };
}

const promptOf = (kind: RoomKind | null): string => (kind === 'open' ? 'open› ' : '› ');

/** How wide what is typed may be. */
export function composerTextWidth(width: number, kind: RoomKind | null): number {
  return Math.max(2, width - widthOf(promptOf(kind)));
}

/** All lines of what is being typed. */
export function composerLines({ field, kind, title, about, width }: ComposerParts): ComposerLines {
  const prompt = promptOf(kind);
  const style = kind === 'open' ? 'warn' : 'accent';
  const { rows, cursor } = layoutOf(field, composerTextWidth(width, kind));
  const indent = ' '.repeat(widthOf(prompt));
  const hint = kind === null ? 'Ctrl O finds people, Ctrl K conversations, F1 shows all keys' : hintFor(kind, title);
  const lines = rows.map((row, i): Line => {
    const text = field.text === '' ? span(hint, 'soft') : span(row);
    return fitted([span(i === 0 ? prompt : indent, style), text], width);
  });
  const head: readonly Line[] = about === '' ? [] : [fitted([span(about, 'soft')], width)];
  return {
    lines: [...head, ...lines],
    cursor: { row: cursor.row + head.length, column: Math.min(width - 1, widthOf(prompt) + cursor.column) },
  };
}

function hintFor(kind: RoomKind, title: string): string {
  return kind === 'open' ? `write openly in ${title}: everybody on this server can read it` : `write to ${title}`;
}

/** As many of the lines as fit, so that the cursor is among them. */
export function visibleComposer({ lines, cursor }: ComposerLines, rows: number): ComposerLines {
  const first = Math.max(0, Math.min(cursor.row - rows + 1, lines.length - rows));
  const begin = cursor.row < first ? cursor.row : first;
  return { lines: lines.slice(begin, begin + rows), cursor: { row: cursor.row - begin, column: cursor.column } };
}
