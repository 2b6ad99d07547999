import { ed25519 } from '@noble/curves/ed25519.js';
import { sha512 } from '@noble/hashes/sha2.js';
import { concatBytes } from '@noble/hashes/utils.js';
import { assertLength, equalBytes } from './bytes.ts';
import { isSignatureCandidate } from './ed25519-rule.ts';
import type { RandomBytes } from './random.ts';

/** Ed25519 (RFC 8032). `secretKey` is the 32-byte seed; `publicKey` is 32 bytes. */
export interface SigningKeyPair {
  readonly publicKey: Uint8Array;
  readonly secretKey: Uint8Array;
}

export interface SignedBytes {
  /** 32 bytes. */
  readonly publicKey: Uint8Array;
  readonly message: Uint8Array;
  /** 64 bytes. */
  readonly signature: Uint8Array;
}

/** Every provider decides every input alike (tested): replicas and clients may mix them. */
export interface Ed25519Provider {
  publicKeyOf(secretKey: Uint8Array): Uint8Array;
  sign(secretKey: Uint8Array, message: Uint8Array): Uint8Array;
  /** By the signature rule of `ed25519-rule.ts`; false for anything malformed, never throws. */
  verify(signed: SignedBytes): boolean;
}

export const nobleEd25519: Ed25519Provider = {
  publicKeyOf(secretKey) {
    assertLength(secretKey, 32, 'An Ed25519 secret key');
    return ed25519.getPublicKey(secretKey);
  },
  sign(secretKey, message) {
    assertLength(secretKey, 32, 'An Ed25519 secret key');
    return ed25519.sign(message, secretKey);
  },
  verify: verifyByTheRule,
};

export function signingKeyPairOf(secretKey: Uint8Array, provider: Ed25519Provider = nobleEd25519): SigningKeyPair {
  return { publicKey: provider.publicKeyOf(secretKey), secretKey };
}

export function generateSigningKeyPair(random: RandomBytes): SigningKeyPair {
  return signingKeyPairOf(random(32));
}

/** The reference that `apply()` uses: the same result on every machine. */
export function verifyEd25519(signed: SignedBytes): boolean {
  return nobleEd25519.verify(signed);
}

function verifyByTheRule({ publicKey, message, signature }: SignedBytes): boolean {
  if (!isSignatureCandidate(publicKey, signature)) return false;
  const encodedR = signature.subarray(0, 32);
  const { Point } = ed25519;
  let minusA;
  try {
    minusA = Point.fromBytes(publicKey, false).negate();
  } catch {
    return false; // not a point of the curve
  }
  // RFC 8032 section 5.1.7 hashes the bytes as they came. The reduction modulo L is part of the rule: for a key
  // with a component of small order, k and k mod L are different multiples.
  const k = Point.Fn.create(littleEndian(sha512(concatBytes(encodedR, publicKey, message))));
  const s = littleEndian(signature.subarray(32));
  const r = Point.BASE.multiplyUnsafe(s).add(minusA.multiplyUnsafe(k));
  return equalBytes(r.toBytes(), encodedR);
}

function littleEndian(bytes: Uint8Array): bigint {
  let value = 0n;
  for (let i = bytes.length - 1; i >= 0; i--) value = (value << 8n) | BigInt(bytes[i]!);
  return value;
}
