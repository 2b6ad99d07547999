import { accountName } from '../../chat/queries-accounts.ts';
import { decodeCursor, encodeCursor, endOfEntry } from '../../chat/queries-cursor.ts';
import { clusterOf } from '../freshness.ts';
import type { Static } from '@sinclair/typebox';
import type { Position } from '../../chat/queries-cursor.ts';
import type { ReadyFrame } from '../../protocol/http/frames.ts';
import type { Session } from '../auth.ts';
import type { ApiContext } from '../context.ts';

/**
 * Where a feed begins: behind the cursor, waiting until this node has come as far, or now.
 *
 * @throws ParleyError `cursor_invalid`, `behind`, `no_leader`
 */
export async function feedStart(context: ApiContext, cursor: string | null): Promise<Position> {
  const { node, limits } = context;
  const cluster = clusterOf(context);
  if (cursor === null) return endOfEntry(node.reader.appliedIndex);
  const position = decodeCursor(cluster, cursor);
  if (position.index > node.reader.appliedIndex) await node.waitForIndex(position.index, limits.requestDeadlineMs);
  return position;
}

export function readyFrame(
  context: ApiContext,
  session: Session,
  start: { readonly position: Position; readonly recovered: boolean },
): Static<typeof ReadyFrame> {
  return {
    type: 'ready',
    account: accountName(context.node.reader, session.account) ?? '',
    device: session.device,
    session: session.session,
    cursor: encodeCursor(clusterOf(context), start.position),
    recovered: start.recovered,
  };
}
