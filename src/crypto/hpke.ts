import { concatBytes, utf8ToBytes } from '@noble/hashes/utils.js';
import { AEAD_NONCE_BYTES, nobleChaCha20Poly1305 } from './aead.ts';
import { HASH_BYTES, nobleHkdf } from './hkdf.ts';
import { nobleX25519, sealingKeyPairOf } from './x25519.ts';
import type { Aead } from './aead.ts';
import type { HkdfSha256 } from './hkdf.ts';
import type { SealingKeyPair, X25519Provider } from './x25519.ts';

/**
 * HPKE (RFC 9180), base mode: DHKEM(X25519, HKDF-SHA256), HKDF-SHA256, and the AEAD of the suite. Names follow
 * the RFC. Nothing here knows who sent what: base mode does not authenticate the sender.
 */
export interface HpkeSuite {
  /** RFC 9180 section 7.3: 1 for AES-128-GCM, 3 for ChaCha20-Poly1305. */
  readonly aeadId: number;
  readonly aead: Aead;
  readonly hkdf: HkdfSha256;
  readonly x25519: X25519Provider;
}

export const nobleHpkeChaCha20Poly1305: HpkeSuite = {
  aeadId: 3,
  aead: nobleChaCha20Poly1305,
  hkdf: nobleHkdf,
  x25519: nobleX25519,
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

/** Length of an encapsulated key. */
export const ENC_BYTES = 32;

const KEM_SUITE = concatBytes(utf8ToBytes('KEM'), i2osp(0x0020, 2));
const MODE_BASE = i2osp(0, 1);
const EMPTY = new Uint8Array(0);

/**
 * @param ephemeral a key pair drawn for this call alone
 * @returns null when the receiver's key is of small order
 */
export function setupBaseS(
  receiverKey: Uint8Array,
  info: Uint8Array,
  ephemeral: SealingKeyPair,
  suite: HpkeSuite = nobleHpkeChaCha20Poly1305,
): { readonly enc: Uint8Array; readonly context: HpkeSender } | null {
  const dh = suite.x25519.agree(ephemeral.secretKey, receiverKey);
  if (dh === null) return null;
  const enc = ephemeral.publicKey;
  return { enc, context: keySchedule(suite, extractAndExpand(suite.hkdf, dh, concatBytes(enc, receiverKey)), info) };
}

/** @returns null when `enc` is not a usable key */
export function setupBaseR(
  enc: Uint8Array,
  receiver: SealingKeyPair,
  info: Uint8Array,
  suite: HpkeSuite = nobleHpkeChaCha20Poly1305,
): HpkeReceiver | null {
  const dh = suite.x25519.agree(receiver.secretKey, enc);
  if (dh === null) return null;
  return keySchedule(suite, extractAndExpand(suite.hkdf, dh, concatBytes(enc, receiver.publicKey)), info);
}

/** DeriveKeyPair of section 7.1.3. @param ikm at least 32 bytes of secret */
export function deriveKeyPair(ikm: Uint8Array, { hkdf, x25519 }: HpkeSuite): SealingKeyPair {
  const dkpPrk = labeledExtract(hkdf, KEM_SUITE, EMPTY, 'dkp_prk', ikm);
  return sealingKeyPairOf(labeledExpand(hkdf, KEM_SUITE, dkpPrk, 'sk', EMPTY, 32), x25519);
}

/** Section 4.1. */
function extractAndExpand(hkdf: HkdfSha256, dh: Uint8Array, kemContext: Uint8Array): Uint8Array {
  const eaePrk = labeledExtract(hkdf, KEM_SUITE, EMPTY, 'eae_prk', dh);
  return labeledExpand(hkdf, KEM_SUITE, eaePrk, 'shared_secret', kemContext, HASH_BYTES);
}

/** Section 5.1, for mode_base: no psk, no psk_id. */
function keySchedule({ aeadId, aead, hkdf }: HpkeSuite, sharedSecret: Uint8Array, info: Uint8Array): HpkeContext {
  const suite = concatBytes(utf8ToBytes('HPKE'), i2osp(0x0020, 2), i2osp(0x0001, 2), i2osp(aeadId, 2));
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

/** Section 4. */
function labeledExtract(
  hkdf: HkdfSha256,
  suite: Uint8Array,
  salt: Uint8Array,
  label: string,
  ikm: Uint8Array,
): Uint8Array {
  return hkdf.extract(salt, concatBytes(utf8ToBytes('HPKE-v1'), suite, utf8ToBytes(label), ikm));
}

/** Section 4. */
function labeledExpand(
  hkdf: HkdfSha256,
  suite: Uint8Array,
  prk: Uint8Array,
  label: string,
  info: Uint8Array,
  length: number,
): Uint8Array {
  const labeled = concatBytes(i2osp(length, 2), utf8ToBytes('HPKE-v1'), suite, utf8ToBytes(label), info);
  return hkdf.expand(prk, labeled, length);
}

function i2osp(value: number, length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  for (let i = length - 1, rest = value; i >= 0; i--, rest = Math.floor(rest / 256)) bytes[i] = rest % 256;
  return bytes;
}
