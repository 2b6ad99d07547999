import { isRowKey, ROW_KEY_BYTES_MAX } from './row-digest.ts';
import type { Row } from './row-merge.ts';

/**
 * Rows as a stream of bytes, cut anywhere into chunks: `key length u16, value length u32, key, value` each, in key
 * order.
 */
const HEAD_BYTES = 6;
/** No row comes near; a length beyond is a broken stream. */
export const ROW_VALUE_BYTES_MAX = 64 * 1024 * 1024;

export const rowStreamBytes = ([key, value]: Row): number => HEAD_BYTES + key.length + value.length;

/** Writes a row into `stream`, where there is room for it. */
export function writeRowForStream([key, value]: Row, stream: Buffer, at: number): void {
  stream.writeUInt16BE(key.length, at);
  stream.writeUInt32BE(value.length, at + 2);
  stream.write(key, at + HEAD_BYTES, 'latin1');
  stream.set(value, at + HEAD_BYTES + key.length);
}

/** Puts rows together again from chunks. Holds at most one incomplete row. */
export class RowStreamDecoder {
  #rest: Buffer = Buffer.alloc(0);
  #lastKey = '';

  /** Whether the stream may end here. */
  get complete(): boolean {
    return this.#rest.length === 0;
  }

  /**
   * The rows that this chunk completes, or undefined when it is no part of such a stream. Values may be views of the
   * chunk, which must not change before they are done with.
   */
  push(chunk: Uint8Array): Row[] | undefined {
    const bytes =
      this.#rest.length === 0
        ? Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength)
        : Buffer.concat([this.#rest, chunk]);
    const rows: Row[] = [];
    let at = 0;
    while (at + HEAD_BYTES <= bytes.length) {
      const keyBytes = bytes.readUInt16BE(at);
      const valueBytes = bytes.readUInt32BE(at + 2);
      if (keyBytes === 0 || keyBytes > ROW_KEY_BYTES_MAX || valueBytes > ROW_VALUE_BYTES_MAX) return undefined;
      const end = at + HEAD_BYTES + keyBytes + valueBytes;
      if (end > bytes.length) break;
      const key = bytes.toString('latin1', at + HEAD_BYTES, at + HEAD_BYTES + keyBytes);
      if (key <= this.#lastKey || !isRowKey(key)) return undefined;
      this.#lastKey = key;
      rows.push([key, bytes.subarray(at + HEAD_BYTES + keyBytes, end)]);
      at = end;
    }
    this.#rest = Buffer.from(bytes.subarray(at));
    return rows;
  }
}
