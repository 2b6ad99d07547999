import { accountIdByName } from '../../chat/queries-accounts.ts';
import type { FastifyRequest } from 'fastify';
import type { ApiContext } from '../context.ts';

/** What logging in may end with, whatever was proved. */
export const REFUSED_ACCOUNTS = ['account_banned', 'account_deactivated', 'account_deleted'] as const;

/** An attempt to log in as `name`: what refuses it stands in the audit log. */
export function watched<T>(
  { refused, node, addresses }: ApiContext,
  request: Pick<FastifyRequest, 'raw'>,
  name: string,
  attempt: () => Promise<T>,
): Promise<T> {
  return refused.watch(addresses.of(request.raw), () => accountIdByName(node.reader, name) ?? null, attempt);
}
