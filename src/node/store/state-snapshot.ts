import assert from 'node:assert/strict';
import type { StateSnapshot } from '../ports.ts';
import { RowMerge, type ChangedRow, type Row } from './row-merge.ts';
import { encodeRowsForStream, rowStreamBytes } from './row-stream.ts';

/** Rows that are asked for at a time; the source gives fewer when they are large. */
const ROWS_PER_READ = 512;

/** Where rows come from, in key order, as they were at one moment. */
export interface RowSource {
  next(count: number): Promise<[key: string, value: Uint8Array][]>;
  close(): Promise<void>;
}

/**
 * A state as it was when this was made: an iterator over the disk of that moment, and the changes that were not there
 * yet. Holds those, and the rows of one reading.
 */
export class StreamedState implements StateSnapshot {
  readonly header: StateSnapshot['header'];
  readonly #source: RowSource;
  readonly #merge: RowMerge;
  #rows: Row[] = [];
  /** How many of `#rows` are in chunks already. */
  #taken = 0;
  /** What is left of a row that is larger than a chunk: then it is alone. */
  #rest: Buffer = Buffer.alloc(0);
  #ended = false;

  constructor(header: StateSnapshot['header'], source: RowSource, changes: readonly ChangedRow[]) {
    this.header = header;
    this.#source = source;
    this.#merge = new RowMerge(changes);
  }

  /** As many whole rows as fit; only a row that is larger than a chunk is cut. */
  async nextChunk(chunkBytesMax: number): Promise<Uint8Array | undefined> {
    assert(chunkBytesMax > 0);
    if (this.#rest.length > 0) return this.#cut(chunkBytesMax);
    const rows: Row[] = [];
    let bytes = 0;
    for (;;) {
      const row = this.#rows[this.#taken];
      if (row === undefined) {
        if (this.#ended) break;
        await this.#read();
        continue;
      }
      if (rows.length > 0 && bytes + rowStreamBytes(row) > chunkBytesMax) break;
      rows.push(row);
      bytes += rowStreamBytes(row);
      this.#taken += 1;
    }
    if (rows.length === 0) return undefined;
    this.#rest = encodeRowsForStream(rows);
    return this.#cut(chunkBytesMax);
  }

  #cut(chunkBytesMax: number): Buffer {
    const chunk = this.#rest.subarray(0, chunkBytesMax);
    this.#rest = this.#rest.subarray(chunkBytesMax);
    return chunk;
  }

  async #read(): Promise<void> {
    this.#rows = [];
    this.#taken = 0;
    const read = await this.#source.next(ROWS_PER_READ);
    for (const [key, value] of read) this.#merge.take(key, value, this.#rows);
    if (read.length > 0) return;
    this.#merge.rest(this.#rows);
    this.#ended = true;
  }

  close(): Promise<void> {
    return this.#source.close();
  }
}
