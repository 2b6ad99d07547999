import { chacha20poly1305 } from '@noble/ciphers/chacha.js';
import { expand, extract } from '@noble/hashes/hkdf.js';
import { sha256 } from '@noble/hashes/sha2.js';
import { concatBytes, utf8ToBytes } from '@noble/hashes/utils.js';
import { nobleX25519 } from './x25519.ts';
import type { SealingKeyPair, X25519Provider } from './x25519.ts';

/**
 * HPKE (RFC 9180), base mode, one suite: DHKEM(X25519, HKDF-SHA256), HKDF-SHA256, ChaCha20-Poly1305. Names follow
 * the RFC. Nothing here knows who sent what: base mode does not authenticate the sender.
 */
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
const SUITE = concatBytes(utf8ToBytes('HPKE'), i2osp(0x0020, 2), i2osp(0x0001, 2), i2osp(0x0003, 2));
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
  x25519: X25519Provider = nobleX25519,
): { readonly enc: Uint8Array; readonly context: HpkeSender } | null {
  const dh = x25519.agree(ephemeral.secretKey, receiverKey);
  if (dh === null) return null;
  const enc = ephemeral.publicKey;
  return { enc, context: keySchedule(extractAndExpand(dh, concatBytes(enc, receiverKey)), info) };
}

/** @returns null when `enc` is not a usable key */
export function setupBaseR(
  enc: Uint8Array,
  receiver: SealingKeyPair,
  info: Uint8Array,
  x25519: X25519Provider = nobleX25519,
): HpkeReceiver | null {
  const dh = x25519.agree(receiver.secretKey, enc);
  if (dh === null) return null;
  return keySchedule(extractAndExpand(dh, concatBytes(enc, receiver.publicKey)), info);
}

/** Section 4.1. */
function extractAndExpand(dh: Uint8Array, kemContext: Uint8Array): Uint8Array {
  const eaePrk = labeledExtract(KEM_SUITE, EMPTY, 'eae_prk', dh);
  return labeledExpand(KEM_SUITE, eaePrk, 'shared_secret', kemContext, 32);
}

/** Section 5.1, for mode_base: no psk, no psk_id. */
function keySchedule(sharedSecret: Uint8Array, info: Uint8Array): HpkeContext {
  const pskIdHash = labeledExtract(SUITE, EMPTY, 'psk_id_hash', EMPTY);
  const infoHash = labeledExtract(SUITE, EMPTY, 'info_hash', info);
  const context = concatBytes(MODE_BASE, pskIdHash, infoHash);
  const secret = labeledExtract(SUITE, sharedSecret, 'secret', EMPTY);
  const key = labeledExpand(SUITE, secret, 'key', context, 32);
  const baseNonce = labeledExpand(SUITE, secret, 'base_nonce', context, 12);
  const exporterSecret = labeledExpand(SUITE, secret, 'exp', context, 32);
  let sequence = 0;

  return {
    seal(plaintext, aad) {
      const ciphertext = chacha20poly1305(key, nonceOf(baseNonce, sequence), aad).encrypt(plaintext);
      sequence = next(sequence);
      return ciphertext;
    },
    open(ciphertext, aad) {
      if (ciphertext.length < 16) return null;
      let plaintext: Uint8Array;
      try {
        plaintext = chacha20poly1305(key, nonceOf(baseNonce, sequence), aad).decrypt(ciphertext);
      } catch {
        return null;
      }
      sequence = next(sequence);
      return plaintext;
    },
    export: (exporterContext, length) => labeledExpand(SUITE, exporterSecret, 'sec', exporterContext, length),
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
function labeledExtract(suite: Uint8Array, salt: Uint8Array, label: string, ikm: Uint8Array): Uint8Array {
  return extract(sha256, concatBytes(utf8ToBytes('HPKE-v1'), suite, utf8ToBytes(label), ikm), salt);
}

/** Section 4. */
function labeledExpand(
  suite: Uint8Array,
  prk: Uint8Array,
  label: string,
  info: Uint8Array,
  length: number,
): Uint8Array {
  const labeled = concatBytes(i2osp(length, 2), utf8ToBytes('HPKE-v1'), suite, utf8ToBytes(label), info);
  return expand(sha256, prk, labeled, length);
}

function i2osp(value: number, length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  for (let i = length - 1, rest = value; i >= 0; i--, rest = Math.floor(rest / 256)) bytes[i] = rest % 256;
  return bytes;
}
