import { nodeRandom } from '../../src/crypto/node-random.ts';
import { makeTxnId } from '../../src/protocol/txn-id.ts';
import type { TxnId } from '../../src/protocol/ids.ts';

export const ulid = (): TxnId => makeTxnId(Date.now(), nodeRandom(10));
