import type { LogIndex } from '../../consensus/types.ts';
import type { StateSnapshotHeader } from '../ports.ts';
import { damageUnlessRefused, damaged } from './damage.ts';
import type { Database } from './level-database.ts';
import {
  APPLIED_KEY,
  DURABLE_KEY,
  INSTALLED_KEY,
  MARKER_RANGE,
  decodeApplied,
  decodeIndex,
  decodeInstalled,
  type AppliedRow,
} from './state-rows.ts';

export interface RecoveredState {
  readonly applied: AppliedRow;
  readonly installedFrom: StateSnapshotHeader | undefined;
  /** What the database says was durable. */
  readonly durable: LogIndex;
  /** Indexes of the batches after it. */
  readonly markers: readonly LogIndex[];
}

/**
 * Reads how far a state has come and checks that no batch is missing. Batches are not synced, so after a power cut
 * some may be gone: the last ones, which does no harm, or ones in the middle, when the pages of a write-ahead file
 * reached the disk out of order. The second leaves rows of different times beside each other and nobody would notice,
 * but for the markers: each batch leaves one that names the batch before it.
 *
 * @throws ParleyError `damaged`
 */
export async function recoverState(database: Database, where: string): Promise<RecoveredState> {
  try {
    const applied = await readRow(database, APPLIED_KEY, decodeApplied, where);
    const durable = await readRow(database, DURABLE_KEY, (stored) => decodeIndex(DURABLE_KEY, stored), where);
    const installedRow = await database.get(INSTALLED_KEY);
    const installedFrom = installedRow === undefined ? undefined : decodeInstalled(installedRow);
    if (installedRow !== undefined && installedFrom === undefined) throw checksumDamage(INSTALLED_KEY, where);
    const markers = await readMarkers(database, durable, applied.index, where);
    return { applied, installedFrom, durable, markers };
  } catch (error) {
    if (error instanceof Error && 'code' in error && String(error.code).startsWith('LEVEL_')) {
      throw damageUnlessRefused('state', where, error);
    }
    throw error;
  }
}

async function readRow<T>(
  database: Database,
  key: string,
  decode: (stored: Uint8Array) => T | undefined,
  where: string,
): Promise<T> {
  const stored = await database.get(key);
  if (stored === undefined) throw damaged('state', where, `the row "${key}" is missing`);
  const row = decode(stored);
  if (row === undefined) throw checksumDamage(key, where);
  return row;
}

async function readMarkers(
  database: Database,
  durable: LogIndex,
  applied: LogIndex,
  where: string,
): Promise<LogIndex[]> {
  const markers: LogIndex[] = [];
  let last = durable;
  for await (const [key, stored] of database.iterator({ ...MARKER_RANGE })) {
    const before = decodeIndex(key, stored);
    if (before === undefined) throw checksumDamage(key, where);
    if (before !== last) {
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

function checksumDamage(key: string, where: string): Error {
  return damaged('state', where, `the checksum of the row "${key}" does not match`);
}
