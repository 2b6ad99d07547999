import { createCipheriv, createDecipheriv, createHash } from 'node:crypto';
import { hchacha } from '@noble/ciphers/chacha.js';
import type { FileCipherProvider } from './file-cipher.ts';

const ALGORITHM = 'chacha20-poly1305';
const TAG = { authTagLength: 16 } as const;
const HCHACHA_NONCE_BYTES = 16;
/** “expand 32-byte k”, as four little-endian numbers. */
const SIGMA = Uint32Array.of(0x61707865, 0x3320646e, 0x79622d32, 0x6b206574);

/** Node's native implementation (OpenSSL), about ten times faster. */
export const nodeFileCipher: FileCipherProvider = {
  seal(key, nonce, plaintext, associated) {
    const cipher = createCipheriv(ALGORITHM, subKey(key, nonce), shortNonce(nonce), TAG);
    cipher.setAAD(associated, { plaintextLength: plaintext.length });
    return Buffer.concat([cipher.update(plaintext), cipher.final(), cipher.getAuthTag()]);
  },
  open(key, nonce, sealed, associated) {
    const end = sealed.length - TAG.authTagLength;
    if (end < 0) return null;
    const decipher = createDecipheriv(ALGORITHM, subKey(key, nonce), shortNonce(nonce), TAG);
    decipher.setAAD(associated, { plaintextLength: end });
    decipher.setAuthTag(sealed.subarray(end));
    const plaintext = decipher.update(sealed.subarray(0, end));
    try {
      return Buffer.concat([plaintext, decipher.final()]);
    } catch {
      return null;
    }
  },
  sha256: () => createHash('sha256'),
};

/** XChaCha20 is ChaCha20 with a key that HChaCha20 derives from the first part of the nonce (draft-irtf-cfrg-xchacha). */
function subKey(key: Uint8Array, nonce: Uint8Array): Uint8Array {
  const derived = new Uint32Array(8);
  hchacha(SIGMA, numbersOf(key), numbersOf(nonce.subarray(0, HCHACHA_NONCE_BYTES)), derived);
  const bytes = new Uint8Array(32);
  const view = new DataView(bytes.buffer);
  derived.forEach((number, i) => view.setUint32(4 * i, number, true));
  return bytes;
}

function shortNonce(nonce: Uint8Array): Uint8Array {
  const short = new Uint8Array(12);
  short.set(nonce.subarray(HCHACHA_NONCE_BYTES), 4);
  return short;
}

function numbersOf(bytes: Uint8Array): Uint32Array {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return Uint32Array.from({ length: bytes.length / 4 }, (_, i) => view.getUint32(4 * i, true));
}
