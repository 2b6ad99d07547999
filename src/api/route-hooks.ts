import { ParleyError } from '../protocol/errors.ts';
import { isTxnId } from '../protocol/ids.ts';
import type { FastifyReply, FastifyRequest, HookHandlerDoneFunction } from 'fastify';
import type { TxnId } from '../protocol/ids.ts';
import type { Session } from './auth.ts';
import type { ApiContext, App } from './context.ts';

declare module 'fastify' {
  interface FastifyRequest {
    /** Set by `loggedIn`. */
    session: Session | null;
  }
}

type Hook = (request: FastifyRequest, reply: FastifyReply, done: HookHandlerDoneFunction) => void;

/** Checks that a route asks for, before its body is read. */
export interface RouteHooks {
  /** Someone with a session. */
  readonly loggedIn: Hook;
  /** Someone who has none yet: strictly limited. */
  readonly stranger: Hook;
  /** Someone with the admin token of a node. */
  readonly admin: Hook;
}

export function createRouteHooks(app: App, { auth, rates, addresses }: ApiContext): RouteHooks {
  app.decorateRequest('session', null);
  return {
    loggedIn: hook((request, reply) => {
      request.session = auth.authenticateHeader(request.headers.authorization);
      const { limit, remaining } = rates.account(request.session.account);
      reply.header('ratelimit-limit', limit).header('ratelimit-remaining', remaining);
    }),
    stranger: hook((request, reply) => {
      const { limit, remaining } = rates.login(addresses.of(request.raw));
      reply.header('ratelimit-limit', limit).header('ratelimit-remaining', remaining);
    }),
    admin: hook((request) => {
      try {
        auth.checkAdmin(request.headers.authorization);
      } catch (error) {
        rates.login(addresses.of(request.raw));
        throw error;
      }
    }),
  };
}

/** Where `loggedIn` has passed. */
export function sessionOf(request: FastifyRequest): Session {
  if (request.session === null) throw new ParleyError('unauthenticated');
  return request.session;
}

/** @throws ParleyError `invalid_field` when a request that has no body names no transaction */
export function txnIdOf(request: FastifyRequest, query: { readonly txnId?: string | undefined }): TxnId {
  const given = query.txnId ?? request.headers['idempotency-key'];
  if (typeof given === 'string' && isTxnId(given)) return given;
  throw new ParleyError('invalid_field', 'txnId: give a ULID as ?txnId= or Idempotency-Key.', {
    data: { field: 'txnId' },
  });
}

function hook(check: (request: FastifyRequest, reply: FastifyReply) => void): Hook {
  return (request, reply, done) => {
    try {
      check(request, reply);
    } catch (error) {
      done(error as Error);
      return;
    }
    done();
  };
}
