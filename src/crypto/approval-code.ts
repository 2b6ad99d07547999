import { sha256 } from '@noble/hashes/sha2.js';
import { deviceLinkBytes } from '../protocol/device-record.ts';
import { fromCrockford, toCrockford } from './crockford.ts';
import type { PublicDeviceKeys } from '../protocol/device-record.ts';
import type { AccountId } from '../protocol/ids.ts';

const CODE_BYTES = 10;

/**
 * The code that a person carries from a new device to an enrolled one: the first 80 bits of SHA-256 over
 * `deviceLinkBytes`, as `XXXX-XXXX-XXXX-XXXX`. Both devices compute it from the keys they hold, so a node that swaps
 * the keys would have to find other keys with the same code.
 */
export function approvalCodeOf(account: AccountId, keys: PublicDeviceKeys): string {
  return toCrockford(sha256(deviceLinkBytes(account, keys)).subarray(0, CODE_BYTES));
}

/**
 * Reads a code as people type it.
 * @returns the code in its one form, to be compared with `approvalCodeOf`, or null
 */
export function parseApprovalCode(typed: string): string | null {
  const bytes = fromCrockford(typed, CODE_BYTES);
  return bytes === null ? null : toCrockford(bytes);
}
