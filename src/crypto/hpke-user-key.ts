import { accountIdOf } from '../protocol/derive-ids.ts';
import { labelled } from '../protocol/labelled.ts';
import { signingKeyPairOf } from './ed25519.ts';
import { hpkeOpen, hpkeSeal } from './hpke-single-shot.ts';
import type { AccountId, DeviceId } from '../protocol/ids.ts';
import type { DeviceKeys, UserKey } from './identity.ts';
import type { RandomBytes } from './random.ts';

/**
 * Hands the user signing key to a device that was just approved. 80 bytes; only this device of this account opens it.
 * @returns null when the device's sealing key is of small order
 */
export function sealUserKey(
  user: UserKey,
  to: { readonly device: DeviceId; readonly sealingKey: Uint8Array },
  random: RandomBytes,
): Uint8Array | null {
  return hpkeSeal(to.sealingKey, user.signing.secretKey, { info: transferInfo(user.account, to.device) }, random);
}

/**
 * @param expected the account the device asked to join, and its user key as the device record is checked with
 * @returns null when it was not sealed to this device for this account, or is not the secret of that key
 */
export function openUserKey(
  sealed: Uint8Array,
  keys: DeviceKeys,
  expected: { readonly account: AccountId; readonly userKey: Uint8Array },
): UserKey | null {
  const secretKey = hpkeOpen(keys.sealing, sealed, { info: transferInfo(expected.account, keys.device) });
  if (secretKey === null || secretKey.length !== 32) return null;
  const signing = signingKeyPairOf(secretKey);
  const isExpected = signing.publicKey.every((byte, i) => byte === expected.userKey[i]);
  if (!isExpected || accountIdOf(signing.publicKey) !== expected.account) return null;
  return { account: expected.account, signing };
}

function transferInfo(account: AccountId, device: DeviceId): Uint8Array {
  return labelled('user-key-transfer', account, device);
}
