import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Entry } from '../../consensus/types.ts';
import type { RowSeal, SealedPart } from '../../node/at-rest/row-seal.ts';
import { rowOf } from '../../node/store/hidden-rows.ts';
import { soundRows } from '../../node/store/level-check/sound-rows.ts';
import { unpackRecord } from '../../node/store/log-record.ts';
import { parseRecordKey } from '../../node/store/log-rows.ts';
import { HIDDEN_RANGE, ROW_RANGE } from '../../node/store/state-rows.ts';
import { filesOf } from './store-images.ts';
import { sealOfFiles } from './test-keys.ts';

/** Enough of a sealed value to find it: its generation and its nonce, which no other has. */
const HEAD_BYTES = 16;

export interface PlaceInFile {
  readonly path: string;
  /** Of the first byte of the ciphertext. */
  readonly at: number;
}

/** Where in the files of a log the sealed records lie that hold an entry, replaced and deleted ones too. */
export const placesOfEntry = (dir: string, index: number): Promise<PlaceInFile[]> => placesOfEntries(dir, index, index);

/** The same of all records that hold any of these entries. */
export const placesOfEntries = (dir: string, first: number, last: number): Promise<PlaceInFile[]> =>
  placesOfRecord(dir, (entries) => entries.some(({ index }) => index >= first && index <= last));

/** The same of all records whose entries are such. */
export function placesOfRecord(dir: string, isSuch: (entries: readonly Entry[]) => boolean): Promise<PlaceInFile[]> {
  return placesOf(dir, { folder: 'log', part: 'log' }, (key, content) => {
    const record = parseRecordKey(key) === undefined ? undefined : unpackRecord(content);
    return record !== undefined && isSuch(record.entries);
  });
}

/** All entries that the files of a log still hold, replaced and deleted ones too. */
export async function* entriesInFiles(dir: string, seal: RowSeal): AsyncGenerator<Entry> {
  for await (const { key, value } of soundRows(join(dir, 'log'))) {
    const content = value === undefined || parseRecordKey(key) === undefined ? undefined : seal.open(key, value);
    const record = content && unpackRecord(content);
    if (record !== undefined) yield* record.entries;
  }
}

/** The same of a row of the state in `folder`. */
export function placesOfRow(dir: string, folder: string, row: string): Promise<PlaceInFile[]> {
  return placesOf(dir, { folder, part: 'state' }, (key, content) => {
    const isRow = [ROW_RANGE, HIDDEN_RANGE].some(({ gte, lt }) => key >= gte && key < lt);
    return isRow && rowOf(key, content)[0] === row;
  });
}

async function placesOf(
  dir: string,
  { folder, part }: { readonly folder: string; readonly part: SealedPart },
  isWanted: (key: string, content: Buffer) => boolean,
): Promise<PlaceInFile[]> {
  const seal = await sealOfFiles(dir, part);
  const heads: Buffer[] = [];
  for await (const { key, value } of soundRows(join(dir, folder))) {
    const content = value === undefined ? undefined : seal.open(key, value);
    if (content !== undefined && isWanted(key, content)) heads.push(Buffer.from(value!.subarray(0, HEAD_BYTES)));
  }
  const places: PlaceInFile[] = [];
  for (const { path } of await filesOf(dir)) {
    const file = await readFile(join(dir, path));
    for (const head of heads) {
      const at = file.indexOf(head);
      if (at >= 0) places.push({ path, at: at + HEAD_BYTES });
    }
  }
  return places;
}
