import { accountName } from '../../chat/queries-accounts.ts';
import { registrationPolicy, serverAdmins } from '../../chat/queries-admin.ts';
import { AdminsReply, NamedReply, RegistrationBody, RegistrationReply, TxnBody } from '../../protocol/http/admin.ts';
import { FreshnessQuery, NamePath, TxnQuery } from '../../protocol/http/queries.ts';
import { THROUGH_THE_LOG } from '../documented-errors.ts';
import { freshEnough } from '../freshness.ts';
import { accountCalled } from '../known-account.ts';
import { txnIdOf } from '../route-hooks.ts';
import { submit } from '../submit.ts';
import type { FastifyRequest } from 'fastify';
import type { AccountName, TxnId } from '../../protocol/ids.ts';
import type { ApiContext, App } from '../context.ts';
import type { RouteHooks } from '../route-hooks.ts';

/** Who may register, and who administers the server. */
export function addServerAdminRoutes(app: App, context: ApiContext, hooks: RouteHooks): void {
  addRegistration(app, context, hooks);
  addAdmins(app, context, hooks);
}

function addRegistration(app: App, context: ApiContext, hooks: RouteHooks): void {
  const { node } = context;

  app.get(
    '/v1/admin/registration',
    {
      onRequest: hooks.admin,
      schema: {
        tags: ['admin'],
        summary: 'Who may register',
        querystring: FreshnessQuery,
        response: { 200: RegistrationReply },
      },
    },
    async ({ query }) => {
      await freshEnough(context, query);
      const policy = registrationPolicy(node.reader);
      return { policy: policy ?? node.registration, set: policy !== undefined };
    },
  );

  app.put(
    '/v1/admin/registration',
    {
      onRequest: hooks.admin,
      schema: {
        tags: ['admin'],
        summary: 'Let everybody register, only who is invited, or nobody',
        body: RegistrationBody,
        response: { 200: RegistrationReply },
        errors: [...THROUGH_THE_LOG, 'forbidden'],
      },
    },
    async (request) => {
      const { policy, txnId } = request.body;
      const command = { actor: request.session, txnId: txnId as TxnId, body: { policy } };
      await submit(context, { kind: 'server.set-registration', ...command }, request);
      return { policy, set: true };
    },
  );
}

function addAdmins(app: App, context: ApiContext, hooks: RouteHooks): void {
  const { node } = context;

  app.get(
    '/v1/admin/admins',
    {
      onRequest: hooks.admin,
      schema: {
        tags: ['admin'],
        summary: 'Accounts that administer the server',
        querystring: FreshnessQuery,
        response: { 200: AdminsReply },
      },
    },
    async ({ query }) => {
      await freshEnough(context, query);
      const admins = serverAdmins(node.reader);
      return { admins: admins.map((accountId) => ({ account: accountName(node.reader, accountId)!, accountId })) };
    },
  );

  const errors = [...THROUGH_THE_LOG, 'forbidden', 'no_such_user'] as const;
  app.put(
    '/v1/admin/admins/:name',
    {
      onRequest: hooks.admin,
      schema: {
        tags: ['admin'],
        summary: 'Make an account an admin of the server',
        params: NamePath,
        body: TxnBody,
        response: { 200: NamedReply },
        errors: [...errors, 'too_many'],
      },
    },
    async (request) => setAdmin(context, request, true, request.body.txnId as TxnId),
  );

  app.delete(
    '/v1/admin/admins/:name',
    {
      onRequest: hooks.admin,
      schema: {
        tags: ['admin'],
        summary: 'Make an account no admin any more',
        params: NamePath,
        querystring: TxnQuery,
        response: { 200: NamedReply },
        errors,
      },
    },
    async (request) => setAdmin(context, request, false, txnIdOf(request, request.query)),
  );
}

async function setAdmin(
  context: ApiContext,
  request: Pick<FastifyRequest, 'raw' | 'session'> & { readonly params: { readonly name: string } },
  granted: boolean,
  txnId: TxnId,
): Promise<{ account: AccountName }> {
  const name = request.params.name as AccountName;
  const body = { account: await accountCalled(context, name), granted };
  await submit(context, { kind: 'server.set-admin', actor: request.session, txnId, body }, request);
  return { account: name };
}
