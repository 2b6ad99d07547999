import { createHash } from 'node:crypto';
import { ParleyError } from '../../protocol/errors.ts';

/** LevelDB returns what a damaged file holds as if it were sound, so every row carries a checksum of its own. */
const CHECKSUM_BYTES = 8;

/** First 64 bits of SHA-256 over key, zero byte and value, then the value. */
export function sealRow(key: string, value: Uint8Array): Uint8Array {
  return Buffer.concat([checksumOf(key, value), value]);
}

/** @throws ParleyError `home_damaged` */
export function openRow(key: string, row: Uint8Array): Uint8Array {
  const value = row.subarray(CHECKSUM_BYTES);
  const isSound = row.length >= CHECKSUM_BYTES && checksumOf(key, value).equals(row.subarray(0, CHECKSUM_BYTES));
  if (!isSound) throw new ParleyError('home_damaged', `The row “${key}” of the store is damaged.`);
  return value;
}

function checksumOf(key: string, value: Uint8Array): Buffer {
  return createHash('sha256').update(key).update('\0').update(value).digest().subarray(0, CHECKSUM_BYTES);
}
