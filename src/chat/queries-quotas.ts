import { blobUseCodec } from './blob-rows.ts';
import { KEYS } from './keys.ts';
import { readRow } from './queries-rows.ts';
import { quotasCodec, sentTodayCodec } from './quota-rows.ts';
import { dayOf, NO_QUOTAS } from './quotas.ts';
import { countCodec } from './rows.ts';
import type { QuotaKind, Quotas } from '../protocol/commands.ts';
import type { AccountId, StampMs } from '../protocol/ids.ts';
import type { StateReader } from './ports.ts';

/** What is set for an account, or for all that have none of their own (''). */
export function quotasOf(reader: StateReader, account: AccountId | ''): Quotas {
  return readRow(reader, KEYS.quotas(account), quotasCodec) ?? NO_QUOTAS;
}

/** Undefined where it is up to the node. */
export function fileQuotaOf(reader: StateReader, account: AccountId): number | undefined {
  return quotasOf(reader, account).fileBytes ?? quotasOf(reader, '').fileBytes ?? undefined;
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
  return readRow(reader, KEYS.retention, countCodec) ?? 0;
}
