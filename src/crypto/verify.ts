import { deviceRecordBytes, sessionChallengeBytes } from '../protocol/device-record.ts';
import { accountIdOf, deviceIdOf } from '../protocol/derive-ids.ts';
import { recoveryProofBytes } from '../protocol/login-statements.ts';
import { verifyEd25519 } from './ed25519.ts';
import { isUsableSealingKey } from './x25519.ts';
import type { DeviceRecord, SessionProof } from '../protocol/device-record.ts';
import type { AccountId } from '../protocol/ids.ts';

/**
 * What nodes and clients check about public data. Deterministic, by the one signature rule, on the one provider:
 * `apply()` may call these.
 */

/** Whether this user key is the one that the account's id was derived from. */
export function isFirstUserKey(account: AccountId, userKey: Uint8Array): boolean {
  return userKey.length === 32 && accountIdOf(userKey) === account;
}

/**
 * Whether `account`'s user key vouches for exactly these device keys, the device id is theirs, and the sealing key can
 * be sealed to.
 */
export function verifyDeviceRecord(account: AccountId, userKey: Uint8Array, record: DeviceRecord): boolean {
  const { device, signingKey, sealingKey, signature } = record;
  if (signingKey.length !== 32 || !isUsableSealingKey(sealingKey)) return false;
  if (deviceIdOf(signingKey) !== device) return false;
  const message = deviceRecordBytes(account, { device, signingKey, sealingKey });
  return verifyEd25519({ publicKey: userKey, message, signature });
}

/** Whether somebody has the recovery code that belongs to this key, and asks for exactly this. */
export function verifyRecoveryProof(
  recoveryKey: Uint8Array,
  binding: Parameters<typeof recoveryProofBytes>[0],
  signature: Uint8Array,
): boolean {
  return verifyEd25519({ publicKey: recoveryKey, message: recoveryProofBytes(binding), signature });
}

/** Whether the user key signed this statement about how its account logs in; see `login-statements.ts`. */
export function verifyUserSignature(userKey: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean {
  return verifyEd25519({ publicKey: userKey, message, signature });
}

/**
 * Whether the device holds its key and asked for exactly this session. That the challenge is fresh, unspent and this
 * cluster's own, and the origin one of this cluster's, is for the caller to check.
 */
export function verifySessionChallenge(signingKey: Uint8Array, proof: SessionProof, signature: Uint8Array): boolean {
  return verifyEd25519({ publicKey: signingKey, message: sessionChallengeBytes(proof), signature });
}
