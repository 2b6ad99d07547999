import { nodeRandom } from '../crypto/node-random.ts';
import { makeTxnId } from '../protocol/txn-id.ts';
import type { TxnId } from '../protocol/ids.ts';

const RANDOM_BYTES = 10;

/** Makes one request of an operator the same request at whichever node it is repeated. */
export function freshTxnId(): TxnId {
  return makeTxnId(Date.now(), nodeRandom(RANDOM_BYTES));
}
