import { expireAddressBans } from './address-bans.ts';
import { endErasure, eraseBlock, eraseIn } from './erasure.ts';
import { expireBan } from './bans.ts';
import { expireBlob } from './blobs.ts';
import { forgetRequest } from './devices.ts';
import { releaseLocksOf, standingLock } from './locks.ts';
import { purgeStep } from './purge.ts';
import { endRetentionJob, retentionOfRoom, retentionStep } from './retention.ts';
import { expireReport } from './reports.ts';
import { KEYS, parseExpiryKey } from './keys.ts';
import { expireAttempts } from './login.ts';
import { unpack } from './pack.ts';
import { announceGone, removeMessage } from './removal.ts';
import { endRefusedWindow } from './refused-logins.ts';
import { forgetLink } from './room-links.ts';
import { accept, reject } from './results.ts';
import { delist } from './sessions.ts';
import type { AccountId, BlobId, DeviceId, LockName, RoomId, Seq, SessionId } from '../protocol/ids.ts';
import type { Handler } from './results.ts';
import type { Work } from './work.ts';

/** A message takes its edits and reactions along, so that the number of keys alone says little. */
const SWEPT_ROWS_MAX = 4_096;

/** Messages whose time is over: those who watch a room are told once for all of one sweep. */
class ExpiredMessages {
  readonly #seqs = new Map<RoomId, Seq[]>();

  remove(work: Work, room: RoomId, seq: Seq): number {
    const gone = removeMessage(work, room, seq, 'expired');
    if (gone.length > 0) this.#seqs.set(room, [...(this.#seqs.get(room) ?? []), ...gone]);
    return gone.length;
  }

  announce(work: Work): void {
    for (const [room, seqs] of this.#seqs) {
      announceGone(work, { room, seqs: seqs.toSorted((a, b) => a - b), reason: 'expired', by: null });
    }
  }
}

/**
 * Housekeeping that the leader proposes. The keys are those of the expiry index, and what is left of accounts that
 * were deleted; each is checked again, so a sweep
 * that is late, repeated or made up removes nothing that still counts.
 */
export const sweepState: Handler<'state.sweep'> = (work, { actor, body }) => {
  if (actor !== null) return reject('forbidden');
  const expired = new ExpiredMessages();
  let removed = 0;
  for (const key of new Set(body.keys)) {
    // What is left is found again by the next sweep.
    if (removed >= SWEPT_ROWS_MAX) break;
    if (key.startsWith('j/')) removed += eraseIn(work, key);
    if (key.startsWith('C/')) removed += eraseBlock(work, key);
    if (key.startsWith('T/')) removed += retentionIn(work, key);
    const entry = parseExpiryKey(key);
    if (entry === undefined || entry.expiresAt > work.stampMs) continue;
    const bytes = work.view.get(key);
    if (bytes === undefined) continue;
    work.view.delete(key);
    removed += remove(work, expired, entry.target, bytes);
  }
  expired.announce(work);
  return accept<'state.sweep'>({ removed });
};

/** @returns how many rows, or parts of one, are gone */
function remove(work: Work, expired: ExpiredMessages, target: string, index: Uint8Array): number {
  const [, first, second] = target.split('/');
  switch (target.slice(0, 2)) {
    case 't/': {
      // A dedupe record never changes and never comes back, so the index alone says that it is over.
      const keys = unpack(index) as string[];
      for (const key of keys) work.view.delete(key);
      return keys.length;
    }
    case 's/':
      return removeSession(work, first as SessionId);
    case 'q/':
      return forgetRequest(work, first as AccountId, second as DeviceId) ? 1 : 0;
    case 'e/':
      return expired.remove(work, first as RoomId, Number(second) as Seq);
    case 'l/':
      return expireLock(work, target.slice(2) as LockName) ? 1 : 0;
    case 'A/':
      return endRefusedWindow(work, second === '' ? null : (second as AccountId)) ? 1 : 0;
    case 'X/':
      return expireBan(work, first as AccountId) ? 1 : 0;
    case 'I':
      return expireAddressBans(work);
    case 'Z/':
      return endErasure(work, first as AccountId) ? 1 : 0;
    case 'T':
      return endRetentionJob(work) ? 1 : 0;
    case 'T/':
      return retentionStep(work, first as RoomId);
    case 'R/':
      return purgeStep(work, first as RoomId);
    case 'Q/':
      return expireReport(work, Number(second)) ? 1 : 0;
    case 'B/':
      return expireBlob(work, first as BlobId) ? 1 : 0;
    case 'L/':
      return forgetLink(work, first as RoomId, target);
    case 'Y/':
      return expireLogin(work, target);
    case 'y/':
      work.answers.delete(first as DeviceId);
      return 1;
    default:
      work.view.delete(target);
      return 1;
  }
}

/** A room of which the leader found that it has to be looked at. */
function retentionIn(work: Work, key: string): number {
  const [, since, room] = key.split('/');
  return retentionOfRoom(work, Number(since), room as RoomId);
}

/** Grants end when they were to; attempts may have been counted since. */
function expireLogin(work: Work, target: string): number {
  if (!target.startsWith(KEYS.grant(new Uint8Array(0)))) return expireAttempts(work, target) ? 1 : 0;
  work.view.delete(target);
  return 1;
}

/** The lease may have been renewed since it was noted when it ends. */
function expireLock(work: Work, name: LockName): boolean {
  const before = work.locks.get(name);
  return before !== undefined && standingLock(work, name) !== before;
}

/** Its end is fixed when it is made, so a session whose time is in the index is over. */
function removeSession(work: Work, session: SessionId): number {
  const row = work.sessions.get(session);
  if (row === undefined) return 0;
  work.sessions.delete(session);
  if (!row.ended) {
    delist(work, row.device, session);
    releaseLocksOf(work, session);
    work.emit({ kind: 'session-ended', account: row.account, session, at: work.stampMs }, row.account);
  }
  return 1;
}
