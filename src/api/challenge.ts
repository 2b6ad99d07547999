import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import { labelled } from '../protocol/labelled.ts';
import { LIMITS } from '../protocol/limits.ts';
import { ParleyError } from '../protocol/errors.ts';
import type { AccountId, AccountName, ClusterId, DeviceId, StampMs } from '../protocol/ids.ts';

const RANDOM_BYTES = 16;
const EXPIRY_BYTES = 8;
const MAC_BYTES = 32;

/** Who may answer a challenge, and in which cluster. */
export interface ChallengeBinding {
  readonly cluster: ClusterId;
  readonly account: AccountId | AccountName;
  readonly device: DeviceId | 'recovery';
}

/** What a checked challenge says; the id is spent by the command that opens the session. */
export interface CheckedChallenge {
  readonly challengeId: Uint8Array;
  readonly expiresAt: StampMs;
}

/**
 * A login challenge that no node has to remember: random ‖ expiry ‖ HMAC-SHA256 over both and over who it is for,
 * under a key that all nodes share. Any node can check it; that it is used once is decided in the log.
 */
export function createChallenge(
  key: Uint8Array,
  binding: ChallengeBinding,
  nowMs: number,
): { readonly challenge: Uint8Array; readonly expiresAt: StampMs } {
  const expiresAt = (nowMs + LIMITS.challengeTtlMs) as StampMs;
  const head = Buffer.alloc(RANDOM_BYTES + EXPIRY_BYTES);
  randomBytes(RANDOM_BYTES).copy(head);
  head.writeBigUInt64BE(BigInt(expiresAt), RANDOM_BYTES);
  return { challenge: Buffer.concat([head, macOf(key, head, binding)]), expiresAt };
}

/** @throws ParleyError `challenge_invalid` when it is not one of ours, not for this device, or expired */
export function checkChallenge(
  key: Uint8Array,
  challenge: Uint8Array,
  binding: ChallengeBinding,
  nowMs: number,
): CheckedChallenge {
  if (challenge.length !== RANDOM_BYTES + EXPIRY_BYTES + MAC_BYTES) throw new ParleyError('challenge_invalid');
  const bytes = Buffer.from(challenge.buffer, challenge.byteOffset, challenge.byteLength);
  const head = bytes.subarray(0, RANDOM_BYTES + EXPIRY_BYTES);
  if (!timingSafeEqual(bytes.subarray(head.length), macOf(key, head, binding))) {
    throw new ParleyError('challenge_invalid');
  }
  const expiresAt = Number(head.readBigUInt64BE(RANDOM_BYTES)) as StampMs;
  if (expiresAt <= nowMs) throw new ParleyError('challenge_invalid', 'The challenge has expired: ask for a new one.');
  return { challengeId: head.subarray(0, RANDOM_BYTES), expiresAt };
}

function macOf(key: Uint8Array, head: Uint8Array, { cluster, account, device }: ChallengeBinding): Buffer {
  return createHmac('sha256', key)
    .update(labelled('login-challenge', cluster, account, device, head))
    .digest();
}
