import { xchacha20poly1305 } from '@noble/ciphers/chacha.js';
import { concatBytes } from '@noble/hashes/utils.js';
import type { RandomBytes } from './random.ts';

const NONCE_BYTES = 24;
const TAG_BYTES = 16;

/**
 * XChaCha20-Poly1305 with a random nonce in front. Nonces of 192 bits may be drawn at random without end.
 * @param key 32 bytes
 * @param context associated data: what it is, and whose
 */
export function sealBytes(
  key: Uint8Array,
  context: Uint8Array,
  plaintext: Uint8Array,
  random: RandomBytes,
): Uint8Array {
  const nonce = random(NONCE_BYTES);
  return concatBytes(nonce, xchacha20poly1305(key, nonce, context).encrypt(plaintext));
}

/** @returns null for anything that was not sealed with this key for this context */
export function openBytes(key: Uint8Array, context: Uint8Array, sealed: Uint8Array): Uint8Array | null {
  if (sealed.length < NONCE_BYTES + TAG_BYTES) return null;
  try {
    return xchacha20poly1305(key, sealed.subarray(0, NONCE_BYTES), context).decrypt(sealed.subarray(NONCE_BYTES));
  } catch {
    return null;
  }
}
