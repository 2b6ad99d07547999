import { labelled } from './labelled.ts';
import type { AccountId, ClusterId, DeviceId } from './ids.ts';

/** A device as its account vouches for it: the user signing key signs both device keys. */
export interface DeviceRecord {
  readonly device: DeviceId;
  /** Ed25519 public key, 32 bytes: signs envelopes and session challenges. */
  readonly signingKey: Uint8Array;
  /** X25519 public key, 32 bytes: content keys are wrapped to it. */
  readonly sealingKey: Uint8Array;
  /** Ed25519 signature of the user key over `deviceRecordBytes`, 64 bytes. */
  readonly signature: Uint8Array;
}

/** The public halves of a device's keys and the id that is derived from them. */
export type PublicDeviceKeys = Omit<DeviceRecord, 'signature'>;

/** What the user signing key signs. The account id pins the first user key, so it binds name changes of nothing. */
export function deviceRecordBytes(account: AccountId, record: PublicDeviceKeys): Uint8Array {
  return labelled('device-record', account, record.device, record.signingKey, record.sealingKey);
}

/** What opens a session: bound to cluster and origin, and to the secrets it will use. */
export interface SessionProof {
  readonly cluster: ClusterId;
  readonly origin: string;
  readonly account: AccountId;
  readonly device: DeviceId;
  readonly challenge: Uint8Array;
  readonly accessHash: Uint8Array;
  readonly refreshHash: Uint8Array;
}

/** What the device signs of it. */
export function sessionChallengeBytes(proof: SessionProof): Uint8Array {
  return labelled(
    'session-challenge',
    proof.cluster,
    proof.origin,
    proof.account,
    proof.device,
    proof.challenge,
    proof.accessHash,
    proof.refreshHash,
  );
}

/**
 * What the approval code of a new device commits to. The code is the first 80 bits of its SHA-256 in Crockford
 * base32, shown as `XXXX-XXXX-XXXX-XXXX`; a node that swaps the keys changes the code.
 */
export function deviceLinkBytes(account: AccountId, keys: PublicDeviceKeys): Uint8Array {
  return labelled('device-link', account, keys.device, keys.signingKey, keys.sealingKey);
}
