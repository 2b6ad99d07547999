import { sha256 } from '@noble/hashes/sha2.js';
import { hookRecordBytes } from '../protocol/hook-record.ts';
import { deviceIdOf } from '../protocol/derive-ids.ts';
import { labelled } from '../protocol/labelled.ts';
import { assertLength } from './bytes.ts';
import { nobleEd25519, signingKeyPairOf, verifyEd25519 } from './ed25519.ts';
import type { HookRecord } from '../protocol/hook-record.ts';
import type { AccountId, DeviceId, RoomId } from '../protocol/ids.ts';
import type { Ed25519Provider, SigningKeyPair } from './ed25519.ts';
import type { UserKey } from './identity.ts';

export const HOOK_SECRET_BYTES = 32;

export interface HookKeys {
  readonly hook: DeviceId;
  readonly signing: SigningKeyPair;
}

/**
 * The signing key of a webhook, from the one secret that its owner hands to a program. Nodes keep the public half only:
 * a one-way image of the secret, by which they know it when it comes. They can sign with it while a request that
 * carries it is under way, and not otherwise.
 *
 * @param secret 32 random bytes
 */
export function hookKeysOf(secret: Uint8Array, provider: Ed25519Provider = nobleEd25519): HookKeys {
  assertLength(secret, HOOK_SECRET_BYTES, 'The secret of a hook');
  const signing = signingKeyPairOf(sha256(labelled('hook-key', secret)), provider);
  return { hook: deviceIdOf(signing.publicKey), signing };
}

/** What makes the tag of a message: the same for every attempt at the same transaction, and known to nobody else. */
export function hookSalt(secret: Uint8Array, txnId: string): Uint8Array {
  return sha256(labelled('hook-salt', secret, txnId));
}

/** The user key vouches for a hook. */
export function signHookRecord(
  user: UserKey,
  { keys, room, name }: { readonly keys: HookKeys; readonly room: RoomId; readonly name: string },
): HookRecord {
  const record = { hook: keys.hook, room, name, signingKey: keys.signing.publicKey };
  return { ...record, signature: nobleEd25519.sign(user.signing.secretKey, hookRecordBytes(user.account, record)) };
}

/** Whether this user key vouches for exactly this hook, and its id is that of its key. */
export function verifyHookRecord(account: AccountId, userKey: Uint8Array, record: HookRecord): boolean {
  if (record.signingKey.length !== 32 || deviceIdOf(record.signingKey) !== record.hook) return false;
  const message = hookRecordBytes(account, record);
  return verifyEd25519({ publicKey: userKey, message, signature: record.signature });
}
