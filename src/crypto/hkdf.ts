import { expand, extract } from '@noble/hashes/hkdf.js';
import { hmac } from '@noble/hashes/hmac.js';
import { sha256 } from '@noble/hashes/sha2.js';

/** SHA-256, HMAC-SHA256 and HKDF-SHA256 (RFC 5869). Every provider gives the same results (tested). */
export interface HkdfSha256 {
  hash(data: Uint8Array): Uint8Array;
  mac(key: Uint8Array, data: Uint8Array): Uint8Array;
  extract(salt: Uint8Array, inputKeyingMaterial: Uint8Array): Uint8Array;
  /** @param length at most 8,160 bytes */
  expand(pseudorandomKey: Uint8Array, info: Uint8Array, length: number): Uint8Array;
}

/** Length of a hash, a MAC and an extracted key; KDF.Nh in RFC 9180 and RFC 9420. */
export const HASH_BYTES = 32;

export const nobleHkdf: HkdfSha256 = {
  hash: (data) => sha256(data),
  mac: (key, data) => hmac(sha256, key, data),
  extract: (salt, inputKeyingMaterial) => extract(sha256, inputKeyingMaterial, salt),
  expand: (pseudorandomKey, info, length) => expand(sha256, pseudorandomKey, info, length),
};
