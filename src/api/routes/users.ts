import { accountById, accountName } from '../../chat/queries-accounts.ts';
import { banOf, bansPage, serverAdmins } from '../../chat/queries-admin.ts';
import { blobUseOf } from '../../chat/queries-blobs.ts';
import { sessionsOf } from '../../chat/queries-sessions.ts';
import {
  AdminAccountBody,
  AdminAccountReply,
  BanBody,
  BanReply,
  BansReply,
  DeleteAccountQuery,
  NamedReply,
} from '../../protocol/http/admin.ts';
import { BansQuery, FreshnessQuery, NamePath, TxnQuery } from '../../protocol/http/queries.ts';
import { LIMITS } from '../../protocol/limits.ts';
import { THROUGH_THE_LOG } from '../documented-errors.ts';
import { freshEnough } from '../freshness.ts';
import { accountCalled } from '../known-account.ts';
import { plainField } from '../plain-field.ts';
import { txnIdOf } from '../route-hooks.ts';
import { submit } from '../submit.ts';
import { timeOf } from '../time-text.ts';
import type { BanInfo } from '../../chat/queries-admin.ts';
import type { StateReader } from '../../chat/ports.ts';
import type { BanJsonT } from '../../protocol/http/admin.ts';
import type { AccountId, StampMs, TxnId } from '../../protocol/ids.ts';
import type { ApiContext, App } from '../context.ts';
import type { RouteHooks } from '../route-hooks.ts';

const ERRORS_HERE = [...THROUGH_THE_LOG, 'forbidden', 'no_such_user'] as const;

/** What admins do to accounts. */
export function addUserRoutes(app: App, context: ApiContext, hooks: RouteHooks): void {
  addBans(app, context, hooks);
  addAccounts(app, context, hooks);
}

function addBans(app: App, context: ApiContext, hooks: RouteHooks): void {
  const { node, time } = context;

  app.get(
    '/v1/admin/bans',
    {
      onRequest: hooks.admin,
      schema: {
        tags: ['admin'],
        summary: 'Who is banned, page by page',
        querystring: BansQuery,
        response: { 200: BansReply },
      },
    },
    async ({ query }) => {
      await freshEnough(context, query);
      const { bans, next } = await bansPage(node.reader, time.nowMs() as StampMs, {
        limit: query.limit ?? LIMITS.readPageDefault,
        ...(query.after === undefined ? {} : { after: query.after as AccountId }),
      });
      return { bans: bans.map((ban) => banJson(node.reader, ban)), next };
    },
  );

  app.put(
    '/v1/admin/bans/:name',
    {
      onRequest: hooks.admin,
      schema: {
        tags: ['admin'],
        summary: 'Ban an account: its sessions and live feeds end on every node, and it opens none',
        params: NamePath,
        body: BanBody,
        response: { 200: BanReply },
        errors: [...ERRORS_HERE, 'is_admin'],
      },
    },
    async (request) => {
      const { forMs = null, txnId } = request.body;
      const reason = plainField(request.body.reason ?? '', 'reason', LIMITS.banReasonBytesMax);
      const { name } = request.params;
      const body = { account: await accountCalled(context, name), reason, forMs };
      const command = { kind: 'user.ban', actor: request.session, txnId: txnId as TxnId, body } as const;
      const { until } = await submit(context, command, request);
      return { account: name, until: until === null ? null : timeOf(until) };
    },
  );

  app.delete(
    '/v1/admin/bans/:name',
    {
      onRequest: hooks.admin,
      schema: {
        tags: ['admin'],
        summary: 'Lift a ban',
        params: NamePath,
        querystring: TxnQuery,
        response: { 200: NamedReply },
        errors: [...ERRORS_HERE, 'not_banned'],
      },
    },
    async (request) => {
      const { name } = request.params;
      const txnId = txnIdOf(request, request.query);
      const body = { account: await accountCalled(context, name) };
      await submit(context, { kind: 'user.unban', actor: request.session, txnId, body }, request);
      return { account: name };
    },
  );
}

function addAccounts(app: App, context: ApiContext, hooks: RouteHooks): void {
  const { node, time } = context;

  app.get(
    '/v1/admin/accounts/:name',
    {
      onRequest: hooks.admin,
      schema: {
        tags: ['admin'],
        summary: 'How an account stands',
        params: NamePath,
        querystring: FreshnessQuery,
        response: { 200: AdminAccountReply },
        errors: ['no_such_user'],
      },
    },
    async ({ params, query }) => {
      await freshEnough(context, query);
      const { reader } = node;
      const nowMs = time.nowMs() as StampMs;
      const accountId = await accountCalled(context, params.name);
      const { name, state, createdAt, devices } = accountById(reader, accountId)!;
      const ban = banOf(reader, accountId, nowMs);
      return {
        account: name,
        accountId,
        state,
        admin: serverAdmins(reader).includes(accountId),
        createdAt: timeOf(createdAt),
        devices: devices.length,
        sessions: sessionsOf(reader, accountId, nowMs).length,
        filesBytes: blobUseOf(reader, accountId),
        ban: ban === undefined ? null : banJson(reader, ban),
      };
    },
  );

  app.patch(
    '/v1/admin/accounts/:name',
    {
      onRequest: hooks.admin,
      schema: {
        tags: ['admin'],
        summary: 'Deactivate an account, or take that back',
        params: NamePath,
        body: AdminAccountBody,
        response: { 200: NamedReply },
        errors: [...ERRORS_HERE, 'is_admin'],
      },
    },
    async (request) => {
      const { active, txnId } = request.body;
      const { name } = request.params;
      const body = { account: await accountCalled(context, name), active };
      const command = { kind: 'user.set-active', actor: request.session, txnId: txnId as TxnId, body } as const;
      await submit(context, command, request);
      return { account: name };
    },
  );

  app.delete(
    '/v1/admin/accounts/:name',
    {
      onRequest: hooks.admin,
      schema: {
        tags: ['admin'],
        summary: 'Delete an account for good',
        params: NamePath,
        querystring: DeleteAccountQuery,
        response: { 200: NamedReply },
        errors: [...ERRORS_HERE, 'is_admin'],
      },
    },
    async (request) => {
      const { name } = request.params;
      const txnId = txnIdOf(request, request.query);
      const body = { account: await accountCalled(context, name), messages: request.query.messages ?? false };
      await submit(context, { kind: 'user.delete', actor: request.session, txnId, body }, request);
      return { account: name };
    },
  );
}

function banJson(reader: StateReader, { account, by, reason, at, until }: BanInfo): BanJsonT {
  return {
    account: accountName(reader, account)!,
    accountId: account,
    by: by === null ? null : accountName(reader, by)!,
    reason,
    at: timeOf(at),
    until: until === null ? null : timeOf(until),
  };
}
