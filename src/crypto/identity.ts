import { deviceRecordBytes, sessionChallengeBytes } from '../protocol/device-record.ts';
import { accountIdOf, deviceIdOf } from '../protocol/derive-ids.ts';
import { generateSigningKeyPair, nobleEd25519 } from './ed25519.ts';
import { generateSealingKeyPair } from './x25519.ts';
import type { DeviceRecord, PublicDeviceKeys, SessionProof } from '../protocol/device-record.ts';
import type { AccountId, DeviceId } from '../protocol/ids.ts';
import type { SigningKeyPair } from './ed25519.ts';
import type { RandomBytes } from './random.ts';
import type { SealingKeyPair } from './x25519.ts';

/** What makes a person: whoever holds it can enrol devices. */
export interface UserKey {
  readonly account: AccountId;
  readonly signing: SigningKeyPair;
}

export interface DeviceKeys {
  readonly device: DeviceId;
  readonly signing: SigningKeyPair;
  readonly sealing: SealingKeyPair;
}

/** For a new account. The account's id is derived from this, its first, key. */
export function createUserKey(random: RandomBytes): UserKey {
  const signing = generateSigningKeyPair(random);
  return { account: accountIdOf(signing.publicKey), signing };
}

export function createDeviceKeys(random: RandomBytes): DeviceKeys {
  const signing = generateSigningKeyPair(random);
  return { device: deviceIdOf(signing.publicKey), signing, sealing: generateSealingKeyPair(random) };
}

/** The user key vouches for a device. */
export function signDeviceRecord(user: UserKey, keys: PublicDeviceKeys): DeviceRecord {
  const { device, signingKey, sealingKey } = keys;
  const message = deviceRecordBytes(user.account, { device, signingKey, sealingKey });
  return { device, signingKey, sealingKey, signature: nobleEd25519.sign(user.signing.secretKey, message) };
}

/** The public halves, as device requests and records carry them. */
export function publicDeviceKeys(keys: DeviceKeys): PublicDeviceKeys {
  return { device: keys.device, signingKey: keys.signing.publicKey, sealingKey: keys.sealing.publicKey };
}

/** Proves to a node that this device asks for a session with these secrets. 64 bytes. */
export function signSessionChallenge(keys: DeviceKeys, proof: Omit<SessionProof, 'device'>): Uint8Array {
  return nobleEd25519.sign(keys.signing.secretKey, sessionChallengeBytes({ ...proof, device: keys.device }));
}
