import { concatBytes, utf8ToBytes } from '@noble/hashes/utils.js';
import { AEAD_NONCE_BYTES, nobleChaCha20Poly1305 } from './aead.ts';
import { dhKemX25519 } from './dhkem-x25519.ts';
import { HASH_BYTES, nobleHkdf } from './hkdf.ts';
import { i2osp, labeledExpand, labeledExtract } from './hpke-kdf.ts';
import type { Aead } from './aead.ts';
import type { HkdfSha256 } from './hkdf.ts';
import type { Kem, KemKeyPair } from './kem.ts';
import type { RandomBytes } from './random.ts';

/**
 * HPKE (RFC 9180), base mode: the KEM of the suite, HKDF-SHA256, and the AEAD of the suite. Names follow the RFC.
 * Nothing here knows who sent what: base mode does not authenticate the sender.
 */
export interface HpkeSuite {
  readonly kem: Kem;
  /** RFC 9180 section 7.3: 1 for AES-128-GCM, 3 for ChaCha20-Poly1305. */
  readonly aeadId: number;
  readonly aead: Aead;
  readonly hkdf: HkdfSha256;
}

export const nobleHpkeChaCha20Poly1305: HpkeSuite = {
  kem: dhKemX25519(),
  aeadId: 3,
  aead: nobleChaCha20Poly1305,
  hkdf: nobleHkdf,
};

interface HpkeContext {
  /** Sender only: the next ciphertext, 16 bytes longer than the plaintext. */
  seal(plaintext: Uint8Array, aad: Uint8Array): Uint8Array;
  /** Receiver only: the next plaintext in order, or `null` when it does not verify (and the place is not used up). */
  open(ciphertext: Uint8Array, aad: Uint8Array): Uint8Array | null;
  /** RFC 9180 section 5.3. */
  export(exporterContext: Uint8Array, length: number): Uint8Array;
}
export type HpkeSender = Pick<HpkeContext, 'seal' | 'export'>;
export type HpkeReceiver = Pick<HpkeContext, 'open' | 'export'>;

const MODE_BASE = i2osp(0, 1);
const EMPTY = new Uint8Array(0);

/** @returns null when nothing can be encrypted to the receiver's key */
export function setupBaseS(
  receiverKey: Uint8Array,
  info: Uint8Array,
  random: RandomBytes,
  suite: HpkeSuite = nobleHpkeChaCha20Poly1305,
): { readonly enc: Uint8Array; readonly context: HpkeSender } | null {
  const made = suite.kem.encapsulate(receiverKey, random(suite.kem.randomBytes));
  return made === null ? null : { enc: made.encapsulated, context: keySchedule(suite, made.sharedSecret, info) };
}

/** @returns null when `enc` is no encapsulation */
export function setupBaseR(
  enc: Uint8Array,
  receiver: KemKeyPair,
  info: Uint8Array,
  suite: HpkeSuite = nobleHpkeChaCha20Poly1305,
): HpkeReceiver | null {
  const sharedSecret = suite.kem.decapsulate(receiver, enc);
  return sharedSecret === null ? null : keySchedule(suite, sharedSecret, info);
}

/** Section 5.1, for mode_base: no psk, no psk_id. */
function keySchedule({ kem, aeadId, aead, hkdf }: HpkeSuite, sharedSecret: Uint8Array, info: Uint8Array): HpkeContext {
  const suite = concatBytes(utf8ToBytes('HPKE'), i2osp(kem.id, 2), i2osp(0x0001, 2), i2osp(aeadId, 2));
  const pskIdHash = labeledExtract(hkdf, suite, EMPTY, 'psk_id_hash', EMPTY);
  const infoHash = labeledExtract(hkdf, suite, EMPTY, 'info_hash', info);
  const context = concatBytes(MODE_BASE, pskIdHash, infoHash);
  const secret = labeledExtract(hkdf, suite, sharedSecret, 'secret', EMPTY);
  const key = labeledExpand(hkdf, suite, secret, 'key', context, aead.keyBytes);
  const baseNonce = labeledExpand(hkdf, suite, secret, 'base_nonce', context, AEAD_NONCE_BYTES);
  const exporterSecret = labeledExpand(hkdf, suite, secret, 'exp', context, HASH_BYTES);
  let sequence = 0;

  return {
    seal(plaintext, aad) {
      const ciphertext = aead.seal(key, nonceOf(baseNonce, sequence), aad, plaintext);
      sequence = next(sequence);
      return ciphertext;
    },
    open(ciphertext, aad) {
      const plaintext = aead.open(key, nonceOf(baseNonce, sequence), aad, ciphertext);
      if (plaintext !== null) sequence = next(sequence);
      return plaintext;
    },
    export: (exporterContext, length) => labeledExpand(hkdf, suite, exporterSecret, 'sec', exporterContext, length),
  };
}

/** Section 5.2: base_nonce XOR I2OSP(seq, 12). */
function nonceOf(baseNonce: Uint8Array, sequence: number): Uint8Array {
  const nonce = Uint8Array.from(baseNonce);
  const view = new DataView(nonce.buffer);
  view.setBigUint64(4, view.getBigUint64(4) ^ BigInt(sequence));
  return nonce;
}

function next(sequence: number): number {
  if (sequence >= Number.MAX_SAFE_INTEGER) throw new Error('An HPKE context is used up.');
  return sequence + 1;
}
