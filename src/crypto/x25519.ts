import { x25519 } from '@noble/curves/ed25519.js';
import { assertLength, equalBytes } from './bytes.ts';
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
