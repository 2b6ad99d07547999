import { serverAdmins } from '../chat/queries-admin.ts';
import { ParleyError } from '../protocol/errors.ts';
import { isTxnId } from '../protocol/ids.ts';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { AccountId, TxnId } from '../protocol/ids.ts';
import type { Session } from './auth.ts';
import { grantIn, isGrant } from './login/grants.ts';
import type { Grant } from './login/grants.ts';
import { obey } from './rate-headers.ts';
import { refuseOver } from './rate-limit.ts';
import type { ApiContext, App } from './context.ts';
import type { RateVerdict } from './rate-limit.ts';

declare module 'fastify' {
  interface FastifyRequest {
    /** Set by `loggedIn`, and by `admin` for who has no admin token. */
    session: Session | null;
    /** Set by `proven`, in the place of a session. */
    grant: Grant | null;
  }
}

type Hook = (request: FastifyRequest, reply: FastifyReply) => Promise<void>;

/** Checks that a route asks for, before its body is read. */
export interface RouteHooks {
  /** Someone with a session. */
  readonly loggedIn: Hook;
  /** The same, or someone who has proved a password or a recovery code. */
  readonly proven: Hook;
  /** The same as `loggedIn` for pieces of files, which have a rate of their own: there are many. */
  readonly transfer: Hook;
  /** Someone who has none yet: strictly limited. */
  readonly stranger: Hook;
  /** Someone with the admin token of a node, or an admin of the server. */
  readonly admin: Hook;
}

export function createRouteHooks(app: App, context: ApiContext): RouteHooks {
  const { node, auth, rates, addresses, refused } = context;
  app.decorateRequest('session', null);
  app.decorateRequest('grant', null);
  const loginRate = (request: FastifyRequest): RateVerdict => rates.login(addresses.of(request.raw));
  const authenticate = async (request: FastifyRequest): Promise<Session> => {
    const session = await auth.authenticateHeader(request.headers.authorization, () => refuseOver(loginRate(request)));
    request.session = session;
    return session;
  };
  /** With the admin token of a node, or as an admin of the server. */
  const admit = async (request: FastifyRequest, reply: FastifyReply): Promise<void> => {
    if (auth.isAdminToken(request.headers.authorization)) return;
    const { account } = await authenticate(request);
    obey(rates.account(account), reply);
    if (!serverAdmins(node.reader).includes(account)) {
      throw new ParleyError('forbidden', 'This is for admins of the server.');
    }
  };
  const loggedIn: Hook = async (request, reply) => obey(rates.account((await authenticate(request)).account), reply);
  return {
    loggedIn,
    proven: async (request, reply) => {
      if (!isGrant(request.headers.authorization)) return loggedIn(request, reply);
      obey(loginRate(request), reply);
      request.grant = await grantIn(context, request.headers.authorization);
    },
    transfer: async (request, reply) => obey(rates.transfer((await authenticate(request)).account), reply),
    stranger: async (request, reply) => {
      obey(loginRate(request), reply);
    },
    admin: async (request, reply) => {
      try {
        await refused.watch(
          addresses.of(request.raw),
          () => request.session?.account ?? null,
          () => admit(request, reply),
        );
      } catch (error) {
        obey(loginRate(request), reply);
        throw error;
      }
    },
  };
}

/** Where `proven` has passed. */
export function ownerOf(request: FastifyRequest): AccountId {
  return request.grant?.account ?? sessionOf(request).account;
}

/** Where `loggedIn` has passed. */
export function sessionOf(request: FastifyRequest): Session {
  if (request.session === null) throw new ParleyError('unauthenticated');
  return request.session;
}

/** For what may be asked without: each time is another one then. @throws ParleyError `invalid_field` */
export function txnIdIfAny(request: FastifyRequest, query: { readonly txnId?: string | undefined }): TxnId | undefined {
  const isNamed = query.txnId !== undefined || request.headers['idempotency-key'] !== undefined;
  return isNamed ? txnIdOf(request, query) : undefined;
}

/** @throws ParleyError `invalid_field` when a request that has no body names no transaction */
export function txnIdOf(request: FastifyRequest, query: { readonly txnId?: string | undefined }): TxnId {
  const given = query.txnId ?? request.headers['idempotency-key'];
  if (typeof given === 'string' && isTxnId(given)) return given;
  throw new ParleyError('invalid_field', 'txnId: give a ULID as ?txnId= or Idempotency-Key.', {
    data: { field: 'txnId' },
  });
}
