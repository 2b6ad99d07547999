import { accountName } from '../../chat/queries-accounts.ts';
import { receiptsIn } from '../../chat/queries-receipts.ts';
import { membershipIn } from '../../chat/queries-rooms.ts';
import { ParleyError } from '../../protocol/errors.ts';
import { ReceiptsQuery, RoomPath } from '../../protocol/http/queries.ts';
import {
  ReceiptBody,
  ReceiptSharingBody,
  ReceiptSharingReply,
  ReceiptsReply,
  RoomReply,
} from '../../protocol/http/schemas.ts';
import { LIMITS } from '../../protocol/limits.ts';
import { ASKS_THE_CLUSTER, THROUGH_THE_LOG } from '../documented-errors.ts';
import { cursorAfterWrite, freshEnough } from '../freshness.ts';
import { sessionOf } from '../route-hooks.ts';
import { submit } from '../submit.ts';
import { timeOf } from '../time-text.ts';
import type { AccountId, RoomId, TxnId } from '../../protocol/ids.ts';
import type { ApiContext, App } from '../context.ts';
import type { RouteHooks } from '../route-hooks.ts';

/** How far accounts have got in rooms. Over a WebSocket the frame `ack` does the same as PUT. */
export function addReceiptRoutes(app: App, context: ApiContext, hooks: RouteHooks): void {
  const { node, receipts } = context;

  app.put(
    '/v1/rooms/:room/receipts',
    {
      onRequest: hooks.loggedIn,
      schema: {
        tags: ['messages'],
        summary: 'Say up to where everything was delivered and read',
        params: RoomPath,
        body: ReceiptBody,
        response: { 200: RoomReply },
        errors: [...ASKS_THE_CLUSTER, 'no_such_room'],
      },
    },
    async (request) => {
      const { account } = sessionOf(request);
      const room = request.params.room as RoomId;
      if (membershipIn(node.reader, account, room) === undefined) throw new ParleyError('no_such_room');
      const { delivered = 0, read = 0 } = request.body;
      await receipts.mark(account, room, { delivered, read });
      return { room, cursor: cursorAfterWrite(context) };
    },
  );

  app.get(
    '/v1/rooms/:room/receipts',
    {
      onRequest: hooks.loggedIn,
      schema: {
        tags: ['messages'],
        summary: 'How far the members of a room have got; without those who keep it to themselves',
        params: RoomPath,
        querystring: ReceiptsQuery,
        response: { 200: ReceiptsReply },
        errors: ['no_such_room'],
      },
    },
    async (request) => {
      const { query } = request;
      const { account } = sessionOf(request);
      const room = request.params.room as RoomId;
      await freshEnough(context, query);
      if (membershipIn(node.reader, account, room) === undefined) throw new ParleyError('no_such_room');
      const { receipts: found, next } = await receiptsIn(node.reader, room, {
        account,
        limit: query.limit ?? LIMITS.readPageDefault,
        ...(query.after === undefined ? {} : { after: query.after as AccountId }),
      });
      return {
        receipts: found.map(({ account: accountId, delivered, read, at }) => ({
          account: accountName(node.reader, accountId)!,
          accountId,
          delivered,
          read,
          at: timeOf(at),
        })),
        next,
      };
    },
  );

  app.put(
    '/v1/receipts/sharing',
    {
      onRequest: hooks.loggedIn,
      schema: {
        tags: ['messages'],
        summary: 'Let others see how far one has read, or not',
        body: ReceiptSharingBody,
        response: { 200: ReceiptSharingReply },
        errors: THROUGH_THE_LOG,
      },
    },
    async (request) => {
      const { share, txnId } = request.body;
      const actor = sessionOf(request);
      await submit(context, { kind: 'receipt.share', actor, txnId: txnId as TxnId, body: { share } });
      return { share, cursor: cursorAfterWrite(context) };
    },
  );
}
