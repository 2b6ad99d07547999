import { quotasOf, serverRetentionMs, usedOf } from '../../chat/queries-quotas.ts';
import { FreshnessQuery, NamePath } from '../../protocol/http/queries.ts';
import { QuotasBody, QuotasReply, RetentionBody, RetentionReply } from '../../protocol/http/quotas.ts';
import { THROUGH_THE_LOG } from '../documented-errors.ts';
import { freshEnough } from '../freshness.ts';
import { accountCalled } from '../known-account.ts';
import { submit } from '../submit.ts';
import type { Static } from '@sinclair/typebox';
import type { FastifyRequest } from 'fastify';
import type { AccountId, TxnId } from '../../protocol/ids.ts';
import type { QuotasJson } from '../../protocol/http/quotas.ts';
import type { ApiContext, App } from '../context.ts';
import type { RouteHooks } from '../route-hooks.ts';

/** How long the server keeps messages, and how much of it an account may use. */
export function addQuotaRoutes(app: App, context: ApiContext, hooks: RouteHooks): void {
  addRetention(app, context, hooks);
  addQuotas(app, context, hooks);
}

function addRetention(app: App, context: ApiContext, hooks: RouteHooks): void {
  app.get(
    '/v1/admin/retention',
    {
      onRequest: hooks.admin,
      schema: {
        tags: ['admin'],
        summary: 'How long messages are kept at most, in all rooms',
        querystring: FreshnessQuery,
        response: { 200: RetentionReply },
      },
    },
    async ({ query }) => {
      await freshEnough(context, query);
      return { retentionMs: serverRetentionMs(context.node.reader) };
    },
  );

  app.put(
    '/v1/admin/retention',
    {
      onRequest: hooks.admin,
      schema: {
        tags: ['admin'],
        summary: 'Bound how long messages are kept, those that were written before too; a room may keep them shorter',
        body: RetentionBody,
        response: { 200: RetentionReply },
        errors: [...THROUGH_THE_LOG, 'forbidden'],
      },
    },
    async (request) => {
      const { retentionMs, txnId } = request.body;
      const command = { actor: request.session, txnId: txnId as TxnId, body: { retentionMs } };
      return submit(context, { kind: 'server.set-retention', ...command }, request);
    },
  );
}

function addQuotas(app: App, context: ApiContext, hooks: RouteHooks): void {
  const { node } = context;
  const errors = [...THROUGH_THE_LOG, 'forbidden', 'no_such_user'] as const;
  const shown = (account: AccountId | null): QuotasJson => ({
    quotas: quotasOf(node.reader, account),
    ...(account === null ? {} : { used: usedOf(node.reader, account, node.stampMs) }),
  });
  const change = async (
    request: Pick<FastifyRequest, 'raw' | 'session'> & { readonly body: Static<typeof QuotasBody> },
    account: AccountId | null,
  ): Promise<QuotasJson> => {
    const { txnId, ...quotas } = request.body;
    const command = { actor: request.session, txnId: txnId as TxnId, body: { account, quotas } };
    await submit(context, { kind: 'server.set-quotas', ...command }, request);
    return shown(account);
  };

  app.get(
    '/v1/admin/quotas',
    {
      onRequest: hooks.admin,
      schema: {
        tags: ['admin'],
        summary: 'What accounts may use that have no quotas of their own',
        querystring: FreshnessQuery,
        response: { 200: QuotasReply },
      },
    },
    async ({ query }) => {
      await freshEnough(context, query);
      return shown(null);
    },
  );

  app.patch(
    '/v1/admin/quotas',
    {
      onRequest: hooks.admin,
      schema: {
        tags: ['admin'],
        summary: 'Change that; what is not given stays',
        body: QuotasBody,
        response: { 200: QuotasReply },
        errors: [...THROUGH_THE_LOG, 'forbidden'],
      },
    },
    async (request) => change(request, null),
  );

  app.get(
    '/v1/admin/quotas/:name',
    {
      onRequest: hooks.admin,
      schema: {
        tags: ['admin'],
        summary: 'Quotas of one account, and what it uses',
        params: NamePath,
        querystring: FreshnessQuery,
        response: { 200: QuotasReply },
        errors: ['no_such_user'],
      },
    },
    async ({ params, query }) => {
      await freshEnough(context, query);
      return shown(await accountCalled(context, params.name));
    },
  );

  app.patch(
    '/v1/admin/quotas/:name',
    {
      onRequest: hooks.admin,
      schema: {
        tags: ['admin'],
        summary: 'Give an account quotas of its own; null takes one away',
        params: NamePath,
        body: QuotasBody,
        response: { 200: QuotasReply },
        errors,
      },
    },
    async (request) => change(request, await accountCalled(context, request.params.name)),
  );
}
