import { graphemesOf } from '../screen/width.ts';

/** A text that is being typed, and where in it: between two letters, as people take them. */
export interface Field {
  readonly text: string;
  /** An index into the text. */
  readonly cursor: number;
}

export const EMPTY_FIELD: Field = { text: '', cursor: 0 };

export function fieldOf(text: string): Field {
  return { text, cursor: text.length };
}

const EDITS = [
  'left',
  'right',
  'wordLeft',
  'wordRight',
  'lineStart',
  'lineEnd',
  'backspace',
  'delete',
  'deleteWordLeft',
  'deleteToLineStart',
  'deleteToLineEnd',
] as const;
export type Edit = (typeof EDITS)[number];

export function isEdit(action: string): action is Edit {
  return (EDITS as readonly string[]).includes(action);
}

/** @param text is taken as it is; line breaks are part of it */
export function inserted({ text, cursor }: Field, added: string): Field {
  return { text: text.slice(0, cursor) + added + text.slice(cursor), cursor: cursor + added.length };
}

export function edited(field: Field, edit: Edit): Field {
  const { text, cursor } = field;
  switch (edit) {
    case 'left':
      return { text, cursor: leftOf(field) };
    case 'right':
      return { text, cursor: rightOf(field) };
    case 'wordLeft':
      return { text, cursor: wordLeftOf(field) };
    case 'wordRight':
      return { text, cursor: cursor + /^\s*\S*/u.exec(text.slice(cursor))![0].length };
    case 'lineStart':
      return { text, cursor: lineStartOf(field) };
    case 'lineEnd':
      return { text, cursor: lineEndOf(field) };
    case 'backspace':
      return without(field, leftOf(field), cursor);
    case 'delete':
      return without(field, cursor, rightOf(field));
    case 'deleteWordLeft':
      return without(field, wordLeftOf(field), cursor);
    case 'deleteToLineStart':
      return without(field, lineStartOf(field), cursor);
    case 'deleteToLineEnd':
      break;
  }
  return without(field, cursor, lineEndOf(field));
}

function without({ text }: Field, begin: number, end: number): Field {
  return { text: text.slice(0, begin) + text.slice(end), cursor: begin };
}

function leftOf({ text, cursor }: Field): number {
  return cursor - (graphemesOf(text.slice(0, cursor)).at(-1)?.length ?? 0);
}

function rightOf({ text, cursor }: Field): number {
  return cursor + (graphemesOf(text.slice(cursor))[0]?.length ?? 0);
}

function wordLeftOf({ text, cursor }: Field): number {
  return cursor - /\S*\s*$/u.exec(text.slice(0, cursor))![0].length;
}

function lineStartOf({ text, cursor }: Field): number {
  // `lastIndexOf` takes a negative place for the first one.
  return cursor === 0 ? 0 : text.lastIndexOf('\n', cursor - 1) + 1;
}

function lineEndOf({ text, cursor }: Field): number {
  const end = text.indexOf('\n', cursor);
  return end === -1 ? text.length : end;
}
