import { accountName } from '../../chat/queries-accounts.ts';
import { addressBansPage } from '../../chat/queries-admin.ts';
import { addressRangeOf } from '../../protocol/address-range.ts';
import { AddressBanBody, AddressBanReply, AddressBansReply, AddressUnbanReply } from '../../protocol/http/admin.ts';
import { AddressBansQuery, AddressUnbanQuery } from '../../protocol/http/queries.ts';
import { LIMITS } from '../../protocol/limits.ts';
import { THROUGH_THE_LOG } from '../documented-errors.ts';
import { freshEnough } from '../freshness.ts';
import { plainField } from '../plain-field.ts';
import { txnIdOf } from '../route-hooks.ts';
import { submit } from '../submit.ts';
import { timeOf } from '../time-text.ts';
import type { StampMs, TxnId } from '../../protocol/ids.ts';
import type { ApiContext, App } from '../context.ts';
import type { RouteHooks } from '../route-hooks.ts';

/** Bans of addresses. A range has a `/` in it, which not every proxy leaves as it is in a path: it stands elsewhere. */
export function addAddressBanRoutes(app: App, context: ApiContext, hooks: RouteHooks): void {
  const { node, time } = context;

  app.get(
    '/v1/admin/address-bans',
    {
      onRequest: hooks.admin,
      schema: {
        tags: ['admin'],
        summary: 'Which addresses are banned, page by page',
        querystring: AddressBansQuery,
        response: { 200: AddressBansReply },
      },
    },
    async ({ query }) => {
      await freshEnough(context, query);
      const { bans, next } = addressBansPage(node.reader, time.nowMs() as StampMs, {
        limit: query.limit ?? LIMITS.readPageDefault,
        ...(query.after === undefined ? {} : { after: addressRangeOf(query.after) }),
      });
      const shown = bans.map(({ range, by, reason, at, until }) => ({
        range,
        by: by === null ? null : accountName(node.reader, by)!,
        reason,
        at: timeOf(at),
        until: until === null ? null : timeOf(until),
      }));
      return { bans: shown, next };
    },
  );

  app.put(
    '/v1/admin/address-bans',
    {
      onRequest: hooks.admin,
      schema: {
        tags: ['admin'],
        summary: 'Ban an address or a range of them: nobody is served from there, and live feeds end on every node',
        body: AddressBanBody,
        response: { 200: AddressBanReply },
        errors: [...THROUGH_THE_LOG, 'forbidden', 'too_many'],
      },
    },
    async (request) => {
      const { forMs = null, txnId } = request.body;
      const reason = plainField(request.body.reason ?? '', 'reason', LIMITS.banReasonBytesMax);
      const body = { range: addressRangeOf(request.body.range), reason, forMs };
      const command = { kind: 'address.ban', actor: request.session, txnId: txnId as TxnId, body } as const;
      const { range, until } = await submit(context, command, request);
      return { range, until: until === null ? null : timeOf(until) };
    },
  );

  app.delete(
    '/v1/admin/address-bans',
    {
      onRequest: hooks.admin,
      schema: {
        tags: ['admin'],
        summary: 'Lift the ban of an address or a range',
        querystring: AddressUnbanQuery,
        response: { 200: AddressUnbanReply },
        errors: [...THROUGH_THE_LOG, 'forbidden', 'not_banned'],
      },
    },
    async (request) => {
      const txnId = txnIdOf(request, request.query);
      const body = { range: addressRangeOf(request.query.range) };
      return submit(context, { kind: 'address.unban', actor: request.session, txnId, body }, request);
    },
  );
}
