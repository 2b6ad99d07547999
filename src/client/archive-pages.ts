import { KEY, pack, unpack } from './rows.ts';
import type { AccountName, RoomId } from '../protocol/ids.ts';
import type { MessageLine } from './reader.ts';
import type { StoreTransaction } from './store.ts';

/** Lines of one room stand together in rows, so that a screenful takes one or two reads. */
export const PAGE_LINES = 64;
/** Pages whose words stand together in the index: as many as a mask of 32 bits can tell apart. */
export const BLOCK_PAGES = 32;

/** One edit of a message: which, where it stands, and whose it is. */
export type EditNote = readonly [target: number, seq: number, from: AccountName];

export const pageOf = (seq: number): number => Math.floor((seq - 1) / PAGE_LINES);
export const blockOf = (page: number): number => Math.floor(page / BLOCK_PAGES);
/** The bit of a page in the masks of its block. */
export const bitOf = (page: number): number => (1 << (page % BLOCK_PAGES)) >>> 0;

/** Ascending; there may be gaps. */
export async function readPage(tx: StoreTransaction, room: RoomId, page: number): Promise<readonly MessageLine[]> {
  const bytes = await tx.get(KEY.lines(room, page));
  return bytes === undefined ? [] : unpack<readonly MessageLine[]>(bytes);
}

/** Which pages of a block changed since they were indexed. */
export async function unindexedIn(tx: StoreTransaction, room: RoomId, block: number): Promise<number> {
  const bytes = await tx.get(KEY.unindexed(room, block));
  return bytes === undefined ? 0 : unpack<number>(bytes);
}

export async function noteUnindexed(tx: StoreTransaction, room: RoomId, page: number): Promise<void> {
  const block = blockOf(page);
  const known = await unindexedIn(tx, room, block);
  tx.put(KEY.unindexed(room, block), pack((known | bitOf(page)) >>> 0));
}

/** Edits of messages of one page that this device has read, ascending. */
export async function editsOn(tx: StoreTransaction, room: RoomId, page: number): Promise<readonly EditNote[]> {
  const bytes = await tx.get(KEY.edited(room, page));
  return bytes === undefined ? [] : unpack<readonly EditNote[]>(bytes);
}

/** Remembers of messages where their edits are; those that are gone are not remembered any longer. */
export async function noteEdits(tx: StoreTransaction, room: RoomId, lines: readonly MessageLine[]): Promise<void> {
  for (const { seq, edits, from, gone } of lines) {
    if (edits === undefined) continue;
    const page = pageOf(edits);
    const others = (await editsOn(tx, room, page)).filter(([, edit]) => edit !== seq);
    const notes = gone === undefined ? [...others, [edits, seq, from] as const] : others;
    tx.put(KEY.edited(room, page), pack(notes.toSorted(([, a], [, b]) => a - b)));
  }
}

/** Where the text of a message stands now: its latest edit by its author, null where it stands as it was written. */
export function latestEdit(
  notes: readonly EditNote[],
  { seq, from }: Pick<MessageLine, 'seq' | 'from'>,
): number | null {
  return notes.findLast(([target, , by]) => target === seq && by === from)?.[1] ?? null;
}
