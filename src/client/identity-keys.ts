import { nobleEd25519, signingKeyPairOf } from '../crypto/ed25519.ts';
import { sealingKeyPairOf } from '../crypto/x25519.ts';
import type { DeviceKeys, UserKey } from '../crypto/identity.ts';
import type { Platform } from './platform.ts';
import type { IdentityRow } from './rows.ts';

/** The device's key pairs, from the secrets that are kept. */
export function deviceKeysOf(row: IdentityRow, { ed25519 = nobleEd25519, x25519 }: Platform): DeviceKeys {
  return {
    device: row.device,
    signing: signingKeyPairOf(row.signingSecret, ed25519),
    sealing: sealingKeyPairOf(row.sealingSecret, x25519),
  };
}

/** Null on a device that does not hold the user key. */
export function userKeyOf(row: IdentityRow, { ed25519 = nobleEd25519 }: Platform): UserKey | null {
  if (row.userSecret === null) return null;
  return { account: row.account, signing: signingKeyPairOf(row.userSecret, ed25519) };
}
