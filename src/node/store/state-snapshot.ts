import assert from 'node:assert/strict';
import type { StateSnapshot } from '../ports.ts';
import { RowMerge, type ChangedRow, type Row } from './row-merge.ts';
import { encodeRowForStream } from './row-stream.ts';

/** Rows that are read from disk at a time. */
const ROWS_PER_READ = 64;

/** Where rows come from, in key order, as they were at one moment. */
export interface RowSource {
  next(count: number): Promise<[key: string, value: Uint8Array][]>;
  close(): Promise<void>;
}

/**
 * A state as it was when this was made: an iterator over the disk of that moment, and the changes that were not there
 * yet. Holds those, and the bytes between two chunks.
 */
export class StreamedState implements StateSnapshot {
  readonly header: StateSnapshot['header'];
  readonly #source: RowSource;
  readonly #merge: RowMerge;
  #pending: Buffer[] = [];
  #pendingBytes = 0;
  #ended = false;

  constructor(header: StateSnapshot['header'], source: RowSource, changes: readonly ChangedRow[]) {
    this.header = header;
    this.#source = source;
    this.#merge = new RowMerge(changes);
  }

  async nextChunk(chunkBytesMax: number): Promise<Uint8Array | undefined> {
    assert(chunkBytesMax > 0);
    while (!this.#ended && this.#pendingBytes < chunkBytesMax) await this.#read();
    if (this.#pendingBytes === 0) return undefined;
    const bytes = Buffer.concat(this.#pending);
    const rest = bytes.subarray(chunkBytesMax);
    this.#pending = rest.length === 0 ? [] : [rest];
    this.#pendingBytes = rest.length;
    return bytes.subarray(0, chunkBytesMax);
  }

  async #read(): Promise<void> {
    const rows: Row[] = [];
    const read = await this.#source.next(ROWS_PER_READ);
    for (const [key, value] of read) this.#merge.take(key, value, rows);
    if (read.length === 0) {
      this.#merge.rest(rows);
      this.#ended = true;
    }
    for (const row of rows) {
      const bytes = encodeRowForStream(row);
      this.#pending.push(bytes);
      this.#pendingBytes += bytes.length;
    }
  }

  close(): Promise<void> {
    return this.#source.close();
  }
}
