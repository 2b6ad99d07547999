import { KEYS } from './keys.ts';
import { reject } from './results.ts';
import type { AccountId } from '../protocol/ids.ts';
import type { BanRow } from './admin-rows.ts';
import type { Rejection } from './results.ts';
import type { Work } from './work.ts';

/** Undefined for who may log in: bans end by the leader's time, whether they were swept or not. */
export function standingBan(work: Work, account: AccountId): BanRow | undefined {
  const row = work.bans.get(account);
  return row === undefined || (row.until !== null && row.until <= work.stampMs) ? undefined : row;
}

/** Says to who is banned why, and for how long. */
export function refuseBanned({ reason, until }: BanRow): Rejection {
  const end = until === null ? '' : ` until ${new Date(until).toISOString()}`;
  const why = reason === '' ? '.' : `: ${reason}`;
  return reject('account_banned', `This account is banned${end}${why}`, { reason, until });
}

export function dropBan(work: Work, account: AccountId): void {
  const row = work.bans.get(account);
  if (row === undefined) return;
  if (row.until !== null) work.cancelExpiry(row.until, KEYS.ban(account));
  work.bans.delete(account);
}

/** @returns whether it is gone: its time is over */
export function expireBan(work: Work, account: AccountId): boolean {
  if (work.bans.get(account) === undefined || standingBan(work, account) !== undefined) return false;
  work.bans.delete(account);
  return true;
}
