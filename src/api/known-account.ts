import { accountIdByName } from '../chat/queries-accounts.ts';
import { ParleyError } from '../protocol/errors.ts';
import { knownToCluster } from './ask-cluster.ts';
import type { AccountId } from '../protocol/ids.ts';
import type { ApiContext } from './context.ts';

/** @throws ParleyError `no_such_user`, and what keeps this node from asking the cluster */
export async function accountCalled(context: ApiContext, name: string): Promise<AccountId> {
  const account = await knownToCluster(context, () => accountIdByName(context.node.reader, name));
  if (account === undefined) throw new ParleyError('no_such_user');
  return account;
}
