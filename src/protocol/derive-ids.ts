import { sha256 } from '@noble/hashes/sha2.js';
import { base32nopad } from '@scure/base';
import { labelled } from './labelled.ts';
import type { AccountId, ClusterId, DeviceId, RoomId, SessionId, TxnId } from './ids.ts';

/** First 128 bits of SHA-256 over the labelled parts, as 26 characters of lower-case base32. */
function derive(letter: string, purpose: string, ...parts: (string | Uint8Array)[]): string {
  return letter + base32nopad.encode(sha256(labelled(purpose, ...parts)).subarray(0, 16)).toLowerCase();
}

/** @param userKey the account's first Ed25519 user signing key, 32 bytes */
export function accountIdOf(userKey: Uint8Array): AccountId {
  return derive('A', 'account-id', userKey) as AccountId;
}

/** @param signingKey the device's Ed25519 key, 32 bytes */
export function deviceIdOf(signingKey: Uint8Array): DeviceId {
  return derive('D', 'device-id', signingKey) as DeviceId;
}

export function sessionIdOf(device: DeviceId, txnId: TxnId): SessionId {
  return derive('S', 'session-id', device, txnId) as SessionId;
}

/** The same room whoever writes first, so simultaneous first messages land in one room. */
export function directRoomIdOf(a: AccountId, b: AccountId): RoomId {
  const [first, second] = a < b ? [a, b] : [b, a];
  return derive('R', 'direct-room-id', first, second) as RoomId;
}

export function groupRoomIdOf(creator: AccountId, txnId: TxnId): RoomId {
  return derive('R', 'group-room-id', creator, txnId) as RoomId;
}

export function openRoomIdOf(creator: AccountId, txnId: TxnId): RoomId {
  return derive('O', 'open-room-id', creator, txnId) as RoomId;
}

/** @param random 16 fresh random bytes */
export function clusterIdOf(random: Uint8Array): ClusterId {
  return derive('C', 'cluster-id', random) as ClusterId;
}
