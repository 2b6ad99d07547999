import { isUsableSealingKey } from './x25519.ts';
import type { KemFacts } from './kem.ts';

/** ML-KEM-768 (FIPS 203): lengths of an encapsulation key and of a ciphertext. */
export const ML_KEM_KEY_BYTES = 1_184;
export const ML_KEM_CIPHERTEXT_BYTES = 1_088;
const X25519_BYTES = 32;
/** Three polynomials of 256 coefficients of twelve bits; 32 bytes of ρ follow. */
const COEFFICIENT_BYTES = 1_152;
/** q. */
const MODULUS = 3_329;

/** X-Wing, in HPKE MLKEM768-X25519; see `x-wing.ts`. */
export const xWingFacts: KemFacts = {
  id: 0x647a,
  encapsulatedBytes: ML_KEM_CIPHERTEXT_BYTES + X25519_BYTES,
  isUsableKey(publicKey) {
    if (publicKey.length !== ML_KEM_KEY_BYTES + X25519_BYTES) return false;
    const [mlKemKey, x25519Key] = splitXWingKey(publicKey);
    return isEncapsulationKey(mlKemKey) && isUsableSealingKey(x25519Key);
  },
  isUsableEncapsulation: (encapsulated) =>
    encapsulated.length === ML_KEM_CIPHERTEXT_BYTES + X25519_BYTES &&
    isUsableSealingKey(encapsulated.subarray(ML_KEM_CIPHERTEXT_BYTES)),
};

/** @param bytes a public key, or anything of its length */
export function splitXWingKey(bytes: Uint8Array): readonly [mlKem: Uint8Array, x25519: Uint8Array] {
  return [bytes.subarray(0, ML_KEM_KEY_BYTES), bytes.subarray(ML_KEM_KEY_BYTES)];
}

/** The modulus check of FIPS 203 section 7.2: every coefficient is below q. */
function isEncapsulationKey(key: Uint8Array): boolean {
  for (let i = 0; i < COEFFICIENT_BYTES; i += 3) {
    const [low, middle, high] = [key[i]!, key[i + 1]!, key[i + 2]!];
    const first = low | ((middle & 0x0f) << 8);
    const second = (middle >> 4) | (high << 4);
    if (first >= MODULUS || second >= MODULUS) return false;
  }
  return true;
}
