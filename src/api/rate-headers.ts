import { refuseOver } from './rate-limit.ts';
import type { FastifyReply } from 'fastify';
import type { RateVerdict } from './rate-limit.ts';

/**
 * Says in the answer how much is left (draft-ietf-httpapi-ratelimit-headers-06, section 3), also where it is nothing.
 *
 * @throws ParleyError `rate_limited`
 */
export function obey(verdict: RateVerdict, reply: FastifyReply): void {
  reply.header('ratelimit-limit', verdict.limit);
  reply.header('ratelimit-remaining', verdict.remaining);
  reply.header('ratelimit-reset', Math.ceil(verdict.resetMs / 1000));
  refuseOver(verdict);
}
