import { sha256 } from '@noble/hashes/sha2.js';
import { bytesToHex, hexToBytes, utf8ToBytes } from '@noble/hashes/utils.js';
import { describe, expect, it } from 'vitest';
import { HPKE_VECTORS } from '../testing/vectors/hpke.ts';
import { mlsProviders } from '../testing/mls/providers.ts';
import { dhKemX25519 } from './dhkem-x25519.ts';
import { hpkeOpen, hpkeSeal, HPKE_OVERHEAD_BYTES } from './hpke-single-shot.ts';
import { setupBaseR, setupBaseS } from './hpke.ts';
import { nodeRandom } from './node-random.ts';
import { generateSealingKeyPair } from './x25519.ts';
import { xWing } from './x-wing.ts';

const withProviders = HPKE_VECTORS.flatMap((vector) =>
  mlsProviders.map(({ provider, primitives }) => {
    const { hkdf, x25519, mlKem768, aes128Gcm, chaCha20Poly1305 } = primitives;
    const kem = vector.kemId === 0x647a ? xWing(mlKem768, x25519) : dhKemX25519(hkdf, x25519);
    const { aeadId, source } = vector;
    const aead = aeadId === 1 ? aes128Gcm : chaCha20Poly1305;
    return { source, provider, vector, suite: { kem, aeadId, aead, hkdf } };
  }),
);
/** Short ones as they are, long ones by their hash, as the vectors have them. */
const hexOrHash = (bytes: Uint8Array): string => bytesToHex(bytes.length > 64 ? sha256(bytes) : bytes);

describe.each(withProviders)('HPKE of $source, with $provider', ({ vector, suite }) => {
  const { kem } = suite;
  const receiver = kem.keyPairOf(hexToBytes(vector.skRm));
  const random = (): Uint8Array => hexToBytes(vector.random);
  const info = hexToBytes(vector.info);

  it('gives the keys, ciphertexts and exports of the document, and opens them', () => {
    expect(kem.deriveKeyPair(hexToBytes(vector.ikmR))).toEqual(receiver);
    expect(hexOrHash(receiver.publicKey)).toBe(vector.pkRm);
    const { enc, context: sender } = setupBaseS(receiver.publicKey, info, random, suite)!;
    expect(hexOrHash(enc)).toBe(vector.enc);
    const reader = setupBaseR(enc, receiver, info, suite)!;
    const sealed = new Map<number, string>();
    for (let sequence = 0; sequence <= 256; sequence++) {
      const aad = utf8ToBytes(`Count-${sequence}`);
      const ciphertext = sender.seal(hexToBytes(vector.pt), aad);
      sealed.set(sequence, bytesToHex(ciphertext));
      expect(bytesToHex(reader.open(ciphertext, aad)!)).toBe(vector.pt);
    }
    expect([...vector.ciphertexts.keys()].map((sequence) => [sequence, sealed.get(sequence)])).toEqual([
      ...vector.ciphertexts,
    ]);
    for (const [context, value] of vector.exported) {
      expect(bytesToHex(sender.export(hexToBytes(context), 32))).toBe(value);
      expect(bytesToHex(reader.export(hexToBytes(context), 32))).toBe(value);
    }
  });

  it('keeps the place of a ciphertext that does not verify', () => {
    const { enc, context: sender } = setupBaseS(receiver.publicKey, info, random, suite)!;
    const reader = setupBaseR(enc, receiver, info, suite)!;
    const none = new Uint8Array(0);
    const first = sender.seal(utf8ToBytes('first'), none);
    expect(reader.open(sender.seal(utf8ToBytes('second'), none), none)).toBeNull();
    expect(reader.open(new Uint8Array(15), none)).toBeNull();
    expect(reader.open(first, utf8ToBytes('other'))).toBeNull();
    expect(reader.open(first, none)).toEqual(utf8ToBytes('first'));
  });

  it('refuses keys and encapsulations that force the shared secret, or are none', () => {
    const useless = Uint8Array.from(receiver.publicKey).fill(0, -32);
    expect(kem.isUsableKey(receiver.publicKey)).toBe(true);
    for (const key of [useless, receiver.publicKey.subarray(1)]) {
      expect(kem.isUsableKey(key)).toBe(false);
      expect(setupBaseS(key, info, random, suite)).toBeNull();
    }
    const { enc } = setupBaseS(receiver.publicKey, info, random, suite)!;
    expect(kem.isUsableEncapsulation(enc)).toBe(true);
    expect(enc.length).toBe(kem.encapsulatedBytes);
    for (const encapsulated of [Uint8Array.from(enc).fill(0, -32), enc.subarray(1)]) {
      expect(kem.isUsableEncapsulation(encapsulated)).toBe(false);
      expect(setupBaseR(encapsulated, receiver, info, suite)).toBeNull();
    }
  });
});

describe.each(mlsProviders)('a single shot, with $provider', ({ primitives: { x25519 } }) => {
  const receiver = generateSealingKeyPair(nodeRandom);
  const info = utf8ToBytes('info');

  it('opens a single shot only with the right key, info, associated data and bytes', () => {
    const plaintext = utf8ToBytes('a content key');
    const binding = { info, aad: utf8ToBytes('aad') };
    const sealed = hpkeSeal(receiver.publicKey, plaintext, binding, nodeRandom, x25519)!;
    expect(sealed.length).toBe(plaintext.length + HPKE_OVERHEAD_BYTES);
    expect(hpkeOpen(receiver, sealed, binding, x25519)).toEqual(plaintext);
    expect(hpkeOpen(generateSealingKeyPair(nodeRandom), sealed, binding, x25519)).toBeNull();
    expect(hpkeOpen(receiver, sealed, { ...binding, info: utf8ToBytes('other') }, x25519)).toBeNull();
    expect(hpkeOpen(receiver, sealed, { info }, x25519)).toBeNull();
    expect(hpkeOpen(receiver, sealed.subarray(1), binding, x25519)).toBeNull();
    expect(hpkeOpen(receiver, sealed.subarray(0, HPKE_OVERHEAD_BYTES - 1), binding, x25519)).toBeNull();
    for (let bit = 0; bit < sealed.length * 8; bit += 7) {
      const altered = Uint8Array.from(sealed);
      altered[bit >> 3]! ^= 1 << (bit & 7);
      expect(hpkeOpen(receiver, altered, binding, x25519)).toBeNull();
    }
  });
});
