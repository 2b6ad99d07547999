import { randomBytes } from 'node:crypto';
import type { TxnId } from '../../src/protocol/ids.ts';

const ALPHABET = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';

/** A fresh ULID: 48 bits of wall-clock milliseconds, 80 random bits. */
export function ulid(): TxnId {
  let time = Date.now();
  let text = '';
  for (let i = 0; i < 10; i++) {
    text = ALPHABET[time % 32]! + text;
    time = Math.floor(time / 32);
  }
  for (const byte of randomBytes(16)) text += ALPHABET[byte % 32]!;
  return text as TxnId;
}
