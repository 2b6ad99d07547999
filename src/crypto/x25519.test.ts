import { hexToBytes } from '@noble/hashes/utils.js';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { nodeRandom } from './node-random.ts';
import { nodeX25519 } from './node-x25519.ts';
import { generateSealingKeyPair, isUsableSealingKey, nobleX25519 } from './x25519.ts';

const bytes32 = fc.uint8Array({ minLength: 32, maxLength: 32 });
/** p − 1, little-endian, is all ones but for its first and last byte; these are the numbers around it. */
const P_MINUS_1 = `ec${'ff'.repeat(30)}7f`;
const SMALL_ORDER = [
  '00'.repeat(32),
  `01${'00'.repeat(31)}`,
  'e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800',
  '5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157',
  P_MINUS_1,
];
const NON_CANONICAL = [`ed${'ff'.repeat(30)}7f`, `ee${'ff'.repeat(30)}7f`, `f0${'ff'.repeat(30)}7f`, 'ff'.repeat(32)];

describe('X25519', () => {
  it('is the same on both providers', () => {
    fc.assert(
      fc.property(bytes32, bytes32, (secretKey, peerKey) => {
        expect(nodeX25519.publicKeyOf(secretKey)).toEqual(nobleX25519.publicKeyOf(secretKey));
        expect(nodeX25519.agree(secretKey, peerKey)).toEqual(nobleX25519.agree(secretKey, peerKey));
      }),
      { numRuns: 100 },
    );
  });

  it('agrees', () => {
    const [a, b] = [generateSealingKeyPair(nodeRandom), generateSealingKeyPair(nodeRandom)];
    const shared = nobleX25519.agree(a.secretKey, b.publicKey);
    expect(shared).not.toBeNull();
    expect(nodeX25519.agree(b.secretKey, a.publicKey)).toEqual(shared);
  });

  it.each(SMALL_ORDER)('refuses the key of small order %s', (key) => {
    for (const top of [0, 0x80]) {
      const peerKey = hexToBytes(key);
      peerKey[31]! |= top;
      const { secretKey } = generateSealingKeyPair(nodeRandom);
      expect(nobleX25519.agree(secretKey, peerKey)).toBeNull();
      expect(nodeX25519.agree(secretKey, peerKey)).toBeNull();
      expect(isUsableSealingKey(peerKey)).toBe(false);
    }
  });

  it('refuses keys of another length, and is strict about own keys', () => {
    const { secretKey } = generateSealingKeyPair(nodeRandom);
    for (const provider of [nobleX25519, nodeX25519]) {
      expect(provider.agree(secretKey, new Uint8Array(31).fill(9))).toBeNull();
      expect(provider.agree(secretKey, new Uint8Array(33).fill(9))).toBeNull();
      expect(() => provider.agree(new Uint8Array(31), secretKey)).toThrow('32 bytes');
      expect(() => provider.publicKeyOf(new Uint8Array(33))).toThrow('32 bytes');
    }
  });

  it('calls every honest key usable, and no other spelling of a key', () => {
    fc.assert(
      fc.property(bytes32, (secretKey) => isUsableSealingKey(nodeX25519.publicKeyOf(secretKey))),
      { numRuns: 300 },
    );
    expect(NON_CANONICAL.filter((key) => isUsableSealingKey(hexToBytes(key)))).toEqual([]);
    const { publicKey } = generateSealingKeyPair(nodeRandom);
    const withTopBit = Uint8Array.from(publicKey, (byte, i) => (i === 31 ? byte | 0x80 : byte));
    expect(isUsableSealingKey(withTopBit)).toBe(false);
    expect(isUsableSealingKey(publicKey.subarray(1))).toBe(false);
  });
});
