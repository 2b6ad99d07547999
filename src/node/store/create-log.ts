import { EMPTY_HARD_STATE, ZERO_INDEX, ZERO_TERM } from '../../consensus/types.ts';
import { CHAIN_START } from './chain-hash.ts';
import { BASE_KEY, HARD_STATE_KEY, encodeBase, encodeHardState, type LogBase } from './log-rows.ts';
import type { SealedDatabase } from './sealed-database.ts';

/** The rows of the database of an empty log. */
export async function createLog(database: SealedDatabase): Promise<void> {
  const base: LogBase = { epoch: 1, index: ZERO_INDEX, term: ZERO_TERM, hash: CHAIN_START };
  await database
    .begin()
    .put(BASE_KEY, encodeBase(base))
    .put(HARD_STATE_KEY, encodeHardState(EMPTY_HARD_STATE))
    .write({ sync: true });
}
