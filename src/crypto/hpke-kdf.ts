import { concatBytes, utf8ToBytes } from '@noble/hashes/utils.js';
import type { HkdfSha256 } from './hkdf.ts';

const VERSION = utf8ToBytes('HPKE-v1');

/** LabeledExtract (RFC 9180 section 4). @param suite the `suite_id` of a KEM or of HPKE */
export function labeledExtract(
  hkdf: HkdfSha256,
  suite: Uint8Array,
  salt: Uint8Array,
  label: string,
  ikm: Uint8Array,
): Uint8Array {
  return hkdf.extract(salt, concatBytes(VERSION, suite, utf8ToBytes(label), ikm));
}

/** LabeledExpand (RFC 9180 section 4). @param length in bytes */
export function labeledExpand(
  hkdf: HkdfSha256,
  suite: Uint8Array,
  prk: Uint8Array,
  label: string,
  info: Uint8Array,
  length: number,
): Uint8Array {
  return hkdf.expand(prk, concatBytes(i2osp(length, 2), VERSION, suite, utf8ToBytes(label), info), length);
}

/** `suite_id` of a KEM (RFC 9180 section 4.1). */
export const kemSuiteId = (kemId: number): Uint8Array => concatBytes(utf8ToBytes('KEM'), i2osp(kemId, 2));

/** A number as so many bytes, big-endian (RFC 8017 section 4.1). */
export function i2osp(value: number, length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  for (let i = length - 1, rest = value; i >= 0; i--, rest = Math.floor(rest / 256)) bytes[i] = rest % 256;
  return bytes;
}
