import { EntryType, type Entry, type HardState, type LogIndex, type Term } from '../../consensus/types.ts';
import type { IntactStore } from '../../node/store/node-store.ts';
import type { StampMs } from '../../protocol/ids.ts';
import { copyImage, logContentOf, removeImage, stateContentOf } from './store-images.ts';
import { openMember } from './temporary-store.ts';

/** Entries and rows for tests whose content anybody can tell from their index. */
export function testEntry(index: number, term: number): Entry {
  const data = new TextEncoder().encode(`entry ${index} `.repeat(1 + (index % 5)));
  return { index: index as LogIndex, term: term as Term, type: EntryType.normal, data };
}

/** `from` to `to`, both included. */
export function testEntries(from: number, to: number, term: number): Entry[] {
  return Array.from({ length: to - from + 1 }, (_, at) => testEntry(from + at, term));
}

export function hardStateOf(term: number, commit: number): HardState {
  return { term, vote: 1, commit } as HardState;
}

/** Resolves when it is durable. The node votes for peer 1 in every term. */
export function appendAll(
  { log }: Pick<IntactStore, 'log'>,
  entries: readonly Entry[],
  { term, commit }: { readonly term: number; readonly commit: number },
): Promise<void> {
  return new Promise((resolve) => log.append({ hardState: hardStateOf(term, commit), entries }, resolve));
}

/** Puts one row of its own, changes one that all share, and now and then deletes an older one. */
export function applyTestEntry({ state }: Pick<IntactStore, 'state'>, index: number, term: number): void {
  const transaction = state.begin();
  transaction.put(`row/${index}`, new TextEncoder().encode(`value ${index} `.repeat(1 + (index % 7))));
  transaction.put('counter', new TextEncoder().encode(String(index)));
  if (index % 10 === 0) transaction.delete(`row/${index - 5}`);
  transaction.commit({ index: index as LogIndex, term: term as Term, stampMs: (1000 + index) as StampMs });
}

export interface FilledStore {
  /** From the first entry that was not compacted. */
  readonly log: string;
  /** The state after each entry. */
  readonly states: ReadonlyMap<number, string>;
}

/**
 * Entries up to `last`, all applied, in many writes and four lives of the store, compacted at the end up to
 * `compactTo` (0: not at all).
 */
export async function fillStore(
  dir: string,
  { last, compactTo }: { readonly last: number; readonly compactTo: number },
): Promise<FilledStore> {
  const states = new Map<number, string>();
  for (let life = 0; life < 4; life += 1) {
    const term = 1 + life;
    const store = await openMember(dir);
    const from = 1 + (last / 4) * life;
    for (let index = from; index < from + last / 4; index += 1) {
      await appendAll(store, [testEntry(index, term)], { term, commit: index - 1 });
      applyTestEntry(store, index, term);
      states.set(index, await stateContentOf(store.state));
    }
    if (life === 3 && compactTo > 0) {
      await store.state.sync();
      store.log.compact(compactTo as LogIndex);
    }
    await store.close();
  }
  // From a copy: opening a database moves what is in its write-ahead file into a table.
  const copy = await copyImage(dir);
  const store = await openMember(copy);
  const log = logContentOf(store.log);
  await store.close();
  await removeImage(copy);
  return { log, states };
}
