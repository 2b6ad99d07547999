import { sha256 } from '@noble/hashes/sha2.js';
import { concatBytes } from '@noble/hashes/utils.js';
import { labelled } from '../protocol/labelled.ts';
import { assertLength, equalBytes } from './bytes.ts';
import { fromCrockford, toCrockford } from './crockford.ts';
import { signingKeyPairOf } from './ed25519.ts';
import { nobleHkdf } from './hkdf.ts';
import type { SigningKeyPair } from './ed25519.ts';

const SECRET_BYTES = 32;
const CHECK_BYTES = 3;

/**
 * 256 random bits as a person writes them down: with 24 bits of SHA-256 behind them, by which a mistyped one is
 * recognised, 56 characters in groups of four.
 * @param secret 32 bytes
 */
export function recoveryCodeOf(secret: Uint8Array): string {
  assertLength(secret, SECRET_BYTES, 'A recovery secret');
  return toCrockford(concatBytes(secret, checkOf(secret)));
}

/** Reads it as people type it. @returns the 32 secret bytes, null for what is no recovery code */
export function parseRecoveryCode(typed: string): Uint8Array | null {
  const bytes = fromCrockford(typed, SECRET_BYTES + CHECK_BYTES);
  if (bytes === null) return null;
  const secret = bytes.subarray(0, SECRET_BYTES);
  return equalBytes(bytes.subarray(SECRET_BYTES), checkOf(secret)) ? secret : null;
}

/** By which somebody proves to nodes that they have the code; nodes know its public half. */
export function recoverySigningKey(secret: Uint8Array): SigningKeyPair {
  return signingKeyPairOf(derive(secret, 'recovery-signing-key'));
}

/** Opens the copy of the vault's key that is there for the code. 32 bytes. */
export function recoveryWrappingKey(secret: Uint8Array): Uint8Array {
  return derive(secret, 'recovery-wrapping-key');
}

function derive(secret: Uint8Array, purpose: string): Uint8Array {
  return nobleHkdf.expand(nobleHkdf.extract(new Uint8Array(0), secret), labelled(purpose), 32);
}

function checkOf(secret: Uint8Array): Uint8Array {
  return sha256(labelled('recovery-code-check', secret)).subarray(0, CHECK_BYTES);
}
