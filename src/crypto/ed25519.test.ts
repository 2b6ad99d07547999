import { ed25519, ED25519_TORSION_SUBGROUP } from '@noble/curves/ed25519.js';
import { sha512 } from '@noble/hashes/sha2.js';
import { bytesToHex, concatBytes, hexToBytes, utf8ToBytes } from '@noble/hashes/utils.js';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isSignatureCandidate } from './ed25519-rule.ts';
import { generateSigningKeyPair, nobleEd25519, signingKeyPairOf } from './ed25519.ts';
import { nodeEd25519 } from './node-ed25519.ts';
import { nodeRandom } from './node-random.ts';
import type { SignedBytes } from './ed25519.ts';

const { Point } = ed25519;
const L = Point.Fn.ORDER;
const P = Point.Fp.ORDER;
const TORSION = ED25519_TORSION_SUBGROUP.map((encoded) => Point.fromHex(encoded));
const ZERO_SIGNATURE = new Uint8Array(64);

/** Both providers, which must agree. */
function verify(signed: SignedBytes): boolean {
  const verdict = nobleEd25519.verify(signed);
  expect(nodeEd25519.verify(signed)).toBe(verdict);
  return verdict;
}

function littleEndian(value: bigint): Uint8Array {
  return Uint8Array.from({ length: 32 }, (_, i) => Number((value >> BigInt(8 * i)) & 255n));
}

function numberOf(bytes: Uint8Array): bigint {
  return bytes.reduceRight((value, byte) => (value << 8n) | BigInt(byte), 0n);
}

function challengeOf(encodedR: Uint8Array, publicKey: Uint8Array, message: Uint8Array): bigint {
  return numberOf(sha512(concatBytes(encodedR, publicKey, message))) % L;
}

/** A signer who may put points of small order into its key and into R. */
function forge(options: {
  readonly message: Uint8Array;
  readonly keyTorsion: number;
  readonly rTorsion: number;
}): SignedBytes & { readonly k: bigint; readonly cofactoredAccepts: boolean } {
  const { message, keyTorsion, rTorsion } = options;
  const [a, nonce] = [123_456_789n, 987_654_321n];
  const publicKey = Point.BASE.multiply(a).add(TORSION[keyTorsion]!).toBytes();
  const encodedR = Point.BASE.multiply(nonce).add(TORSION[rTorsion]!).toBytes();
  const k = challengeOf(encodedR, publicKey, message);
  const signature = concatBytes(encodedR, littleEndian((nonce + k * a) % L));
  const cofactoredAccepts = ed25519.verify(signature, message, publicKey, { zip215: true });
  return { publicKey, message, signature, k, cofactoredAccepts };
}

const messages = Array.from({ length: 48 }, (_, i) => utf8ToBytes(`message ${i}`));

describe('Ed25519', () => {
  it('signs as RFC 8032 section 7.1, test 2 does', () => {
    const keys = signingKeyPairOf(hexToBytes('4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb'));
    expect(bytesToHex(keys.publicKey)).toBe('3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c');
    const signature = nobleEd25519.sign(keys.secretKey, Uint8Array.of(0x72));
    expect(bytesToHex(signature)).toBe(
      '92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da' +
        '085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00',
    );
    expect(verify({ publicKey: keys.publicKey, message: Uint8Array.of(0x72), signature })).toBe(true);
  });

  it('signs alike on both providers, and verifies nothing else', () => {
    const any32 = fc.uint8Array({ minLength: 32, maxLength: 32 });
    fc.assert(
      fc.property(any32, fc.uint8Array({ maxLength: 200 }), fc.nat(), (secretKey, message, at) => {
        const { publicKey } = signingKeyPairOf(secretKey);
        expect(nodeEd25519.publicKeyOf(secretKey)).toEqual(publicKey);
        const signature = nobleEd25519.sign(secretKey, message);
        expect(nodeEd25519.sign(secretKey, message)).toEqual(signature);
        expect(verify({ publicKey, message, signature })).toBe(true);
        const altered = { publicKey, message: concatBytes(message, Uint8Array.of(0)), signature };
        expect(verify(altered)).toBe(false);
        for (const field of ['publicKey', 'signature'] as const) {
          const flipped = Uint8Array.from(field === 'publicKey' ? publicKey : signature);
          flipped[(at >> 3) % flipped.length]! ^= 1 << (at & 7);
          expect(verify({ publicKey, message, signature, [field]: flipped })).toBe(false);
        }
      }),
      { numRuns: 60 },
    );
  });

  it('agrees between providers about arbitrary bytes', () => {
    const any = (length: number) => fc.uint8Array({ minLength: length, maxLength: length });
    fc.assert(
      fc.property(any(32), any(20), any(64), (publicKey, message, signature) => {
        signature[63]! &= 0x0f; // else S is out of range nearly always
        expect(verify({ publicKey, message, signature })).toBe(false);
      }),
      { numRuns: 200 },
    );
  });

  it('refuses wrong lengths without throwing', () => {
    const { publicKey, secretKey } = generateSigningKeyPair(nodeRandom);
    const message = utf8ToBytes('m');
    const signature = nobleEd25519.sign(secretKey, message);
    expect(verify({ publicKey: publicKey.subarray(1), message, signature })).toBe(false);
    expect(verify({ publicKey, message, signature: signature.subarray(1) })).toBe(false);
    expect(verify({ publicKey, message, signature: concatBytes(signature, Uint8Array.of(0)) })).toBe(false);
    expect(verify({ publicKey: new Uint8Array(0), message, signature: new Uint8Array(0) })).toBe(false);
  });

  it('counts only the cofactorless equation for keys with a part of small order', () => {
    let [accepted, refused] = [0, 0];
    for (const keyTorsion of [1, 2, 4, 7]) {
      for (const message of messages) {
        const signed = forge({ message, keyTorsion, rTorsion: 0 });
        expect(signed.cofactoredAccepts).toBe(true);
        // [S]B − [k]A = R − [k]T, which is R exactly when k is a multiple of T's order.
        const vanishes = TORSION[keyTorsion]!.multiplyUnsafe(signed.k).is0();
        expect(verify(signed)).toBe(vanishes);
        if (vanishes) accepted++;
        else refused++;
      }
    }
    expect(accepted).toBeGreaterThan(0);
    expect(refused).toBeGreaterThan(0);
  });

  it('refuses a part of small order in R alone', () => {
    for (let rTorsion = 0; rTorsion < 8; rTorsion++) {
      const signed = forge({ message: messages[rTorsion]!, keyTorsion: 0, rTorsion });
      expect(signed.cofactoredAccepts).toBe(true);
      expect(verify(signed)).toBe(TORSION[rTorsion]!.is0());
    }
  });

  it('decides every mix of small-order parts by the bytes of R', () => {
    let accepted = 0;
    for (let keyTorsion = 0; keyTorsion < 8; keyTorsion++) {
      for (let rTorsion = 0; rTorsion < 8; rTorsion++) {
        const signed = forge({ message: messages[keyTorsion + rTorsion]!, keyTorsion, rTorsion });
        const expected = TORSION[keyTorsion]!.multiplyUnsafe(signed.k).negate().equals(TORSION[rTorsion]!);
        expect({ keyTorsion, rTorsion, verdict: verify(signed) }).toEqual({ keyTorsion, rTorsion, verdict: expected });
        if (expected && keyTorsion !== 0 && rTorsion !== 0) accepted++;
      }
    }
    // Cases where the two parts cancel.
    expect(accepted).toBeGreaterThan(0);
  });

  it('refuses keys of small order, however they are spelt', () => {
    const nonce = 5n;
    const spellings = new Set(TORSION.map((point) => point.toHex()));
    for (const point of TORSION) {
      for (const y of [point.y, point.y + P]) {
        if (y >= 1n << 255n) continue;
        for (const sign of [0n, 1n]) spellings.add(bytesToHex(littleEndian(y | (sign << 255n))));
      }
    }
    expect(spellings.size).toBe(14);
    const encodedR = Point.BASE.multiply(nonce).toBytes();
    for (const spelling of spellings) {
      const publicKey = hexToBytes(spelling);
      // Of a key of order 1, this is a signature of everything.
      const signature = concatBytes(encodedR, littleEndian(nonce));
      for (const message of messages.slice(0, 16)) expect(verify({ publicKey, message, signature })).toBe(false);
      expect(isSignatureCandidate(publicKey, signature)).toBe(false);
    }
  });

  it('refuses every non-canonical key before any library sees it', () => {
    for (let y = P; y < 1n << 255n; y++) {
      for (const sign of [0n, 1n]) {
        expect(isSignatureCandidate(littleEndian(y | (sign << 255n)), ZERO_SIGNATURE)).toBe(false);
      }
    }
    expect(isSignatureCandidate(littleEndian(P - 2n), ZERO_SIGNATURE)).toBe(true);
  });

  it('accepts R of small order in its one encoding only', () => {
    const { pointBytes: publicKey, scalar } = ed25519.utils.getExtendedPublicKey(nodeRandom(32));
    const message = utf8ToBytes('R is the neutral point');
    const signWith = (encodedR: Uint8Array): SignedBytes => {
      const k = challengeOf(encodedR, publicKey, message);
      return { publicKey, message, signature: concatBytes(encodedR, littleEndian((k * scalar) % L)) };
    };
    expect(verify(signWith(littleEndian(1n)))).toBe(true);
    expect(verify(signWith(littleEndian(1n + P)))).toBe(false);
    expect(verify(signWith(littleEndian(1n | (1n << 255n))))).toBe(false);
  });

  it('refuses S of L and above', () => {
    const { publicKey, secretKey } = generateSigningKeyPair(nodeRandom);
    const message = utf8ToBytes('malleable');
    const signature = nobleEd25519.sign(secretKey, message);
    const s = numberOf(signature.subarray(32));
    const withS = (value: bigint): SignedBytes => ({
      publicKey,
      message,
      signature: concatBytes(signature.subarray(0, 32), littleEndian(value)),
    });
    expect(verify(withS(s))).toBe(true);
    for (let multiple = s + L; multiple < 1n << 256n; multiple += L) expect(verify(withS(multiple))).toBe(false);
    expect(isSignatureCandidate(publicKey, withS(L).signature)).toBe(false);
    expect(isSignatureCandidate(publicKey, withS(L - 1n).signature)).toBe(true);
  });
});
