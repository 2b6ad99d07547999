import { sessionIdOf } from '../protocol/derive-ids.ts';
import { LIMITS } from '../protocol/limits.ts';
import { asDevice, audit, STRANGER } from './audit.ts';
import { refuseBanned, standingBan } from './bans.ts';
import { CHALLENGE_AHEAD_MS_MAX } from './bounds.ts';
import { invariant } from './invariant.ts';
import { KEYS } from './keys.ts';
import { releaseLocksOf } from './locks.ts';
import { accept, reject } from './results.ts';
import { sameBytes } from './roster.ts';
import { timeCodec } from './rows.ts';
import type { Actor } from '../protocol/commands.ts';
import type { AccountId, DeviceId, SessionId, StampMs } from '../protocol/ids.ts';
import type { Handler, Rejection } from './results.ts';
import type { SessionRow } from './rows.ts';
import type { Work } from './work.ts';

/**
 * A session is a device that proved its key. It has a fixed end, so that every refresh secret that was ever spent can
 * be remembered until then.
 */
export const createSession: Handler<'session.create'> = (work, { txnId, body }) => {
  const { account, device, challengeId, challengeExpiresAt, accessHash, refreshHash } = body;
  const refusal = checkAdmission(work, account);
  if (refusal !== undefined) return refusal;
  const owner = work.devices.get(device);
  if (owner === undefined || owner.revoked || owner.account !== account) return reject('no_such_device');
  if (challengeExpiresAt <= work.stampMs || challengeExpiresAt > work.stampMs + CHALLENGE_AHEAD_MS_MAX) {
    return reject('challenge_invalid');
  }
  const challengeKey = KEYS.challenge(challengeId);
  if (work.view.get(challengeKey) !== undefined) return reject('challenge_replayed');

  work.view.put(challengeKey, timeCodec.encode(challengeExpiresAt));
  work.expireAt(challengeExpiresAt, challengeKey);
  const session = sessionIdOf(device, txnId);
  const row: SessionRow = {
    account,
    device,
    accessHash,
    refreshHash,
    previousHash: null,
    createdAt: work.stampMs,
    accessExpiresAt: later(work, LIMITS.accessTokenTtlMs),
    expiresAt: later(work, LIMITS.sessionTtlMs),
    ended: false,
  };
  work.sessions.put(session, row);
  work.expireAt(row.expiresAt, KEYS.session(session));
  enlist(work, device, session);
  audit(work, 'session.opened', { session }, asDevice(account, device));
  return accept<'session.create'>({ session, accessExpiresAt: row.accessExpiresAt, expiresAt: row.expiresAt });
};

/**
 * Spends a refresh secret. The same request again repeats its result; any other use of a spent secret means that two
 * parties hold it, and ends the session: the one rejection that changes something.
 */
export const refreshSession: Handler<'session.refresh'> = (work, { body }) => {
  const { session, spentHash, accessHash, refreshHash } = body;
  const row = work.sessions.get(session);
  if (row === undefined) return reject('unauthenticated');
  if (row.ended || row.expiresAt <= work.stampMs) return reject('session_revoked');
  if (sameBytes(spentHash, row.refreshHash)) {
    return rotate(work, session, row, { accessHash, refreshHash });
  }
  const isRetry =
    row.previousHash !== null &&
    sameBytes(spentHash, row.previousHash) &&
    sameBytes(refreshHash, row.refreshHash) &&
    sameBytes(accessHash, row.accessHash);
  if (isRetry) {
    return accept<'session.refresh'>({ session, accessExpiresAt: row.accessExpiresAt, expiresAt: row.expiresAt });
  }
  if (work.view.get(KEYS.spent(session, spentHash)) === undefined) return reject('unauthenticated');
  endSession(work, session);
  audit(work, 'session.stolen', { accounts: [row.account], device: row.device, session }, STRANGER);
  return reject('refresh_reused');
};

function rotate(
  work: Work,
  session: SessionId,
  row: SessionRow,
  next: { readonly accessHash: Uint8Array; readonly refreshHash: Uint8Array },
): ReturnType<typeof refreshSession> {
  const isSpent =
    sameBytes(next.refreshHash, row.refreshHash) || work.view.get(KEYS.spent(session, next.refreshHash)) !== undefined;
  if (isSpent) return reject('invalid_field', 'The next refresh secret must be a fresh one.');
  const spentKey = KEYS.spent(session, row.refreshHash);
  work.view.put(spentKey, timeCodec.encode(row.expiresAt));
  work.expireAt(row.expiresAt, spentKey);
  const accessExpiresAt = Math.min(later(work, LIMITS.accessTokenTtlMs), row.expiresAt) as StampMs;
  work.sessions.put(session, { ...row, ...next, previousHash: row.refreshHash, accessExpiresAt });
  return accept<'session.refresh'>({ session, accessExpiresAt, expiresAt: row.expiresAt });
}

/** Of one's own account, on any of its devices. Ending one that has ended changes nothing. */
export const revokeSession: Handler<'session.revoke'> = (work, { actor, body }) => {
  const refusal = checkActor(work, actor);
  if (refusal !== undefined) return refusal;
  const row = work.sessions.get(body.session);
  if (row === undefined || row.account !== actor!.account) return reject('no_such_session');
  if (!row.ended) audit(work, 'session.ended', { session: body.session, device: row.device });
  endSession(work, body.session);
  return accept<'session.revoke'>({ session: body.session });
};

/** Whether an account may log in. */
export function checkAdmission(work: Work, account: AccountId): Rejection | undefined {
  const row = work.accounts.get(account);
  if (row === undefined) return reject('no_such_user');
  if (row.state === 'deleted') return reject('account_deleted');
  if (row.state === 'deactivated') return reject('account_deactivated');
  const ban = standingBan(work, account);
  return ban === undefined ? undefined : refuseBanned(ban);
}

/** Whether the session that the entry node authenticated still stands, by the leader's time. */
export function checkActor(work: Work, actor: Actor | null): Rejection | undefined {
  if (actor === null) return reject('unauthenticated');
  const row = work.sessions.get(actor.session);
  if (row === undefined || row.account !== actor.account || row.device !== actor.device) {
    return reject('unauthenticated');
  }
  return row.ended || row.expiresAt <= work.stampMs ? reject('session_revoked') : undefined;
}

/** Everybody whom it concerns is told; the row stays until its time, so that its tokens are known to be void. */
export function endSession(work: Work, session: SessionId): void {
  const row = work.sessions.get(session);
  invariant(row !== undefined, 'a session that ends has a row');
  if (row.ended) return;
  work.sessions.put(session, { ...row, ended: true });
  delist(work, row.device, session);
  releaseLocksOf(work, session);
  work.emit({ kind: 'session-ended', account: row.account, session, at: work.stampMs }, row.account);
}

export function delist(work: Work, device: DeviceId, session: SessionId): void {
  const rest = (work.deviceSessions.get(device) ?? []).filter((other) => other !== session);
  if (rest.length === 0) work.deviceSessions.delete(device);
  else work.deviceSessions.put(device, rest);
}

/** A device that logs in once more than it may loses its oldest session. */
function enlist(work: Work, device: DeviceId, session: SessionId): void {
  const open = work.deviceSessions.get(device) ?? [];
  const surplus = open.slice(0, Math.max(0, open.length + 1 - LIMITS.sessionsPerDeviceMax));
  for (const oldest of surplus) endSession(work, oldest);
  work.deviceSessions.put(device, [...open.slice(surplus.length), session]);
}

function later(work: Work, ms: number): StampMs {
  return (work.stampMs + ms) as StampMs;
}
