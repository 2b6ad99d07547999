import { concatBytes } from '@noble/hashes/utils.js';
import { dhKemX25519Facts } from './dhkem-x25519-key.ts';
import { dhKemX25519 } from './dhkem-x25519.ts';
import { nobleHkdf } from './hkdf.ts';
import { nobleHpkeChaCha20Poly1305, setupBaseR, setupBaseS } from './hpke.ts';
import { nobleX25519 } from './x25519.ts';
import type { HpkeSuite } from './hpke.ts';
import type { RandomBytes } from './random.ts';
import type { SealingKeyPair, X25519Provider } from './x25519.ts';

const ENC_BYTES = dhKemX25519Facts.encapsulatedBytes;

/** Bytes that `hpkeSeal` adds: the encapsulated key and the tag. */
export const HPKE_OVERHEAD_BYTES = ENC_BYTES + 16;

export interface HpkeBinding {
  /** What both sides must agree on. */
  readonly info: Uint8Array;
  readonly aad?: Uint8Array;
}

/**
 * Single-shot encryption (RFC 9180 section 6.1) to one receiver.
 * @returns enc (32 bytes) ‖ ciphertext, or null when the receiver's key is of small order
 */
export function hpkeSeal(
  receiverKey: Uint8Array,
  plaintext: Uint8Array,
  binding: HpkeBinding,
  random: RandomBytes,
  x25519: X25519Provider = nobleX25519,
): Uint8Array | null {
  const sender = setupBaseS(receiverKey, binding.info, random, suiteWith(x25519));
  if (sender === null) return null;
  return concatBytes(sender.enc, sender.context.seal(plaintext, binding.aad ?? new Uint8Array(0)));
}

/** @returns the plaintext, or null for anything that was not sealed to this key with this binding */
export function hpkeOpen(
  receiver: SealingKeyPair,
  sealed: Uint8Array,
  binding: HpkeBinding,
  x25519: X25519Provider = nobleX25519,
): Uint8Array | null {
  if (sealed.length < HPKE_OVERHEAD_BYTES) return null;
  const enc = sealed.subarray(0, ENC_BYTES);
  const context = setupBaseR(enc, receiver, binding.info, suiteWith(x25519));
  return context === null ? null : context.open(sealed.subarray(ENC_BYTES), binding.aad ?? new Uint8Array(0));
}

function suiteWith(x25519: X25519Provider): HpkeSuite {
  return { ...nobleHpkeChaCha20Poly1305, kem: dhKemX25519(nobleHkdf, x25519) };
}
