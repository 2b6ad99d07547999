import { gcm } from '@noble/ciphers/aes.js';
import { chacha20poly1305 } from '@noble/ciphers/chacha.js';
import { assertLength } from './bytes.ts';

/** Authenticated encryption (RFC 5116) with 12-byte nonces and 16-byte tags at the end of the ciphertext. */
export interface Aead {
  readonly keyBytes: number;
  /** @throws Error for a key or nonce of the wrong length */
  seal(key: Uint8Array, nonce: Uint8Array, aad: Uint8Array, plaintext: Uint8Array): Uint8Array;
  /** `null` for anything that was not sealed with this key, nonce and associated data. */
  open(key: Uint8Array, nonce: Uint8Array, aad: Uint8Array, ciphertext: Uint8Array): Uint8Array | null;
}

export const AEAD_NONCE_BYTES = 12;
export const AEAD_TAG_BYTES = 16;

type NobleCipher = typeof gcm | typeof chacha20poly1305;

export const nobleAes128Gcm: Aead = nobleAead(gcm, 16);
export const nobleAes256Gcm: Aead = nobleAead(gcm, 32);
export const nobleChaCha20Poly1305: Aead = nobleAead(chacha20poly1305, 32);

function nobleAead(cipher: NobleCipher, keyBytes: number): Aead {
  return {
    keyBytes,
    seal(key, nonce, aad, plaintext) {
      assertAeadInput(keyBytes, key, nonce);
      return cipher(key, nonce, aad).encrypt(plaintext);
    },
    open(key, nonce, aad, ciphertext) {
      assertAeadInput(keyBytes, key, nonce);
      if (ciphertext.length < AEAD_TAG_BYTES) return null;
      try {
        return cipher(key, nonce, aad).decrypt(ciphertext);
      } catch {
        return null;
      }
    },
  };
}

export function assertAeadInput(keyBytes: number, key: Uint8Array, nonce: Uint8Array): void {
  assertLength(key, keyBytes, 'The AEAD key');
  assertLength(nonce, AEAD_NONCE_BYTES, 'The AEAD nonce');
}
