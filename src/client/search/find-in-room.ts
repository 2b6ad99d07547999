import { editsOn, latestEdit, pageOf, readPage } from '../archive-pages.ts';
import { blockWith, candidatePages, searchedText } from './word-index.ts';
import { haveAll, wordsOf } from './words.ts';
import type { RoomId } from '../../protocol/ids.ts';
import type { MessageLine } from '../reader.ts';
import type { ClientStore, StoreTransaction } from '../store.ts';

/** A message in which all the words stand. */
export interface SearchHit {
  /** As it was written, at its own place. */
  readonly line: MessageLine;
  /** As it reads now. */
  readonly text: string;
  readonly isEdited: boolean;
}

/**
 * The messages of one room in which words begin so, newest text first. The index says on which pages to look; what is
 * found is what stands there, so nothing that is gone or was edited away is.
 * @param beginnings folded, at least one
 */
export async function* findInRoom(
  store: ClientStore,
  { room, lastSeq }: { readonly room: RoomId; readonly lastSeq: number },
  beginnings: readonly string[],
): AsyncGenerator<SearchHit> {
  for (let block = blockWith(Math.max(1, lastSeq)); block >= 0; block--) {
    const pages = await store.transaction((tx) => candidatePages(tx, { room, block }, beginnings));
    for (const page of pages) yield* await store.transaction((tx) => hitsOn(tx, { room, page }, beginnings));
  }
}

async function hitsOn(
  tx: StoreTransaction,
  { room, page }: { readonly room: RoomId; readonly page: number },
  beginnings: readonly string[],
): Promise<SearchHit[]> {
  const hits: SearchHit[] = [];
  const has = (text: string): boolean => haveAll(wordsOf(text), beginnings);
  for (const line of (await readPage(tx, room, page)).toReversed()) {
    const hit = line.edits === undefined ? await hitAsWritten(tx, line, has) : await hitAsEdited(tx, line, has);
    if (hit !== null) hits.push(hit);
  }
  return hits;
}

/** A message that was edited is found where its edit stands, but for what only its file is called. */
async function hitAsWritten(
  tx: StoreTransaction,
  line: MessageLine,
  has: (text: string) => boolean,
): Promise<SearchHit | null> {
  const edit = latestEdit(await editsOn(tx, line.room, pageOf(line.seq)), line);
  if (edit === null) return has(searchedText(line)) ? { line, text: line.text ?? '', isEdited: false } : null;
  if (line.file === undefined) return null;
  const text = (await lineAt(tx, line.room, edit))?.text ?? '';
  const isHere = !has(text) && has(searchedText({ ...line, text }));
  return isHere ? { line, text, isEdited: true } : null;
}

async function hitAsEdited(
  tx: StoreTransaction,
  edit: MessageLine,
  has: (text: string) => boolean,
): Promise<SearchHit | null> {
  if (edit.gone !== undefined || edit.text === null || !has(edit.text)) return null;
  const target = edit.edits!;
  const notes = await editsOn(tx, edit.room, pageOf(target));
  if (latestEdit(notes, { seq: target, from: edit.from }) !== edit.seq) return null;
  const line = await lineAt(tx, edit.room, target);
  const isTheirs = line !== undefined && line.from === edit.from && line.gone === undefined;
  return isTheirs ? { line, text: edit.text, isEdited: true } : null;
}

async function lineAt(tx: StoreTransaction, room: RoomId, seq: number): Promise<MessageLine | undefined> {
  return (await readPage(tx, room, pageOf(seq))).find((line) => line.seq === seq);
}
