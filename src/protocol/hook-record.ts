import { labelled } from './labelled.ts';
import type { AccountId, DeviceId, RoomId } from './ids.ts';

/**
 * A webhook into an open room, as the account that made it vouches for it. It writes with a key of its own and is no
 * device: nothing is encrypted for it, and it speaks in one room only.
 */
export interface HookRecord {
  /** Derived from its key as a device's id is: it stands where the sending device of a message does. */
  readonly hook: DeviceId;
  readonly room: RoomId;
  /** What its messages are shown under. */
  readonly name: string;
  /** Ed25519 public key, 32 bytes. */
  readonly signingKey: Uint8Array;
  /** Ed25519 signature of the user key over `hookRecordBytes`, 64 bytes. */
  readonly signature: Uint8Array;
}

/** What the user signing key signs. */
export function hookRecordBytes(account: AccountId, record: Omit<HookRecord, 'signature'>): Uint8Array {
  const { hook, room, name, signingKey } = record;
  return labelled('hook-record', account, hook, room, name, signingKey);
}
