import assert from 'node:assert/strict';
import type { StateSnapshot } from '../ports.ts';
import { RowMerge, type ChangedRow, type Row } from './row-merge.ts';
import { rowStreamBytes, writeRowForStream } from './row-stream.ts';

/** Rows that are asked for at a time; the source gives fewer when they are large. */
const ROWS_PER_READ = 512;

/** Where rows come from, in key order, as they were at one moment. */
export interface RowSource {
  next(count: number): Promise<readonly (readonly [key: string, value: Uint8Array])[]>;
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

  /** As many whole rows as fit; only a row that is larger than the room is cut. */
  async nextChunk(room: Uint8Array): Promise<Uint8Array | undefined> {
    assert(room.length > 0);
    if (this.#rest.length > 0) return this.#cut(room);
    const chunk = Buffer.from(room.buffer, room.byteOffset, room.length);
    let bytes = 0;
    for (;;) {
      const row = this.#rows[this.#taken];
      if (row === undefined) {
        if (this.#ended) return bytes === 0 ? undefined : chunk.subarray(0, bytes);
        await this.#read();
        continue;
      }
      const size = rowStreamBytes(row);
      if (bytes + size > chunk.length) {
        if (bytes > 0) return chunk.subarray(0, bytes);
        return this.#cutRow(row, chunk);
      }
      writeRowForStream(row, chunk, bytes);
      bytes += size;
      this.#taken += 1;
    }
  }

  #cutRow(row: Row, room: Uint8Array): Uint8Array {
    this.#rest = Buffer.allocUnsafeSlow(rowStreamBytes(row));
    writeRowForStream(row, this.#rest, 0);
    this.#taken += 1;
    return this.#cut(room);
  }

  #cut(room: Uint8Array): Uint8Array {
    const chunk = this.#rest.subarray(0, room.length);
    this.#rest = this.#rest.subarray(room.length);
    room.set(chunk);
    return room.subarray(0, chunk.length);
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
