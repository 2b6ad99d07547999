import { ml_kem768 as mlKem768 } from '@noble/post-quantum/ml-kem.js';
import type { KemKeyPair } from './kem.ts';

/** ML-KEM-768 (FIPS 203) with the randomness handed in. */
export interface MlKem768Provider {
  /** ML-KEM.KeyGen_internal(d, z). @param seed d ‖ z, 64 bytes */
  keyPairOf(seed: Uint8Array): KemKeyPair;
  /** ML-KEM.Encaps_internal. @param message 32 random bytes. @throws Error for a key that fails the modulus check */
  encapsulate(
    publicKey: Uint8Array,
    message: Uint8Array,
  ): { readonly ciphertext: Uint8Array; readonly sharedSecret: Uint8Array };
  /** A secret for any ciphertext of the right length: a wrong one gives one that nobody else has. */
  decapsulate(secretKey: Uint8Array, ciphertext: Uint8Array): Uint8Array;
}

/** In JavaScript; Node has none of its own in the versions that this project runs on. */
export const nobleMlKem768: MlKem768Provider = {
  keyPairOf: (seed) => mlKem768.keygen(seed),
  encapsulate(publicKey, message) {
    const { cipherText, sharedSecret } = mlKem768.encapsulate(publicKey, message);
    return { ciphertext: cipherText, sharedSecret };
  },
  decapsulate: (secretKey, ciphertext) => mlKem768.decapsulate(ciphertext, secretKey),
};
