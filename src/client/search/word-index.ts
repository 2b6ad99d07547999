import {
  bitOf,
  BLOCK_PAGES,
  blockOf,
  noteEdits,
  noteUnindexed,
  pageOf,
  readPage,
  unindexedIn,
} from '../archive-pages.ts';
import { KEY, pack, unpack } from '../rows.ts';
import { bucketOf, BUCKETS, decodeBucket, encodeBucket, pagesWith, rewritten } from './word-block.ts';
import { wordsOf } from './words.ts';
import type { RoomId } from '../../protocol/ids.ts';
import type { MessageLine } from '../reader.ts';
import type { ClientStore, StoreTransaction } from '../store.ts';

/** Another number whenever words are folded, divided or stored in another way: then all is indexed anew. */
const FORMAT = 1;
/** Pages that are read in one step: a few milliseconds of work, so that nothing on a screen waits for it. */
const STEP_PAGES_MAX = 4;

interface Slice {
  readonly room: RoomId;
  readonly block: number;
  /** Of its pages, as a mask. */
  readonly pages: number;
}

/**
 * Which words stand on which pages of the archive. Two levels: blocks of 32 pages are looked through one after the
 * other, and in each the words that begin alike stand in one row with a mask of the pages on which they are. The archive
 * notes the pages that it changes in the transaction that changes them, so the index never misses one, whatever ends
 * the program; those pages count as having every word until they are indexed.
 */
export class WordIndex {
  readonly #store: ClientStore;

  constructor(store: ClientStore) {
    this.#store = store;
  }

  /** Throws away what another version of this program wrote, and notes all pages as changed. */
  async open(): Promise<void> {
    await this.#store.transaction(async (tx) => {
      const format = await tx.get(KEY.indexFormat);
      if (format !== undefined && unpack<number>(format) === FORMAT) return;
      for (const [key] of await tx.list(KEY.wordsPrefix)) tx.delete(key);
      for (const [key] of await tx.list(KEY.archivedPrefix)) {
        await noteAll(tx, key.slice(KEY.archivedPrefix.length) as RoomId);
      }
      tx.put(KEY.indexFormat, pack(FORMAT));
    });
  }

  /** Indexes a few pages. @returns whether more are left */
  async step(): Promise<boolean> {
    return this.#store.transaction(async (tx) => {
      const [slice, isMore] = await nextSlice(tx);
      if (slice !== null) await indexPages(tx, slice);
      return isMore;
    });
  }
}

/** The pages of a block on which all of these beginnings of words may stand, newest first. */
export async function candidatePages(
  tx: StoreTransaction,
  { room, block }: Pick<Slice, 'room' | 'block'>,
  beginnings: readonly string[],
): Promise<number[]> {
  let mask = 2 ** 32 - 1;
  for (const beginning of beginnings) {
    if (mask === 0) break;
    const bucket = decodeBucket(await tx.get(KEY.words(room, block, bucketOf(beginning))));
    mask = (mask & pagesWith(bucket, beginning)) >>> 0;
  }
  return pagesIn(block, (mask | (await unindexedIn(tx, room, block))) >>> 0).toReversed();
}

/** What is found a message by: its text, and the name of its file. */
export function searchedText({ text, file, gone }: MessageLine): string {
  if (gone !== undefined) return '';
  return [text ?? '', file?.name ?? ''].join(' ');
}

async function noteAll(tx: StoreTransaction, room: RoomId): Promise<void> {
  for (const [, bytes] of await tx.list(KEY.linesPrefix(room))) {
    const lines = unpack<readonly MessageLine[]>(bytes);
    if (lines[0] !== undefined) await noteUnindexed(tx, room, pageOf(lines[0].seq));
    await noteEdits(tx, room, lines);
  }
}

async function nextSlice(tx: StoreTransaction): Promise<readonly [Slice | null, isMore: boolean]> {
  const rows = await tx.list(KEY.unindexedPrefix);
  const newest = rows.at(-1);
  if (newest === undefined) return [null, false];
  const [, room, blockText] = newest[0].split('/');
  const block = Number(blockText);
  const all = pagesIn(block, unpack<number>(newest[1]));
  const chosen = all.slice(-STEP_PAGES_MAX);
  const pages = chosen.reduce((mask, page) => mask | bitOf(page), 0) >>> 0;
  return [{ room: room as RoomId, block, pages }, rows.length > 1 || chosen.length < all.length];
}

async function indexPages(tx: StoreTransaction, { room, block, pages }: Slice): Promise<void> {
  const found = Array.from({ length: BUCKETS }, () => new Map<string, number>());
  for (const page of pagesIn(block, pages)) {
    for (const line of await readPage(tx, room, page)) {
      for (const word of wordsOf(searchedText(line))) {
        const bucket = found[bucketOf(word)]!;
        bucket.set(word, ((bucket.get(word) ?? 0) | bitOf(page)) >>> 0);
      }
    }
  }
  for (const [bucket, words] of found.entries()) {
    const key = KEY.words(room, block, bucket);
    const before = decodeBucket(await tx.get(key));
    const after = rewritten(before, pages, words);
    if (after.words.length > 0) tx.put(key, encodeBucket(after));
    else if (before.words.length > 0) tx.delete(key);
  }
  const left = ((await unindexedIn(tx, room, block)) & ~pages) >>> 0;
  if (left === 0) tx.delete(KEY.unindexed(room, block));
  else tx.put(KEY.unindexed(room, block), pack(left));
}

function pagesIn(block: number, mask: number): number[] {
  return Array.from({ length: BLOCK_PAGES }, (_, i) => block * BLOCK_PAGES + i).filter(
    (page) => (mask & bitOf(page)) !== 0,
  );
}

/** The block that holds a message. */
export const blockWith = (seq: number): number => blockOf(pageOf(seq));
