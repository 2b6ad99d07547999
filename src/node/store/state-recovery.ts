import type { LogIndex } from '../../consensus/types.ts';
import type { StateSnapshotHeader } from '../ports.ts';
import { damageUnlessRefused, damaged } from './damage.ts';
import { rowOf } from './hidden-rows.ts';
import {
  APPLIED_KEY,
  DURABLE_KEY,
  INSTALLED_KEY,
  HIDDEN_RANGE,
  MARKER_RANGE,
  decodeApplied,
  decodeIndex,
  decodeInstalled,
  type AppliedRow,
} from './state-rows.ts';
import type { SealedDatabase } from './sealed-database.ts';

export interface RecoveredState {
  readonly applied: AppliedRow;
  readonly installedFrom: StateSnapshotHeader | undefined;
  /** What the database says was durable. */
  readonly durable: LogIndex;
  /** Indexes of the batches after it. */
  readonly markers: readonly LogIndex[];
  /** Keys of the rows that stand under other names. */
  readonly hidden: readonly string[];
}

/**
 * Reads how far a state has come and checks that no batch is missing. Batches are not synced, so after a power cut
 * some may be gone: the last ones, which does no harm, or ones in the middle, when the pages of a write-ahead file
 * reached the disk out of order. The second leaves rows of different times beside each other and nobody would notice,
 * but for the markers: each batch leaves one that names the batch before it.
 *
 * @throws ParleyError `damaged`
 */
export async function recoverState(database: SealedDatabase, where: string): Promise<RecoveredState> {
  try {
    const applied = await readRow(database, APPLIED_KEY, decodeApplied, where);
    const durable = await readRow(database, DURABLE_KEY, decodeIndex, where);
    const installedRow = await database.get(INSTALLED_KEY);
    const installedFrom = installedRow === undefined ? undefined : decodeInstalled(installedRow);
    const markers = await readMarkers(database, durable, applied.index, where);
    return { applied, installedFrom, durable, markers, hidden: await readHidden(database) };
  } catch (error) {
    if (error instanceof Error && 'code' in error && String(error.code).startsWith('LEVEL_')) {
      throw damageUnlessRefused('state', where, error);
    }
    throw error;
  }
}

async function readRow<T>(
  database: SealedDatabase,
  key: string,
  decode: (stored: Uint8Array) => T,
  where: string,
): Promise<T> {
  const stored = await database.get(key);
  if (stored === undefined) throw damaged('state', where, `the row "${key}" is missing`);
  return decode(stored);
}

async function readHidden(database: SealedDatabase): Promise<string[]> {
  const keys: string[] = [];
  for await (const [storedKey, content] of database.each(HIDDEN_RANGE)) keys.push(rowOf(storedKey, content)[0]);
  return keys;
}

async function readMarkers(
  database: SealedDatabase,
  durable: LogIndex,
  applied: LogIndex,
  where: string,
): Promise<LogIndex[]> {
  const markers: LogIndex[] = [];
  let last = durable;
  for await (const [key, stored] of database.each(MARKER_RANGE)) {
    if (decodeIndex(stored) !== last) {
      throw damaged('state', where, `a write after entry ${last} is missing, it has to be rebuilt`);
    }
    last = Number.parseInt(key.slice(1), 16) as LogIndex;
    markers.push(last);
  }
  if (last !== applied) {
    throw damaged('state', where, `its writes end at entry ${last}, but it says ${applied}: it has to be rebuilt`);
  }
  return markers;
}
