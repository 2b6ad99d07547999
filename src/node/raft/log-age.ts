import { EntryType, plus, type LogIndex } from '../../consensus/types.ts';
import { decodeBatch } from '../../protocol/batch.ts';
import type { LogStore } from '../ports.ts';

/**
 * How far the log is older than a time, by the stamps of its leaders. Entries without a stamp are as old as the next
 * one that has one.
 *
 * @param last up to where entries are looked at; they have to be in the log
 * @returns the last entry stamped before `beforeMs`, or the one before the first entry of the log
 */
export function lastStampedBefore(log: LogStore, last: LogIndex, beforeMs: number): LogIndex {
  let oldest = log.firstIndex();
  let end = plus(last, 1);
  while (oldest < end) {
    const middle = plus(oldest, Math.floor((end - oldest) / 2));
    const stamped = firstStampFrom(log, middle, end);
    if (stamped !== undefined && stamped.stampMs < beforeMs) oldest = plus(stamped.index, 1);
    else end = middle;
  }
  return plus(oldest, -1);
}

function firstStampFrom(
  log: LogStore,
  from: LogIndex,
  end: LogIndex,
): { readonly index: LogIndex; readonly stampMs: number } | undefined {
  for (let index = from; index < end; index = plus(index, 1)) {
    const entries = log.entries(index, plus(index, 1), Number.MAX_SAFE_INTEGER);
    const entry = Array.isArray(entries) ? entries[0] : undefined;
    if (entry?.type === EntryType.normal && entry.data.length > 0) {
      return { index, stampMs: decodeBatch(entry.data).stampMs };
    }
  }
  return undefined;
}
