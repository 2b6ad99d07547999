import { hexToBytes } from '@noble/hashes/utils.js';
import { equalBytes, isLessLittleEndian } from './bytes.ts';

/**
 * The signature rule of this project, the same in every provider: the key A is canonically encoded and not of small
 * order, S < L, and the encoding of [S]B − [k]A equals R byte for byte, where k = SHA-512(R ‖ A ‖ M) mod L
 * (cofactorless, RFC 8032 section 5.1.7 with the choices it leaves open made).
 *
 * Libraries differ exactly there: a cofactored check accepts signatures with a small-order part that OpenSSL
 * refuses, and OpenSSL accepts keys that others refuse. Replicas and clients that disagree about one signature
 * disagree about the state, so the choices are made here, before any library sees the bytes.
 */

/** L = 2²⁵² + 27742317777372353535851937790883648493, little-endian. */
const GROUP_ORDER = hexToBytes('edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010');
/** p = 2²⁵⁵ − 19, little-endian. */
const FIELD_PRIME = hexToBytes('edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f');
/** The y coordinates of the eight points whose order divides 8, canonical, little-endian. */
const SMALL_ORDER_Y = [
  '0000000000000000000000000000000000000000000000000000000000000000',
  '0100000000000000000000000000000000000000000000000000000000000000',
  'ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
  '26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05',
  'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a',
].map(hexToBytes);

/**
 * What can be said without arithmetic on the curve. A provider that passes these and then checks the cofactorless
 * equation by bytes follows the rule.
 */
export function isSignatureCandidate(publicKey: Uint8Array, signature: Uint8Array): boolean {
  return (
    signature.length === 64 && isAcceptableKey(publicKey) && isLessLittleEndian(signature.subarray(32), GROUP_ORDER)
  );
}

function isAcceptableKey(publicKey: Uint8Array): boolean {
  if (publicKey.length !== 32) return false;
  const y = Uint8Array.from(publicKey);
  y[31]! &= 0x7f;
  // x = 0 with its sign set is the one other non-canonical form; its y is in the list.
  return isLessLittleEndian(y, FIELD_PRIME) && !SMALL_ORDER_Y.some((small) => equalBytes(y, small));
}
