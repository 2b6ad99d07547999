import { randomBytes } from 'node:crypto';
import { EMPTY_BYTES, EntryType, plus } from '../src/consensus/types.ts';
import { obtainWrappingKey } from '../src/node/at-rest/wrapping-key-source.ts';
import { openNodeStore } from '../src/node/store/open-node-store.ts';
import type { NodeName } from '../src/protocol/ids.ts';

const SILENT = { info: () => {}, warn: () => {}, error: () => {} };
const BYTES_PER_ENTRY = 4_000_000;

/** What is written where; one megabyte is 10⁶ bytes. */
export interface Filling {
  readonly dir: string;
  readonly nodeName: NodeName;
  readonly megabytes: number;
  /** Of each value. */
  readonly rowBytes: number;
}

/**
 * Writes rows that the chat knows nothing of into the state of a node that does not run, as if entries of the log had
 * brought them, and compacts the log: who joins needs the state. Values are random, so that nothing compresses.
 *
 * @returns how many rows there are
 */
export async function fillState({ dir, nodeName, megabytes, rowBytes }: Filling): Promise<number> {
  const onFatal = (error: Error): never => {
    throw error;
  };
  const wrappingKey = await obtainWrappingKey({ kind: 'beside' }, dir);
  const store = await openNodeStore({ dir, nodeName, wrappingKey, logger: SILENT, onFatal });
  if (store.kind !== 'intact') throw new Error(`The store in ${dir} is damaged.`);
  const { log, state } = store;
  const { hardState } = log.initialState();
  const rows = Math.ceil((megabytes * 1e6) / rowBytes);
  for (let row = 0; row < rows;) {
    const index = plus(log.lastIndex(), 1);
    const entry = { index, term: hardState.term, type: EntryType.normal, data: EMPTY_BYTES };
    await new Promise<void>((done) => {
      log.append({ hardState: { ...hardState, commit: index }, entries: [entry] }, done);
    });
    const transaction = state.begin();
    const noise = randomBytes(rowBytes);
    for (let bytes = 0; bytes < BYTES_PER_ENTRY && row < rows; bytes += rowBytes, row += 1) {
      const value = Buffer.from(noise);
      value.writeUInt32BE(row, 0);
      transaction.put(`bench/${String(row).padStart(10, '0')}`, value);
    }
    transaction.commit({ index, term: hardState.term, stampMs: state.lastStampMs });
    await state.sync();
  }
  log.compact(state.durableIndex);
  await store.close();
  return rows;
}
