import { ParleyError } from '../protocol/errors.ts';
import type { FastifyRequest } from 'fastify';
import type { App } from './context.ts';

interface WithTxnId {
  readonly properties?: { readonly txnId?: unknown };
}

/**
 * The transaction id of a request with a body stands in it as `txnId`, or in the header that other APIs have for it.
 * What the schema says of it holds for both.
 */
export function takeIdempotencyKeys(app: App): void {
  app.addHook('preValidation', (request, _reply, done) => {
    try {
      takeKey(request);
    } catch (error) {
      done(error as Error);
      return;
    }
    done();
  });
}

function takeKey({ headers, body, routeOptions }: FastifyRequest): void {
  const key = headers['idempotency-key'];
  const schema = routeOptions.schema?.body as WithTxnId | undefined;
  if (typeof key !== 'string' || schema?.properties?.txnId === undefined) return;
  if (typeof body !== 'object' || body === null || Array.isArray(body)) return;
  const given = body as { txnId?: unknown };
  if (Object.hasOwn(given, 'txnId') && given.txnId !== key) {
    throw new ParleyError('invalid_field', 'txnId: not the same as in Idempotency-Key; give one of them.', {
      data: { field: 'txnId' },
    });
  }
  given.txnId = key;
}
