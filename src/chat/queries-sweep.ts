import { KEYS } from './keys.ts';
import { unpack } from './pack.ts';
import type { StampMs } from '../protocol/ids.ts';
import type { StateReader } from './ports.ts';

/** Fits the bound that a sweep command has on its keys. */
const SWEEP_KEYS_MAX = 1_000;

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
    limit: Math.min(limit, SWEEP_KEYS_MAX),
  });
  const keys: string[] = [];
  let removed = 0;
  for (const [key, bytes] of rows) {
    if (removed >= limit) break;
    keys.push(key);
    removed += bytes.length === 0 ? 1 : (unpack(bytes) as unknown[]).length;
  }
  return keys;
}
