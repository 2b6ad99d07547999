import { decodeCursor, encodeCursor, endOfEntry, startOfEntry } from '../chat/queries-cursor.ts';
import { ParleyError } from '../protocol/errors.ts';
import type { ClusterId } from '../protocol/ids.ts';
import type { ApiContext } from './context.ts';

/** @throws ParleyError `no_leader` on a node that belongs to no cluster yet */
export function clusterOf({ node }: ApiContext): ClusterId {
  if (node.clusterId === null) throw new ParleyError('no_leader', 'This cluster is not founded yet.');
  return node.clusterId;
}

/**
 * Waits until this node may answer: no older than the client's cursor, or as new as the whole cluster.
 *
 * @returns the cursor of the answer: whoever follows events from it misses nothing that the answer does not show
 * @throws ParleyError `cursor_invalid`, `behind`, `no_leader`, `deadline_exceeded`
 */
export async function freshEnough(
  context: ApiContext,
  query: { readonly cursor?: string; readonly consistency?: 'local' | 'linearizable' },
): Promise<string> {
  const { node, limits } = context;
  const cluster = clusterOf(context);
  if (query.cursor !== undefined) {
    const { index } = decodeCursor(cluster, query.cursor);
    if (index > node.reader.appliedIndex) await node.waitForIndex(index, limits.requestDeadlineMs);
  }
  if (query.consistency === 'linearizable') await node.readBarrier(limits.requestDeadlineMs);
  return encodeCursor(cluster, endOfEntry(node.reader.appliedIndex));
}

/** For the answer to a command that was just applied here: reads that carry it see the command's effect. */
export function cursorAfterWrite(context: ApiContext): string {
  return encodeCursor(clusterOf(context), startOfEntry(context.node.reader.appliedIndex));
}
