import { damaged } from './damage.ts';
import { MultisetHash } from './multiset-hash.ts';
import { RowStreamDecoder } from './row-stream.ts';
import type { StateStore } from '../ports.ts';

const CHUNK_BYTES = 256 * 1024;

export interface RecomputedHash {
  readonly index: number;
  /** As it was kept up while entries were applied. */
  readonly hash: string;
  /** As the rows on disk give it. */
  readonly recomputed: string;
  readonly rows: number;
}

/**
 * Reads every row of the state at one index, beside the work of the node.
 * @throws ParleyError `damaged` when a row cannot be read
 */
export async function recomputeHash(state: StateStore): Promise<RecomputedHash> {
  const snapshot = state.openSnapshot();
  try {
    const decoder = new RowStreamDecoder();
    const hash = new MultisetHash();
    const room = new Uint8Array(CHUNK_BYTES);
    for (;;) {
      const chunk = await snapshot.nextChunk(room);
      if (chunk === undefined) break;
      const rows = decoder.push(chunk);
      if (rows === undefined) throw damaged('state', 'rows', 'a row cannot be read');
      for (const [key, value] of rows) hash.add(key, value);
    }
    const { metadata, stateHash } = snapshot.header;
    return { index: metadata.index, hash: stateHash, recomputed: hash.hex(), rows: hash.rows };
  } finally {
    await snapshot.close();
  }
}
