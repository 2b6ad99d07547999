import type { StampMs, TxnId } from '../protocol/ids.ts';
import type { RequestSource } from '../protocol/audit.ts';
import type { DelayTable } from '../protocol/login-limits.ts';
import type { AttemptsRow } from './login-rows.ts';

/** How long until the next attempt is taken; 0 for now. */
export function waitMs(row: AttemptsRow | undefined, stampMs: StampMs): number {
  return row === undefined ? 0 : Math.max(0, row.notBefore - stampMs);
}

/** One attempt more. Each counts `forgetMs`, and as many are forgotten as time has gone by since. */
export function countAttempt(
  row: AttemptsRow | undefined,
  stampMs: StampMs,
  { txnId, source = null }: { readonly txnId: TxnId; readonly source?: RequestSource | null | undefined },
  table: DelayTable,
): AttemptsRow {
  const left = row === undefined ? 0 : Math.max(0, row.debtMs - (stampMs - row.countedAt));
  const debtMs = left + table.forgetMs;
  const notBefore = (stampMs + delayAfter(Math.ceil(debtMs / table.forgetMs), table)) as StampMs;
  return { debtMs, countedAt: stampMs, notBefore, txnId, source };
}

/** What follows the attempt with this number in a row. */
export function delayAfter(attempts: number, { free, firstMs, maxMs }: DelayTable): number {
  return attempts <= free ? 0 : Math.min(maxMs, firstMs * 2 ** (attempts - free - 1));
}

/** From here on the row says nothing any more. */
export function forgottenAt(row: AttemptsRow): StampMs {
  return Math.max(row.notBefore, row.countedAt + row.debtMs) as StampMs;
}
