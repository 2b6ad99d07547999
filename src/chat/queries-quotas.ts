import { blobUseCodec } from './blob-rows.ts';
import { KEYS } from './keys.ts';
import { readRow } from './queries-rows.ts';
import { NO_QUOTAS, NO_SERVER_LIMITS, quotasCodec, sentTodayCodec, serverLimitsCodec } from './quota-rows.ts';
import { dayOf } from './quotas.ts';
import { countCodec } from './rows.ts';
import type { QuotaKind, Quotas } from '../protocol/commands.ts';
import type { AccountId, StampMs } from '../protocol/ids.ts';
import type { StateReader } from './ports.ts';
import type { ServerLimitsRow } from './quota-rows.ts';

/** What is set for an account, or for all that have none of their own (null). */
export function quotasOf(reader: StateReader, account: AccountId | null): Quotas {
  if (account === null) return limitsOf(reader).quotas;
  return readRow(reader, KEYS.quotas(account), quotasCodec) ?? NO_QUOTAS;
}

const limitsOf = (reader: StateReader): ServerLimitsRow =>
  readRow(reader, KEYS.serverLimits, serverLimitsCodec) ?? NO_SERVER_LIMITS;

/** Undefined where it is up to the node. */
export function fileQuotaOf(reader: StateReader, account: AccountId): number | undefined {
  return quotasOf(reader, account).fileBytes ?? quotasOf(reader, null).fileBytes ?? undefined;
}

/** Messages of today are counted only where they are bounded. */
export function usedOf(
  reader: StateReader,
  account: AccountId,
  stampMs: StampMs,
): { readonly [K in QuotaKind]: number } {
  const sent = readRow(reader, KEYS.sentToday(account), sentTodayCodec);
  return {
    fileBytes: readRow(reader, KEYS.blobUse(account), blobUseCodec) ?? 0,
    messagesPerDay: sent?.day === dayOf(stampMs) ? sent.count : 0,
    rooms: readRow(reader, KEYS.roomCount(account), countCodec) ?? 0,
  };
}

/** How long messages stay in any room, in milliseconds; 0 for ever. */
export function serverRetentionMs(reader: StateReader): number {
  return limitsOf(reader).retentionMs;
}
