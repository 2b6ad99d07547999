import { x25519 } from '@noble/curves/ed25519.js';
import { hexToBytes } from '@noble/hashes/utils.js';
import { assertLength, equalBytes, isLessLittleEndian } from './bytes.ts';
import type { RandomBytes } from './random.ts';

/** X25519 (RFC 7748), 32 bytes each. */
export interface SealingKeyPair {
  readonly publicKey: Uint8Array;
  readonly secretKey: Uint8Array;
}

/** Every provider gives the same results (tested). */
export interface X25519Provider {
  publicKeyOf(secretKey: Uint8Array): Uint8Array;
  /** The shared secret, 32 bytes; `null` when it is all zero, which a peer's key of small order forces. */
  agree(secretKey: Uint8Array, peerKey: Uint8Array): Uint8Array | null;
}

const ZERO = new Uint8Array(32);

export const nobleX25519: X25519Provider = {
  publicKeyOf(secretKey) {
    assertLength(secretKey, 32, 'An X25519 secret key');
    return x25519.getPublicKey(secretKey);
  },
  agree(secretKey, peerKey) {
    assertLength(secretKey, 32, 'An X25519 secret key');
    if (peerKey.length !== 32) return null;
    let shared: Uint8Array;
    try {
      shared = x25519.getSharedSecret(secretKey, peerKey);
    } catch {
      return null; // noble refuses points of small order by itself
    }
    return equalBytes(shared, ZERO) ? null : shared;
  },
};

export function sealingKeyPairOf(secretKey: Uint8Array, provider: X25519Provider = nobleX25519): SealingKeyPair {
  return { publicKey: provider.publicKeyOf(secretKey), secretKey };
}

export function generateSealingKeyPair(random: RandomBytes): SealingKeyPair {
  return sealingKeyPairOf(random(32));
}

/** p = 2²⁵⁵ − 19, little-endian. */
const FIELD_PRIME = hexToBytes('edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f');
/** The u coordinates below p whose order, on the curve or its twist, divides 8, little-endian. */
const SMALL_ORDER_U = [
  '0000000000000000000000000000000000000000000000000000000000000000',
  '0100000000000000000000000000000000000000000000000000000000000000',
  'e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800',
  '5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157',
  'ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
].map(hexToBytes);

/**
 * Whether anything can be sealed to this key: canonical, and not of small order. Every honestly made key is; one that
 * is not would stop everybody from writing to the room it is in.
 */
export function isUsableSealingKey(publicKey: Uint8Array): boolean {
  if (publicKey.length !== 32 || !isLessLittleEndian(publicKey, FIELD_PRIME)) return false;
  return !SMALL_ORDER_U.some((small) => equalBytes(small, publicKey));
}
