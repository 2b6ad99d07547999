import { hash } from 'node:crypto';

/**
 * SHA-512 over `key length u32 ‖ key ‖ value` of one row, into a buffer that the next call overwrites: what the state
 * hash adds up.
 */
export class RowDigest {
  #input = Buffer.allocUnsafe(4096);
  readonly digest = Buffer.alloc(ROW_DIGEST_BYTES);

  /** @returns `this.digest`, valid until the next call */
  of(key: string, value: Uint8Array): Buffer {
    const size = 4 + key.length + value.length;
    if (size > this.#input.length) this.#input = Buffer.allocUnsafe(2 * size);
    this.#input.writeUInt32BE(key.length, 0);
    this.#input.write(key, 4, 'latin1');
    this.#input.set(value, 4 + key.length);
    this.digest.write(hash('sha512', this.#input.subarray(0, size), 'binary'), 0, 'latin1');
    return this.digest;
  }
}

export const ROW_DIGEST_BYTES = 64;

export const ROW_KEY_BYTES_MAX = 512;

/** Keys are short and ASCII: then they sort the same as strings and as bytes, and their length is their size. */
export function isRowKey(key: string): boolean {
  if (key.length === 0 || key.length > ROW_KEY_BYTES_MAX) return false;
  for (let at = 0; at < key.length; at += 1) if (key.charCodeAt(at) > 0x7f) return false;
  return true;
}
