import { LIMITS } from '../protocol/limits.ts';
import { QUOTA_KINDS } from '../protocol/commands.ts';
import { accountsOf, audit } from './audit.ts';
import { NO_QUOTAS } from './quota-rows.ts';
import { accept, reject } from './results.ts';
import { checkAdmin } from './server-admin.ts';
import type { QuotaKind, Quotas } from '../protocol/commands.ts';
import type { AccountId, StampMs } from '../protocol/ids.ts';
import type { Handler, Rejection } from './results.ts';
import type { Work } from './work.ts';

/** Where nothing is set. What files may take in all is up to the node that takes them. */
const BUILT_IN: Quotas = { fileBytes: null, messagesPerDay: null, rooms: LIMITS.roomsPerAccountMax };
const DAY_MS = 24 * 3_600_000;

export const setQuotas: Handler<'server.set-quotas'> = (work, command) => {
  const refusal = checkAdmin(work, command);
  if (refusal !== undefined) return refusal;
  const { account, quotas } = command.body;
  if (account !== null && work.accounts.get(account) === undefined) return reject('no_such_user');
  const limits = work.serverLimits;
  const row = { ...(account === null ? limits.quotas : (work.quotas.get(account) ?? NO_QUOTAS)), ...quotas };
  if (account === null) work.serverLimits = { ...limits, quotas: row };
  else putOwn(work, account, QUOTA_KINDS.every((kind) => row[kind] === null) ? undefined : row);
  const value = QUOTA_KINDS.map((kind) => `${kind} ${row[kind] ?? 'default'}`).join(', ');
  audit(work, 'server.quotas-set', { value, ...accountsOf(account === null ? [] : [account]) });
  return accept<'server.set-quotas'>({ account });
};

function putOwn(work: Work, account: AccountId, row: Quotas | undefined): void {
  const change = Number(row !== undefined) - Number(work.quotas.get(account) !== undefined);
  if (row === undefined) work.quotas.delete(account);
  else work.quotas.put(account, row);
  if (change !== 0) work.serverLimits = { ...work.serverLimits, ownQuotas: work.serverLimits.ownQuotas + change };
}

/** Null for no bound. */
export function quotaOf(work: Work, account: AccountId, kind: QuotaKind): number | null {
  const { quotas, ownQuotas } = work.serverLimits;
  const own = ownQuotas === 0 ? undefined : work.quotas.get(account);
  return own?.[kind] ?? quotas[kind] ?? BUILT_IN[kind];
}

export function quotaExceeded(
  what: QuotaKind,
  { limit, used, account }: { readonly limit: number; readonly used: number; readonly account: AccountId },
): Rejection {
  return reject('quota_exceeded', DETAILS[what], { what, limit, used, account });
}

const DETAILS: { readonly [K in QuotaKind]: string } = {
  fileBytes: 'The files of this account would take more room than it has: delete messages that have files.',
  messagesPerDay: 'This account has sent as many messages as it may today; the day ends at midnight UTC.',
  rooms: 'This account is in as many rooms as it may: it has to leave one first.',
};

/** For one message more; nothing is counted where nothing is bounded. */
export function checkMessageQuota(work: Work, account: AccountId): Rejection | undefined {
  const limit = quotaOf(work, account, 'messagesPerDay');
  if (limit === null) return undefined;
  const used = sentToday(work, account);
  return used < limit ? undefined : quotaExceeded('messagesPerDay', { limit, used, account });
}

export function countMessage(work: Work, account: AccountId): void {
  if (quotaOf(work, account, 'messagesPerDay') === null) return;
  work.sentToday.put(account, { day: dayOf(work.stampMs), count: sentToday(work, account) + 1 });
}

function sentToday(work: Work, account: AccountId): number {
  const row = work.sentToday.get(account);
  return row?.day === dayOf(work.stampMs) ? row.count : 0;
}

export const dayOf = (stampMs: StampMs): number => Math.floor(stampMs / DAY_MS);

/** Whether each of these may be in one room more. */
export function checkRoomQuotas(work: Work, accounts: readonly AccountId[]): Rejection | undefined {
  for (const account of accounts) {
    const limit = quotaOf(work, account, 'rooms');
    const used = work.roomCounts.get(account) ?? 0;
    if (limit !== null && used >= limit) return quotaExceeded('rooms', { limit, used, account });
  }
  return undefined;
}

/** @param change 1 for a room that it came into, -1 for one that it left */
export function countRoom(work: Work, account: AccountId, change: 1 | -1): void {
  const count = (work.roomCounts.get(account) ?? 0) + change;
  if (count > 0) work.roomCounts.put(account, count);
  else work.roomCounts.delete(account);
}

/** Nothing is left of it. */
export function dropQuotas(work: Work, account: AccountId): void {
  putOwn(work, account, undefined);
  work.sentToday.delete(account);
}
