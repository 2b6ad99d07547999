import { ParleyError } from '../../protocol/errors.ts';
import { MessagesQuery, RoomPath, RoomTxnPath } from '../../protocol/http/queries.ts';
import { DeletionBody, DeletionReply, MessagesReply, SendBody, SendReply } from '../../protocol/http/schemas.ts';
import { LIMITS } from '../../protocol/limits.ts';
import { ENVELOPE, THROUGH_THE_LOG } from '../documented-errors.ts';
import { cursorAfterWrite, freshEnough } from '../freshness.ts';
import { readMessages } from '../message-page.ts';
import { sessionOf } from '../route-hooks.ts';
import { sendMessage } from '../send-message.ts';
import { submit } from '../submit.ts';
import { messageJson } from '../views.ts';
import type { RoomId, Seq, TxnId } from '../../protocol/ids.ts';
import type { ApiContext, App } from '../context.ts';
import type { RouteHooks } from '../route-hooks.ts';

/** @param onSend told of every message that was acknowledged */
export function addMessageRoutes(app: App, context: ApiContext, hooks: RouteHooks, onSend: () => void): void {
  const { node } = context;

  app.put(
    '/v1/rooms/:room/messages/:txnId',
    {
      onRequest: hooks.loggedIn,
      schema: {
        tags: ['messages'],
        summary: 'Send, exactly once however often it is repeated',
        params: RoomTxnPath,
        body: SendBody,
        response: { 200: SendReply },
        errors: [
          ...THROUGH_THE_LOG,
          ...ENVELOPE,
          'no_such_room',
          'no_such_message',
          'forbidden',
          'muted',
          'room_archived',
          'message_full',
          'stale_devices',
          'blocked',
          'room_too_large',
          'blob_missing',
          'quota_exceeded',
        ],
      },
    },
    async (request) => {
      const { params, body } = request;
      const reply = await sendMessage(context, sessionOf(request), { ...params, envelope: body.envelope });
      onSend();
      return reply;
    },
  );

  app.put(
    '/v1/rooms/:room/deletions/:txnId',
    {
      onRequest: hooks.loggedIn,
      schema: {
        tags: ['messages'],
        summary: 'Delete a message with its edits and reactions, or one of those',
        params: RoomTxnPath,
        body: DeletionBody,
        response: { 200: DeletionReply },
        errors: [...THROUGH_THE_LOG, 'no_such_room', 'no_such_message', 'forbidden'],
      },
    },
    async (request) => {
      const { params, body } = request;
      const { room, seqs } = await submit(context, {
        kind: 'message.delete',
        actor: sessionOf(request),
        txnId: params.txnId as TxnId,
        body: { room: params.room as RoomId, seq: body.seq as Seq },
      });
      return { room, seqs: [...seqs], cursor: cursorAfterWrite(context) };
    },
  );

  app.get(
    '/v1/rooms/:room/messages',
    {
      onRequest: hooks.loggedIn,
      schema: {
        tags: ['messages'],
        summary: 'Read, ascending; without after or before: the newest',
        params: RoomPath,
        querystring: MessagesQuery,
        response: { 200: MessagesReply },
        errors: ['no_such_room'],
      },
    },
    async (request) => {
      const { query } = request;
      const cursor = await freshEnough(context, query);
      const page = await readMessages(node.reader, {
        account: sessionOf(request).account,
        room: request.params.room as RoomId,
        limit: query.limit ?? LIMITS.readPageDefault,
        ...(query.after === undefined ? {} : { after: query.after }),
        ...(query.before === undefined ? {} : { before: query.before }),
      });
      if (page === undefined) throw new ParleyError('no_such_room');
      return { messages: page.messages.map(messageJson), lastSeq: page.lastSeq, cursor };
    },
  );
}
