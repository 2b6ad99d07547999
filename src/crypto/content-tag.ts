import { sha256 } from '@noble/hashes/sha2.js';
import { concatBytes } from '@noble/hashes/utils.js';
import { assertLength } from './bytes.ts';

/** Length of r. */
export const CONTENT_SALT_BYTES = 32;

/** SHA-256(r ‖ content): the same for every encryption of one message, and telling nothing without r. */
export function contentTagOf(r: Uint8Array, content: Uint8Array): Uint8Array {
  assertLength(r, CONTENT_SALT_BYTES, 'r');
  return sha256(concatBytes(r, content));
}
