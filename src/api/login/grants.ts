import { accountById } from '../../chat/queries-accounts.ts';
import { grantOf } from '../../chat/queries-login.ts';
import { parseGrantToken, sessionSecretHash } from '../../crypto/tokens.ts';
import { ParleyError } from '../../protocol/errors.ts';
import { knownToCluster } from '../ask-cluster.ts';
import type { AccountId, StampMs } from '../../protocol/ids.ts';
import type { ApiContext } from '../context.ts';

/** Somebody who has proved a password or a recovery code, and has no device yet. */
export interface Grant {
  readonly hash: Uint8Array;
  readonly account: AccountId;
}

export const isGrant = (header: string | undefined): boolean => secretIn(header) !== null;

/** @throws ParleyError `unauthenticated` for what is no grant, or over */
export async function grantIn(
  { node, limits, time }: Pick<ApiContext, 'node' | 'limits' | 'time'>,
  header: string | undefined,
): Promise<Grant> {
  const secret = secretIn(header);
  if (secret === null) throw new ParleyError('unauthenticated');
  const hash = sessionSecretHash(secret);
  const row = await knownToCluster({ node, limits }, () => grantOf(node.reader, hash, time.nowMs() as StampMs));
  if (row === undefined || accountById(node.reader, row.account)?.state !== 'active') {
    throw new ParleyError('unauthenticated', 'This proof is over: log in again.');
  }
  return { hash, account: row.account };
}

function secretIn(header: string | undefined): Uint8Array | null {
  return parseGrantToken((header ?? '').replace(/^bearer +/i, '').trim());
}
