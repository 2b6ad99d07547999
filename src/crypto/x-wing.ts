import { sha3_256 as sha3, shake256 } from '@noble/hashes/sha3.js';
import { concatBytes, hexToBytes, utf8ToBytes } from '@noble/hashes/utils.js';
import { assertLength } from './bytes.ts';
import { i2osp, kemSuiteId } from './hpke-kdf.ts';
import { nobleMlKem768 } from './ml-kem.ts';
import { nobleX25519 } from './x25519.ts';
import { ML_KEM_CIPHERTEXT_BYTES, splitXWingKey, xWingFacts } from './x-wing-key.ts';
import type { Kem, KemKeyPair } from './kem.ts';
import type { MlKem768Provider } from './ml-kem.ts';
import type { X25519Provider } from './x25519.ts';

const SECRET_BYTES = 32;
const ENCAPSULATION_RANDOM_BYTES = 64;
/** `\.//^\` */
const LABEL = hexToBytes('5c2e2f2f5e5c');
const SUITE = kemSuiteId(xWingFacts.id);

/**
 * X-Wing (draft-connolly-cfrg-xwing-kem-10), the hybrid of ML-KEM-768 and X25519: who reads what was encapsulated must
 * break both. As a KEM of HPKE it is MLKEM768-X25519 of draft-ietf-hpke-pq-04, whose DeriveKeyPair differs from the one
 * that the first draft gives; MLS's suites go by the second one.
 *
 * Stricter than the drafts: encapsulations and keys whose X25519 part is of small order are refused.
 */
export function xWing(mlKem: MlKem768Provider = nobleMlKem768, x25519: X25519Provider = nobleX25519): Kem {
  return {
    ...xWingFacts,
    secretKeyBytes: SECRET_BYTES,
    randomBytes: ENCAPSULATION_RANDOM_BYTES,
    keyPairOf: (secretKey) => ({ publicKey: expand(secretKey, mlKem, x25519).publicKey, secretKey }),
    deriveKeyPair(ikm) {
      // SHAKE256.LabeledDerive(ikm, "DeriveKeyPair", "", 32) of draft-ietf-hpke-hpke.
      const label = utf8ToBytes('DeriveKeyPair');
      const suffix = [utf8ToBytes('HPKE-v1'), SUITE, i2osp(label.length, 2), label, i2osp(SECRET_BYTES, 2)];
      return this.keyPairOf(shake256(concatBytes(ikm, ...suffix), { dkLen: SECRET_BYTES }));
    },
    encapsulate(publicKey, randomness) {
      assertLength(randomness, ENCAPSULATION_RANDOM_BYTES, 'The randomness of an encapsulation');
      if (!xWingFacts.isUsableKey(publicKey)) return null;
      const [mlKemKey, x25519Key] = splitXWingKey(publicKey);
      const { ciphertext, sharedSecret } = mlKem.encapsulate(mlKemKey, randomness.subarray(0, 32));
      const ephemeral = randomness.slice(32);
      const encapsulatedX = x25519.publicKeyOf(ephemeral);
      const dh = x25519.agree(ephemeral, x25519Key);
      if (dh === null) return null;
      return {
        encapsulated: concatBytes(ciphertext, encapsulatedX),
        sharedSecret: sha3(concatBytes(sharedSecret, dh, encapsulatedX, x25519Key, LABEL)),
      };
    },
    decapsulate(receiver, encapsulated) {
      if (encapsulated.length !== xWingFacts.encapsulatedBytes) return null;
      const own = expand(receiver.secretKey, mlKem, x25519);
      const encapsulatedX = encapsulated.slice(ML_KEM_CIPHERTEXT_BYTES);
      const dh = x25519.agree(own.x25519Secret, encapsulatedX);
      if (dh === null) return null;
      const secret = mlKem.decapsulate(own.mlKem.secretKey, encapsulated.subarray(0, ML_KEM_CIPHERTEXT_BYTES));
      const [, x25519Key] = splitXWingKey(own.publicKey);
      return sha3(concatBytes(secret, dh, encapsulatedX, x25519Key, LABEL));
    },
  };
}

/** expandDecapsulationKey. */
function expand(
  secretKey: Uint8Array,
  mlKem: MlKem768Provider,
  x25519: X25519Provider,
): { readonly publicKey: Uint8Array; readonly mlKem: KemKeyPair; readonly x25519Secret: Uint8Array } {
  assertLength(secretKey, SECRET_BYTES, 'An X-Wing secret key');
  const expanded = shake256(secretKey, { dkLen: 96 });
  const pair = mlKem.keyPairOf(expanded.subarray(0, 64));
  const x25519Secret = expanded.slice(64);
  const publicKey = concatBytes(pair.publicKey, x25519.publicKeyOf(x25519Secret));
  return { publicKey, mlKem: pair, x25519Secret };
}
