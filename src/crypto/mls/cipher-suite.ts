import { sha256 } from '@noble/hashes/sha2.js';
import { dhKemX25519Facts } from '../dhkem-x25519-key.ts';
import { nobleEd25519 } from '../ed25519.ts';
import { xWingFacts } from '../x-wing-key.ts';
import { MlsError } from './error.ts';
import { encode } from './tls-writer.ts';
import type { Ed25519Provider } from '../ed25519.ts';
import type { KemFacts } from '../kem.ts';

/**
 * MLS_128_DHKEMX25519_AES128GCM_SHA256_Ed25519 and MLS_128_DHKEMX25519_CHACHA20POLY1305_SHA256_Ed25519
 * (RFC 9420 section 17.1).
 */
export const CIPHER_SUITES = [1, 3] as const;

/**
 * MLS_128_MLKEM768X25519_AES128GCM_SHA256_Ed25519 of draft-ietf-mls-pq-ciphersuites-06, an option: what is recorded
 * today stays secret from the quantum computers of tomorrow. The draft has no number for it yet; this one is from the
 * range for private use, and only groups whose members agreed on it use it.
 */
export const HYBRID_SUITE = 0xf001;

export type CipherSuiteId = (typeof CIPHER_SUITES)[number] | typeof HYBRID_SUITE;

/** ProtocolVersion mls10. */
export const MLS_10 = 1;

/** What can be checked without any secret; all that an observer needs. */
export interface PublicSuite {
  readonly id: CipherSuiteId;
  readonly kem: KemFacts;
  hash(data: Uint8Array): Uint8Array;
  readonly verify: Ed25519Provider['verify'];
}

/** @throws MlsError (`wrong_group`) */
export function assertSupportedSuite(id: number): asserts id is CipherSuiteId {
  const isSupported = CIPHER_SUITES.some((known) => known === id) || id === HYBRID_SUITE;
  if (!isSupported) throw new MlsError('wrong_group', `Cipher suite ${id} is not supported.`);
}

/** The public half in JavaScript, the same on every machine. @throws MlsError (`wrong_group`) for another suite */
export function noblePublicSuite(id: number): PublicSuite {
  assertSupportedSuite(id);
  const kem = id === HYBRID_SUITE ? xWingFacts : dhKemX25519Facts;
  return { id, kem, hash: (data) => sha256(data), verify: (signed) => nobleEd25519.verify(signed) };
}

export interface LabelledSignature {
  readonly publicKey: Uint8Array;
  /** Without "MLS 1.0 ". */
  readonly label: string;
  readonly content: Uint8Array;
  readonly signature: Uint8Array;
}

/** VerifyWithLabel (section 5.1.2), by the signature rule of `../ed25519-rule.ts`. */
export function verifyWithLabel(suite: PublicSuite, signed: LabelledSignature): boolean {
  const { publicKey, label, content, signature } = signed;
  return suite.verify({ publicKey, message: signContent(label, content), signature });
}

/** SignContent (section 5.1.2). */
export function signContent(label: string, content: Uint8Array): Uint8Array {
  return encode((writer) => writer.opaque(`MLS 1.0 ${label}`).opaque(content), null);
}

/** RefHash (section 5.2). */
export function refHash(suite: Pick<PublicSuite, 'hash'>, label: string, value: Uint8Array): Uint8Array {
  return suite.hash(encode((writer) => writer.opaque(label).opaque(value), null));
}
