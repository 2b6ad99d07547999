import { ERRORS } from '../protocol/errors.ts';
import type { FastifySchema } from 'fastify';
import type { ErrorCode } from '../protocol/errors.ts';

declare module 'fastify' {
  interface FastifySchema {
    /** What can go wrong with this route, beyond what can with every route of its kind. For the description. */
    errors?: readonly ErrorCode[];
  }
}

/** For routes that change something once however often they are asked: what keeps a command from the log. */
export const THROUGH_THE_LOG: readonly ErrorCode[] = [
  'no_leader',
  'deadline_exceeded',
  'overloaded',
  'disk_low',
  'txn_reused',
  'txn_expired',
  'txn_from_future',
];
/** For routes that act on nodes, which the log orders no more than the note of it. */
export const ACTS_ON_NODES: readonly ErrorCode[] = [
  'no_leader',
  'deadline_exceeded',
  'overloaded',
  'behind',
  'txn_reused',
  'txn_expired',
  'txn_from_future',
];
/** For routes that wait for the cluster before they answer. */
export const ASKS_THE_CLUSTER: readonly ErrorCode[] = ['no_leader', 'deadline_exceeded', 'overloaded'];

/** For routes that take a message, or the sealed name of a room, which is an envelope too. */
export const ENVELOPE: readonly ErrorCode[] = ['invalid_envelope', 'payload_too_large', 'unsupported_version'];

/** For routes that take, or give, the bytes of files. */
export const FILE: readonly ErrorCode[] = ['no_such_blob', ...ASKS_THE_CLUSTER];

const ALWAYS: readonly ErrorCode[] = [
  'bad_request',
  'origin_not_allowed',
  'address_banned',
  'rate_limited',
  'shutting_down',
  'damaged',
  'internal',
];
const WITH_BODY: readonly ErrorCode[] = [
  'malformed_json',
  'invalid_field',
  'payload_too_large',
  'unsupported_media_type',
];
const WITH_PARAMETERS: readonly ErrorCode[] = ['invalid_field'];
const WITH_CURSOR: readonly ErrorCode[] = ['cursor_invalid', 'behind', ...ASKS_THE_CLUSTER];
const FOR: Readonly<Record<'session' | 'admin', readonly ErrorCode[]>> = {
  session: ['unauthenticated', 'token_expired', 'session_revoked', ...ASKS_THE_CLUSTER],
  admin: ['unauthenticated', 'token_expired', 'session_revoked', 'forbidden', ...ASKS_THE_CLUSTER],
};

/** Every answer of a route that is no success, by status, as OpenAPI describes it: the codes are told apart by name. */
export function errorResponses(schema: FastifySchema, who: 'session' | 'admin' | null): Record<string, object> {
  const { body, params, querystring, errors = [] } = schema;
  const hasCursor = 'cursor' in ((querystring as { properties?: object } | undefined)?.properties ?? {});
  const codes = new Set<ErrorCode>([
    ...ALWAYS,
    ...(body === undefined ? [] : WITH_BODY),
    ...(params === undefined && querystring === undefined ? [] : WITH_PARAMETERS),
    ...(hasCursor ? WITH_CURSOR : []),
    ...(who === null ? [] : FOR[who]),
    ...errors,
  ]);
  const byStatus = new Map<number, ErrorCode[]>();
  for (const code of [...codes].toSorted()) {
    const { status } = ERRORS[code];
    byStatus.set(status, [...(byStatus.get(status) ?? []), code]);
  }
  return Object.fromEntries(Array.from(byStatus, ([status, group]) => [status, problemResponse(group)]));
}

function problemResponse(codes: readonly ErrorCode[]): object {
  const schema = { allOf: [{ $ref: 'Problem#' }, { properties: { code: { enum: codes } } }] };
  return {
    description: codes.map((code) => `\`${code}\`: ${ERRORS[code].title}`).join('\n\n'),
    content: { 'application/problem+json': { schema } },
  };
}
