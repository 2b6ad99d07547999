/** So many texts are remembered. */
const ENTRIES_MAX = 100;

/** What was sent before, and where among it somebody is looking. */
export interface History {
  /** The oldest first. */
  readonly entries: readonly string[];
  /** Null while nothing old is shown. */
  readonly at: number | null;
  /** What was being typed before the first step back. */
  readonly kept: string;
}

export const EMPTY_HISTORY: History = { entries: [], at: null, kept: '' };

/** A text that is there already moves to the end. */
export function remembered({ entries }: History, text: string): History {
  const others = entries.filter((entry) => entry !== text);
  return { entries: [...others, text].slice(-ENTRIES_MAX), at: null, kept: '' };
}

/** One step to older texts. Null where there is none. */
export function older(history: History, typed: string): { readonly history: History; readonly text: string } | null {
  const { entries, at } = history;
  const next = (at ?? entries.length) - 1;
  const text = entries[next];
  if (text === undefined) return null;
  return { history: { entries, at: next, kept: at === null ? typed : history.kept }, text };
}

/** One step back to what was being typed. Null where that is shown already. */
export function newer(history: History): { readonly history: History; readonly text: string } | null {
  const { entries, at, kept } = history;
  if (at === null) return null;
  const text = entries[at + 1];
  return text === undefined
    ? { history: { entries, at: null, kept: '' }, text: kept }
    : { history: { entries, at: at + 1, kept }, text };
}
