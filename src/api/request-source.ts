import { isIP } from 'node:net';
import type { FastifyRequest } from 'fastify';
import type { RequestSource } from '../protocol/audit.ts';
import type { ApiContext } from './context.ts';

/** What the audit log tells of where a request came from. */
export function sourceOf({ node, addresses }: ApiContext, request: Pick<FastifyRequest, 'raw'>): RequestSource {
  const address = addresses.of(request.raw);
  return { node: node.name, address: isIP(address) === 0 ? null : address };
}
