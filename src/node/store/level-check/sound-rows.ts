import { readFile, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { isRefusal } from '../damage.ts';
import { systemCodeOf } from '../files.ts';
import { ByteReader, MalformedError } from './byte-reader.ts';
import { soundRecords } from './record-reader.ts';
import { soundEntries } from './table-check.ts';

/** One version of a row of a LevelDB. */
export interface SoundRow {
  readonly key: string;
  /** Undefined where it was deleted. A view of the file's content. */
  readonly value: Buffer | undefined;
  /** Grows with every write to the database. */
  readonly sequence: number;
}

/** Type and sequence number, which stand behind every key in a table. */
const KEY_TRAILER_BYTES = 8;
/** Sequence number and count, which stand before a batch in a write-ahead file. */
const BATCH_HEAD_BYTES = 12;
const TYPE_DELETION = 0;
const TYPE_VALUE = 1;

/**
 * Every version of every row that can still be read from the files of a closed LevelDB, whatever else is broken or
 * missing: its MANIFEST is not asked, so there may be rows that were long replaced. Whoever reads them has to know by
 * other means which of them belong together.
 */
export async function* soundRows(location: string): AsyncGenerator<SoundRow> {
  for (const name of await namesIn(location)) {
    const isTable = /^\d+\.(ldb|sst)$/.test(name);
    if (!isTable && !/^\d+\.log$/.test(name)) continue;
    const content = await contentOf(join(location, name));
    if (content !== undefined) yield* isTable ? rowsOfTable(content) : rowsOfWriteAhead(content);
  }
}

async function namesIn(location: string): Promise<string[]> {
  try {
    return (await readdir(location)).sort();
  } catch (error) {
    if (systemCodeOf(error) === 'ENOENT') return [];
    throw error;
  }
}

/** Undefined for a file that the disk does not give back. */
async function contentOf(path: string): Promise<Buffer | undefined> {
  try {
    return await readFile(path);
  } catch (error) {
    if (isRefusal(error)) throw error;
    return undefined;
  }
}

function* rowsOfTable(file: Buffer): Generator<SoundRow> {
  for (const { key, value } of soundEntries(file)) {
    const end = key.length - KEY_TRAILER_BYTES;
    if (end < 0) continue;
    const trailer = key.readBigUInt64LE(end);
    const type = Number(trailer & 0xffn);
    const sequence = Number(trailer >> 8n);
    yield { key: key.toString('latin1', 0, end), value: type === TYPE_VALUE ? value : undefined, sequence };
  }
}

function* rowsOfWriteAhead(file: Buffer): Generator<SoundRow> {
  for (const record of soundRecords(file)) {
    try {
      yield* rowsOfBatch(record);
    } catch (error) {
      if (!(error instanceof MalformedError)) throw error;
    }
  }
}

function* rowsOfBatch(record: Buffer): Generator<SoundRow> {
  if (record.length < BATCH_HEAD_BYTES) return;
  let sequence = Number(record.readBigUInt64LE(0));
  const reader = new ByteReader(record, BATCH_HEAD_BYTES);
  for (; !reader.done; sequence += 1) {
    const type = reader.bytes(1)[0];
    if (type !== TYPE_VALUE && type !== TYPE_DELETION) throw new MalformedError('a batch is malformed');
    const key = reader.bytes(reader.varint()).toString('latin1');
    yield { key, value: type === TYPE_VALUE ? reader.bytes(reader.varint()) : undefined, sequence };
  }
}
