import type { HardState } from '../../consensus/types.ts';
import type { RowSeal } from '../at-rest/row-seal.ts';
import { EntryPool } from './entry-pool.ts';
import { soundRows } from './level-check/sound-rows.ts';
import { unpackRecord } from './log-record.ts';
import { BASE_KEY, HARD_STATE_KEY, decodeBase, decodeHardState, parseRecordKey, type LogBase } from './log-rows.ts';

/** What can still be read of a log that is damaged, in the order of nothing. */
export interface LogPieces {
  /** The newest that can be read; a newer one may be lost. */
  readonly base: LogBase | undefined;
  readonly hardState: HardState | undefined;
  readonly pool: EntryPool;
}

/**
 * Reads the files of a closed log database, or of one that was set aside. All of it is kept in memory. What does not
 * open under its key counts for nothing.
 */
export async function readPieces(location: string, seal: RowSeal): Promise<LogPieces> {
  const pool = new EntryPool();
  const base = new Newest<LogBase>();
  const hardState = new Newest<HardState>();
  for await (const { key, value: sealed, sequence } of soundRows(location)) {
    const value = sealed === undefined ? undefined : seal.open(key, sealed);
    if (value === undefined) continue;
    if (key === BASE_KEY) base.offer(decodeBase(value), sequence);
    else if (key === HARD_STATE_KEY) hardState.offer(decodeHardState(value), sequence);
    else if (parseRecordKey(key) !== undefined) {
      const record = unpackRecord(value);
      if (record !== undefined) pool.add(record);
    }
  }
  return { base: base.value, hardState: hardState.value, pool };
}

class Newest<T> {
  value: T | undefined;
  #sequence = -1;

  offer(value: T | undefined, sequence: number): void {
    if (value === undefined || sequence < this.#sequence) return;
    this.value = value;
    this.#sequence = sequence;
  }
}
