import { ERRORS, ParleyError } from '../protocol/errors.ts';
import type { ErrorCode } from '../protocol/errors.ts';
import type { ProblemJson } from '../protocol/http/schemas.ts';

/** When a retry may help, where the error itself does not say better. */
const RETRY_AFTER_MS: Partial<Record<ErrorCode, number>> = {
  no_leader: 250,
  overloaded: 500,
  behind: 200,
  deadline_exceeded: 200,
  shutting_down: 0,
  slow_consumer: 0,
  rate_limited: 1_000,
};

/** An error as clients see it, on HTTP and in frames. */
export interface PublicError {
  readonly code: ErrorCode;
  readonly detail: string;
  readonly retryable: boolean;
  readonly retryAfterMs?: number;
  readonly data?: Record<string, unknown>;
}

/**
 * What fastify and Node's HTTP parser call their own refusals. Whatever else they refuse with a status of 4xx is a
 * `bad_request`; everything unknown is ours to explain and becomes `internal`.
 */
const FOREIGN: Readonly<Record<string, ErrorCode>> = {
  FST_ERR_CTP_BODY_TOO_LARGE: 'payload_too_large',
  FST_ERR_CTP_INVALID_MEDIA_TYPE: 'unsupported_media_type',
  FST_ERR_CTP_INVALID_JSON_BODY: 'malformed_json',
  FST_ERR_CTP_EMPTY_JSON_BODY: 'malformed_json',
  FST_ERR_NOT_FOUND: 'not_found',
};

/** @returns a ParleyError for everything; `internal` carries the cause for the log and says nothing about it */
export function asParleyError(error: unknown): ParleyError {
  if (error instanceof ParleyError) return error;
  const { code, statusCode } = error as { code?: unknown; statusCode?: unknown };
  const known = typeof code === 'string' ? FOREIGN[code] : undefined;
  if (known !== undefined) return new ParleyError(known);
  if (typeof statusCode === 'number' && statusCode >= 400 && statusCode < 500) return new ParleyError('bad_request');
  return new ParleyError('internal', undefined, { cause: error });
}

export function publicErrorOf(error: ParleyError): PublicError {
  const { code, retryable } = error;
  const { retryAfterMs, ...data } = error.data;
  const waitMs = typeof retryAfterMs === 'number' ? retryAfterMs : retryable ? RETRY_AFTER_MS[code] : undefined;
  return {
    code,
    // The cause of an internal error is for the node's log alone.
    detail: code === 'internal' ? ERRORS.internal.title : error.message,
    retryable,
    ...(waitMs === undefined ? {} : { retryAfterMs: waitMs }),
    ...(Object.keys(data).length === 0 ? {} : { data }),
  };
}

/** RFC 9457. */
export function problemOf(
  error: ParleyError,
  where: { readonly requestId: string; readonly leaderId: string | null },
): ProblemJson {
  const { title, status } = ERRORS[error.code];
  return { type: `urn:parley:error:${error.code}`, title, status, ...publicErrorOf(error), ...where };
}
