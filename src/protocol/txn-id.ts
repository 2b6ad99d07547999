import type { TxnId } from './ids.ts';

/** Crockford's base32, as in the ULID specification. */
const ALPHABET = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';
const TIME_CHARS = 10;
const RANDOM_CHARS = 16;
const RANDOM_BYTES = 10;
const TIME_MS_MAX = 2 ** 48 - 1;

/**
 * @param timeMs milliseconds since the Unix epoch, below 2^48
 * @param random 10 fresh random bytes
 */
export function makeTxnId(timeMs: number, random: Uint8Array): TxnId {
  if (!Number.isSafeInteger(timeMs) || timeMs < 0 || timeMs > TIME_MS_MAX) {
    throw new RangeError('A transaction id holds a time of 48 bits.');
  }
  if (random.length !== RANDOM_BYTES) throw new RangeError('A transaction id holds 10 random bytes.');
  let text = '';
  for (let rest = timeMs, i = 0; i < TIME_CHARS; i++, rest = Math.floor(rest / 32)) text = ALPHABET[rest % 32]! + text;
  let bits = 0n;
  for (const byte of random) bits = (bits << 8n) | BigInt(byte);
  let tail = '';
  for (let i = 0; i < RANDOM_CHARS; i++, bits >>= 5n) tail = ALPHABET[Number(bits & 31n)]! + tail;
  return (text + tail) as TxnId;
}

/** The client's time in a transaction id, milliseconds since the Unix epoch. */
export function txnTimeMs(txnId: TxnId): number {
  let time = 0;
  for (let i = 0; i < TIME_CHARS; i++) time = time * 32 + ALPHABET.indexOf(txnId[i]!);
  return time;
}
