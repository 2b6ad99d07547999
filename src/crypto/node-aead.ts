import { createCipheriv, createDecipheriv } from 'node:crypto';
import { AEAD_TAG_BYTES, assertAeadInput } from './aead.ts';
import type { CipherChaCha20Poly1305Types, CipherGCMTypes } from 'node:crypto';
import type { Aead } from './aead.ts';

type Algorithm = CipherGCMTypes | CipherChaCha20Poly1305Types;

/** Node's native implementations (OpenSSL). */
export const nodeAes128Gcm: Aead = nodeAead('aes-128-gcm', 16);
export const nodeAes256Gcm: Aead = nodeAead('aes-256-gcm', 32);
export const nodeChaCha20Poly1305: Aead = nodeAead('chacha20-poly1305', 32);

const OPTIONS = { authTagLength: AEAD_TAG_BYTES };

function nodeAead(algorithm: Algorithm, keyBytes: number): Aead {
  return {
    keyBytes,
    seal(key, nonce, aad, plaintext) {
      assertAeadInput(keyBytes, key, nonce);
      const cipher = createCipheriv(algorithm as CipherGCMTypes, key, nonce, OPTIONS);
      cipher.setAAD(aad, { plaintextLength: plaintext.length });
      const sealed = new Uint8Array(plaintext.length + AEAD_TAG_BYTES);
      sealed.set(cipher.update(plaintext));
      cipher.final();
      sealed.set(cipher.getAuthTag(), plaintext.length);
      return sealed;
    },
    open(key, nonce, aad, ciphertext) {
      assertAeadInput(keyBytes, key, nonce);
      const length = ciphertext.length - AEAD_TAG_BYTES;
      if (length < 0) return null;
      const decipher = createDecipheriv(algorithm as CipherGCMTypes, key, nonce, OPTIONS);
      decipher.setAAD(aad, { plaintextLength: length });
      decipher.setAuthTag(ciphertext.subarray(length));
      const plaintext = Uint8Array.from(decipher.update(ciphertext.subarray(0, length)));
      try {
        decipher.final();
        return plaintext;
      } catch {
        return null;
      }
    },
  };
}
