import { bytesToHex, hexToBytes, utf8ToBytes } from '@noble/hashes/utils.js';
import { describe, expect, it } from 'vitest';
import { hpkeOpen, hpkeSeal, HPKE_OVERHEAD_BYTES } from './hpke-single-shot.ts';
import { nobleHpkeChaCha20Poly1305, setupBaseR, setupBaseS } from './hpke.ts';
import { nodeChaCha20Poly1305 } from './node-aead.ts';
import { nodeHkdf } from './node-hkdf.ts';
import { nodeRandom } from './node-random.ts';
import { nodeX25519 } from './node-x25519.ts';
import { generateSealingKeyPair, sealingKeyPairOf } from './x25519.ts';

/** RFC 9180 appendix A.2.1: DHKEM(X25519, HKDF-SHA256), HKDF-SHA256, ChaCha20Poly1305, base mode. */
const RFC = {
  info: '4f6465206f6e2061204772656369616e2055726e',
  skEm: 'f4ec9b33b792c372c1d2c2063507b684ef925b8c75a42dbcbf57d63ccd381600',
  pkEm: '1afa08d3dec047a643885163f1180476fa7ddb54c6a8029ea33f95796bf2ac4a',
  skRm: '8057991eef8f1f1af18f4a9491d16a1ce333f695d4db8e38da75975c4478e0fb',
  pkRm: '4310ee97d88cc1f088a5576c77ab0cf5c3ac797f3d95139c6c84b5429c59662a',
  pt: '4265617574792069732074727574682c20747275746820626561757479',
  /** By sequence number; the associated data is "Count-" and the number. */
  ciphertexts: new Map([
    [0, '1c5250d8034ec2b784ba2cfd69dbdb8af406cfe3ff938e131f0def8c8b60b4db21993c62ce81883d2dd1b51a28'],
    [1, '6b53c051e4199c518de79594e1c4ab18b96f081549d45ce015be002090bb119e85285337cc95ba5f59992dc98c'],
    [2, '71146bd6795ccc9c49ce25dda112a48f202ad220559502cef1f34271e0cb4b02b4f10ecac6f48c32f878fae86b'],
    [4, '63357a2aa291f5a4e5f27db6baa2af8cf77427c7c1a909e0b37214dd47db122bb153495ff0b02e9e54a50dbe16'],
    [255, '18ab939d63ddec9f6ac2b60d61d36a7375d2070c9b683861110757062c52b8880a5f6b3936da9cd6c23ef2a95c'],
    [256, '7a4a13e9ef23978e2c520fd4d2e757514ae160cd0cd05e556ef692370ca53076214c0c40d4c728d6ed9e727a5b'],
  ]),
  exported: [
    ['', '4bbd6243b8bb54cec311fac9df81841b6fd61f56538a775e7c80a9f40160606e'],
    ['00', '8c1df14732580e5501b00f82b10a1647b40713191b7c1240ac80e2b68808ba69'],
    ['54657374436f6e74657874', '5acb09211139c43b3090489a9da433e8a30ee7188ba8b0a9a1ccf0c229283e53'],
  ],
} as const;

describe.each([
  ['noble', nobleHpkeChaCha20Poly1305],
  ['node', { aeadId: 3, aead: nodeChaCha20Poly1305, hkdf: nodeHkdf, x25519: nodeX25519 }],
])('HPKE with the primitives of %s', (_name, suite) => {
  const { x25519 } = suite;
  const receiver = sealingKeyPairOf(hexToBytes(RFC.skRm), x25519);
  const ephemeral = sealingKeyPairOf(hexToBytes(RFC.skEm), x25519);
  const info = hexToBytes(RFC.info);

  it('gives the ciphertexts and exports of the RFC, and opens them', () => {
    expect(bytesToHex(receiver.publicKey)).toBe(RFC.pkRm);
    const { enc, context: sender } = setupBaseS(receiver.publicKey, info, ephemeral, suite)!;
    expect(bytesToHex(enc)).toBe(RFC.pkEm);
    const reader = setupBaseR(enc, receiver, info, suite)!;
    const sealed = new Map<number, string>();
    for (let sequence = 0; sequence <= 256; sequence++) {
      const aad = utf8ToBytes(`Count-${sequence}`);
      const ciphertext = sender.seal(hexToBytes(RFC.pt), aad);
      sealed.set(sequence, bytesToHex(ciphertext));
      expect(bytesToHex(reader.open(ciphertext, aad)!)).toBe(RFC.pt);
    }
    expect([...RFC.ciphertexts.keys()].map((sequence) => [sequence, sealed.get(sequence)])).toEqual([
      ...RFC.ciphertexts,
    ]);
    for (const [context, value] of RFC.exported) {
      expect(bytesToHex(sender.export(hexToBytes(context), 32))).toBe(value);
      expect(bytesToHex(reader.export(hexToBytes(context), 32))).toBe(value);
    }
  });

  it('keeps the place of a ciphertext that does not verify', () => {
    const { enc, context: sender } = setupBaseS(receiver.publicKey, info, ephemeral, suite)!;
    const reader = setupBaseR(enc, receiver, info, suite)!;
    const none = new Uint8Array(0);
    const first = sender.seal(utf8ToBytes('first'), none);
    expect(reader.open(sender.seal(utf8ToBytes('second'), none), none)).toBeNull();
    expect(reader.open(new Uint8Array(15), none)).toBeNull();
    expect(reader.open(first, utf8ToBytes('other'))).toBeNull();
    expect(reader.open(first, none)).toEqual(utf8ToBytes('first'));
  });

  it('refuses keys that force the shared secret', () => {
    const zero = new Uint8Array(32);
    expect(setupBaseS(zero, info, ephemeral, suite)).toBeNull();
    expect(setupBaseR(zero, receiver, info, suite)).toBeNull();
    expect(setupBaseR(new Uint8Array(31), receiver, info, suite)).toBeNull();
  });

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
