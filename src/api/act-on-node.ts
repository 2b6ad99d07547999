import { randomBytes } from 'node:crypto';
import { notedNodeAct, refusalOfTxn } from '../chat/queries-node-acts.ts';
import { ParleyError } from '../protocol/errors.ts';
import { makeTxnId } from '../protocol/txn-id.ts';
import { submit } from './submit.ts';
import type { FastifyRequest } from 'fastify';
import type { NodeAct } from '../protocol/audit.ts';
import type { NodeName, TxnId } from '../protocol/ids.ts';
import type { ApiContext } from './context.ts';

const TXN_RANDOM_BYTES = 10;

type Asking = Pick<FastifyRequest, 'raw' | 'session'>;

interface Asked {
  readonly act: NodeAct;
  /** Null: whichever the cluster takes. */
  readonly node: NodeName | null;
  /** Undefined: each time anew. */
  readonly txnId: TxnId | undefined;
}

/**
 * What is done to nodes, and noted when it is. The log orders the note, not the act: under one txnId it is done once on
 * every node that knows of the note, and on this one also meanwhile.
 *
 * @param act returns the node that it was about
 * @returns the same, of the first time
 * @throws ParleyError `txn_reused`, `txn_expired`, `txn_from_future`, and what `act` throws
 */
export function actOnNode(
  context: ApiContext,
  request: Asking,
  asked: Asked,
  act: () => Promise<NodeName>,
): Promise<NodeName> {
  const { txnId } = asked;
  return context.acts.once(actKeyOf(request, txnId), `${asked.act} ${asked.node ?? ''}`, async () => {
    // Others, who may have no part in the cluster, only say who leads: whoever asked goes on to there.
    const leads = context.node.raftView().leader === context.node.name;
    const before = leads && txnId !== undefined ? await actedBefore(context, request, { ...asked, txnId }) : undefined;
    if (before !== undefined) return before;
    const node = await act();
    await noteNodeAct(context, request, { ...asked, node });
    return node;
  });
}

/** Whose txnId it is: those of one person, or operator, are nobody else's. */
export function actKeyOf({ session }: Asking, txnId: TxnId | undefined): string | undefined {
  return txnId && `${session?.device ?? 'operator'} ${txnId}`;
}

async function actedBefore(
  { node, limits }: ApiContext,
  { session }: Asking,
  asked: Asked & { readonly txnId: TxnId },
): Promise<NodeName | undefined> {
  const { act, txnId } = asked;
  // A note that another node brought into the log may be on its way to this one.
  await node.readBarrier(limits.requestDeadlineMs);
  const noted = notedNodeAct(node.reader, { device: session?.device ?? null, txnId }, act);
  if (noted === undefined) {
    const refusal = refusalOfTxn(node.stampMs, txnId);
    if (refusal !== undefined) throw new ParleyError(refusal.code, refusal.detail);
    return undefined;
  }
  if (noted === null || (asked.node !== null && asked.node !== noted)) throw new ParleyError('txn_reused');
  return noted;
}

/** What was done stands, whatever becomes of the row that tells of it. */
async function noteNodeAct(
  context: ApiContext,
  request: Asking,
  { act, node, txnId = makeTxnId(context.time.nowMs(), randomBytes(TXN_RANDOM_BYTES)) }: Asked & { node: NodeName },
): Promise<void> {
  try {
    await submit(context, { kind: 'audit.node-act', actor: request.session, txnId, body: { act, node } }, request);
  } catch (error) {
    context.logger.error({ err: error, act, node }, 'an act is missing from the audit log');
  }
}
