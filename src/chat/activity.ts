import { KEYS } from './keys.ts';
import type { ActivityScope } from './keys.ts';
import type { StateView } from './ports.ts';

/** Log entries that share a place in the index: what is busy moves on in it once for so many. */
export const ENTRIES_PER_SPAN = 256;

export const spanOf = (index: number): number => Math.floor(index / ENTRIES_PER_SPAN);

const EMPTY = new Uint8Array(0);

/**
 * The index of where something happened last: each scope stands once in it, in the span of its newest entry. Who comes
 * back reads on from the span of its cursor and finds the rooms that changed, however many rooms it is in.
 *
 * @param before log index of what happened there last, 0 for never
 */
export function noteActivity(view: StateView, scope: ActivityScope, before: number, index: number): void {
  const [from, to] = [spanOf(before), spanOf(index)];
  if (from === to && before !== 0) return;
  if (before !== 0) view.delete(KEYS.activity(from, scope));
  view.put(KEYS.activity(to, scope), EMPTY);
}
