import { EntryType, type Entry } from '../types.ts';

const varintBytes = (value: number): number => {
  let bytes = 1;
  for (let rest = value; rest >= 0x80; rest = Math.floor(rest / 0x80)) bytes += 1;
  return bytes;
};

/**
 * Size of an entry as the limits on messages and on unapplied entries count it: its tagged,
 * varint-encoded form. Scenarios depend on it, so it is independent of how a store or a transport
 * encodes entries.
 */
export const entryBytes = (entry: Entry): number => {
  const dataBytes = entry.data.length;
  return (
    2 +
    varintBytes(entry.term) +
    varintBytes(entry.index) +
    (entry.type === EntryType.normal ? 0 : 2) +
    (dataBytes === 0 ? 0 : 1 + varintBytes(dataBytes) + dataBytes)
  );
};

export const entriesBytes = (entries: readonly Entry[]): number => {
  let bytes = 0;
  for (const entry of entries) bytes += entryBytes(entry);
  return bytes;
};

/**
 * Bytes of data alone, as the limits on uncommitted entries and on inflight messages count it: the
 * empty entries of new leaders and of leaving a joint configuration weigh nothing and so can never
 * be refused.
 */
export const payloadBytes = (entries: readonly Entry[]): number => {
  let bytes = 0;
  for (const entry of entries) bytes += entry.data.length;
  return bytes;
};

/** How many of `entries`, from `start` and before `end`, fit into `maxBytes`; at least one if any. */
export const countWithin = (entries: readonly Entry[], start: number, end: number, maxBytes: number): number => {
  let bytes = 0;
  for (let at = start; at < end; at += 1) {
    bytes += entryBytes(entries[at]!);
    if (bytes > maxBytes && at > start) return at - start;
  }
  return Math.max(0, end - start);
};
