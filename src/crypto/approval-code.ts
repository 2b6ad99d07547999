import { sha256 } from '@noble/hashes/sha2.js';
import { deviceLinkBytes } from '../protocol/device-record.ts';
import type { PublicDeviceKeys } from '../protocol/device-record.ts';
import type { AccountId } from '../protocol/ids.ts';

/** Crockford's base32: no I, L, O, U. */
const ALPHABET = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';
const CODE_BYTES = 10;
const CODE_CHARACTERS = 16;
const CODE = /^[0-9A-HJKMNP-TV-Z]{16}$/;

/**
 * The code that a person carries from a new device to an enrolled one: the first 80 bits of SHA-256 over
 * `deviceLinkBytes`, as `XXXX-XXXX-XXXX-XXXX`. Both devices compute it from the keys they hold, so a node that swaps
 * the keys would have to find other keys with the same code.
 */
export function approvalCodeOf(account: AccountId, keys: PublicDeviceKeys): string {
  const digest = sha256(deviceLinkBytes(account, keys)).subarray(0, CODE_BYTES);
  let bits = digest.reduce((value, byte) => (value << 8n) | BigInt(byte), 0n);
  let text = '';
  for (let i = 0; i < CODE_CHARACTERS; i++, bits >>= 5n) text = ALPHABET[Number(bits & 31n)]! + text;
  return inGroups(text);
}

/**
 * Reads a code as people type it: any case, with or without dashes or spaces, I and L for 1, O for 0.
 * @returns the code in its one form, to be compared with `approvalCodeOf`, or null
 */
export function parseApprovalCode(typed: string): string | null {
  const plain = typed.toUpperCase().replaceAll(/[\s-]/g, '').replaceAll(/[IL]/g, '1').replaceAll('O', '0');
  return CODE.test(plain) ? inGroups(plain) : null;
}

function inGroups(code: string): string {
  return code.match(/.{4}/g)!.join('-');
}
