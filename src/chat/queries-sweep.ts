import { afterPrefix, KEYS, parseExpiryKey } from './keys.ts';
import { unpack } from './pack.ts';
import type { AccountId, StampMs } from '../protocol/ids.ts';
import type { StateReader } from './ports.ts';

/** Fits the bound that a sweep command has on its keys. */
const SWEEP_KEYS_MAX = 1_000;
/** Rooms of a deleted account that one sweep looks at. */
const ROOMS_MAX = 4;

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
    limit: Math.min(limit, SWEEP_KEYS_MAX - ROOMS_MAX),
  });
  const keys: string[] = [];
  let removed = 0;
  let erases = false;
  for (const [key, bytes] of rows) {
    if (removed >= limit) break;
    const memberships = await membershipsLeft(reader, key);
    // What is done in the rooms of one deleted account is enough for one sweep.
    if (memberships === undefined) keys.push(key);
    else if (!erases) keys.push(...memberships);
    erases ||= memberships !== undefined;
    removed += bytes.length === 0 ? 1 : (unpack(bytes) as unknown[]).length;
  }
  return keys;
}

/** Where an account that was deleted still is a member: it leaves its rooms before its own key is swept. */
async function membershipsLeft(reader: StateReader, key: string): Promise<readonly string[] | undefined> {
  const target = parseExpiryKey(key)?.target;
  if (target?.startsWith(KEYS.erasure('')) !== true) return undefined;
  const prefix = KEYS.membership(target.slice(KEYS.erasure('').length) as AccountId, '');
  const rows = await reader.range({ gte: prefix, lt: afterPrefix(prefix), limit: ROOMS_MAX });
  return rows.length === 0 ? undefined : rows.map(([membership]) => membership);
}
