import { randomBytes } from 'node:crypto';
import { makeTxnId } from '../protocol/txn-id.ts';
import { submit } from './submit.ts';
import type { FastifyRequest } from 'fastify';
import type { NodeAct } from '../protocol/audit.ts';
import type { NodeName } from '../protocol/ids.ts';
import type { ApiContext } from './context.ts';

const TXN_RANDOM_BYTES = 10;

/** What was done stands, whatever becomes of the row that tells of it. */
export async function noteNodeAct(
  context: ApiContext,
  request: Pick<FastifyRequest, 'raw' | 'session'>,
  act: NodeAct,
  name: NodeName,
): Promise<void> {
  const txnId = makeTxnId(context.time.nowMs(), randomBytes(TXN_RANDOM_BYTES));
  try {
    await submit(
      context,
      { kind: 'audit.node-act', actor: request.session, txnId, body: { act, node: name } },
      request,
    );
  } catch (error) {
    context.logger.error({ err: error, act, node: name }, 'an act is missing from the audit log');
  }
}
