import { concatBytes } from '@noble/hashes/utils.js';
import { dhKemX25519Facts } from './dhkem-x25519-key.ts';
import { HASH_BYTES, nobleHkdf } from './hkdf.ts';
import { kemSuiteId, labeledExpand, labeledExtract } from './hpke-kdf.ts';
import { nobleX25519, sealingKeyPairOf } from './x25519.ts';
import type { HkdfSha256 } from './hkdf.ts';
import type { Kem } from './kem.ts';
import type { X25519Provider } from './x25519.ts';

const KEY_BYTES = 32;

const SUITE = kemSuiteId(dhKemX25519Facts.id);
const EMPTY = new Uint8Array(0);

/** DHKEM(X25519, HKDF-SHA256) of RFC 9180 section 4.1. An encapsulation is the public key of a key pair of its own. */
export function dhKemX25519(hkdf: HkdfSha256 = nobleHkdf, x25519: X25519Provider = nobleX25519): Kem {
  /** ExtractAndExpand. */
  const sharedSecretOf = (dh: Uint8Array, encapsulated: Uint8Array, receiverKey: Uint8Array): Uint8Array => {
    const context = concatBytes(encapsulated, receiverKey);
    const eaePrk = labeledExtract(hkdf, SUITE, EMPTY, 'eae_prk', dh);
    return labeledExpand(hkdf, SUITE, eaePrk, 'shared_secret', context, HASH_BYTES);
  };
  return {
    ...dhKemX25519Facts,
    secretKeyBytes: KEY_BYTES,
    randomBytes: KEY_BYTES,
    keyPairOf: (secretKey) => sealingKeyPairOf(secretKey, x25519),
    deriveKeyPair(ikm) {
      const dkpPrk = labeledExtract(hkdf, SUITE, EMPTY, 'dkp_prk', ikm);
      return sealingKeyPairOf(labeledExpand(hkdf, SUITE, dkpPrk, 'sk', EMPTY, KEY_BYTES), x25519);
    },
    encapsulate(publicKey, randomness) {
      const ephemeral = sealingKeyPairOf(randomness, x25519);
      const dh = x25519.agree(ephemeral.secretKey, publicKey);
      if (dh === null) return null;
      const encapsulated = ephemeral.publicKey;
      return { encapsulated, sharedSecret: sharedSecretOf(dh, encapsulated, publicKey) };
    },
    decapsulate({ publicKey, secretKey }, encapsulated) {
      const dh = x25519.agree(secretKey, encapsulated);
      return dh === null ? null : sharedSecretOf(dh, encapsulated, publicKey);
    },
  };
}
