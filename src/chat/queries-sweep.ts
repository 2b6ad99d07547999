import { afterPrefix, KEYS, parseExpiryKey } from './keys.ts';
import { unpack } from './pack.ts';
import { readRow } from './queries-rows.ts';
import { retentionJobCodec } from './quota-rows.ts';
import type { AccountId, RoomId, StampMs } from '../protocol/ids.ts';
import type { StateReader } from './ports.ts';

/** Fits the bound that a sweep command has on its keys. */
const SWEEP_KEYS_MAX = 1_000;
/** Rooms of a deleted account that one sweep looks at. */
const ROOMS_MAX = 4;
/** The same after a change of the retention. */
const RETENTION_ROOMS_MAX = 100;
/** The same for those whom it had blocked. */
const BLOCKS_MAX = 100;

/**
 * What the leader proposes to sweep: keys for `state.sweep`, oldest first, empty when nothing has expired. The scan
 * reads only what has expired.
 *
 * @param limit about how many rows the sweep should remove, so that applying it stays short
 */
export async function findExpired(reader: StateReader, stampMs: StampMs, limit: number): Promise<readonly string[]> {
  const rows = await reader.range({
    gte: KEYS.expiry(0, ''),
    lt: KEYS.expiry(stampMs + 1, ''),
    limit: Math.min(limit, SWEEP_KEYS_MAX - BLOCKS_MAX),
  });
  const keys: string[] = [];
  let removed = 0;
  let erases = false;
  for (const [key, bytes] of rows) {
    if (removed >= limit) break;
    const left = (await leftOfAccount(reader, key)) ?? (await leftOfRetention(reader, key));
    // What is done for one deleted account, or one job, is enough for one sweep.
    if (left === undefined) keys.push(key);
    else if (!erases) keys.push(...left);
    erases ||= left !== undefined;
    removed += bytes.length === 0 ? 1 : (unpack(bytes) as unknown[]).length;
  }
  return keys;
}

/** Rooms that have not been looked at since the retention of the server was changed. */
async function leftOfRetention(reader: StateReader, key: string): Promise<readonly string[] | undefined> {
  const job =
    parseExpiryKey(key)?.target === KEYS.retentionJob && readRow(reader, KEYS.retentionJob, retentionJobCodec);
  if (!job) return undefined;
  const prefix = KEYS.room('' as RoomId);
  const gte = `${prefix}${job.after}\0`;
  const rows = await reader.range({ gte, lt: afterPrefix(prefix), limit: RETENTION_ROOMS_MAX });
  if (rows.length === 0) return undefined;
  return rows.map(([row]) => KEYS.retentionOf(job.since, row.slice(prefix.length) as RoomId));
}

/** What is left of an account that was deleted: it leaves its rooms before its own key is swept. */
async function leftOfAccount(reader: StateReader, key: string): Promise<readonly string[] | undefined> {
  const target = parseExpiryKey(key)?.target;
  if (target?.startsWith(KEYS.erasure('')) !== true) return undefined;
  const account = target.slice(KEYS.erasure('').length) as AccountId;
  for (const [prefix, limit] of [
    [KEYS.membership(account, ''), ROOMS_MAX],
    [KEYS.block(account, ''), BLOCKS_MAX],
  ] as const) {
    const rows = await reader.range({ gte: prefix, lt: afterPrefix(prefix), limit });
    if (rows.length > 0) return rows.map(([left]) => left);
  }
  return undefined;
}
