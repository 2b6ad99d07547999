import { createHmac, type KeyObject } from 'node:crypto';
import { tellsMoreThanIds } from '../../chat/keys.ts';
import { HIDDEN_PREFIX, ROW_PREFIX } from './state-rows.ts';

/** 192 bits: two keys never meet under one name. */
const NAME_BYTES = 24;
const LENGTH_BYTES = 2;

/**
 * How rows stand in the database. Keys stand there in clear, for LevelDB sorts by them; that is fine as long as they
 * are ids. A row whose key would tell more, a name that people look each other up by, stands under a name that only
 * this node can make, HMAC-SHA256 (RFC 2104) of its key, and holds the key itself in its sealed value. Such rows have
 * no order on disk: their keys are kept in memory (`SortedKeys`).
 */
export class RowNames {
  readonly #key: KeyObject;

  constructor(key: KeyObject) {
    this.#key = key;
  }

  storedKey(key: string): string {
    if (!tellsMoreThanIds(key)) return ROW_PREFIX + key;
    const name = createHmac('sha256', this.#key).update(key, 'latin1').digest();
    return HIDDEN_PREFIX + name.toString('base64url', 0, NAME_BYTES);
  }

  /** What is stored for a row. */
  content(key: string, value: Uint8Array): Uint8Array {
    if (!tellsMoreThanIds(key)) return value;
    const content = Buffer.allocUnsafe(LENGTH_BYTES + key.length + value.length);
    content.writeUInt16BE(key.length, 0);
    content.write(key, LENGTH_BYTES, 'latin1');
    content.set(value, LENGTH_BYTES + key.length);
    return content;
  }
}

/** The row that is stored under a key of the database. */
export function rowOf(storedKey: string, content: Uint8Array): readonly [key: string, value: Uint8Array] {
  if (storedKey.startsWith(ROW_PREFIX)) return [storedKey.slice(ROW_PREFIX.length), content];
  const bytes = Buffer.from(content.buffer, content.byteOffset, content.byteLength);
  const end = LENGTH_BYTES + bytes.readUInt16BE(0);
  return [bytes.toString('latin1', LENGTH_BYTES, end), content.subarray(end)];
}
