/* oxlint-disable oxc/no-async-endpoint-handlers -- fastify, unlike Express, awaits its handlers. */
import { messagesPage } from '../../chat/queries-messages.ts';
import { ParleyError } from '../../protocol/errors.ts';
import { MessagesQuery, RoomPath, RoomTxnPath } from '../../protocol/http/queries.ts';
import { MessagesReply, SendBody, SendReply } from '../../protocol/http/schemas.ts';
import { LIMITS } from '../../protocol/limits.ts';
import { freshEnough } from '../freshness.ts';
import { sessionOf } from '../route-hooks.ts';
import { sendMessage } from '../send-message.ts';
import { messageJson } from '../views.ts';
import type { MessageInfo } from '../../chat/queries-messages.ts';
import type { RoomId } from '../../protocol/ids.ts';
import type { ApiContext, App } from '../context.ts';
import type { RouteHooks } from '../route-hooks.ts';

/** A page is cut short where its envelopes are larger than this together; the next one goes on from there. */
const PAGE_BYTES_MAX = 1024 * 1024;

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
      },
    },
    async (request) => {
      const { params, body } = request;
      const reply = await sendMessage(context, sessionOf(request), { ...params, envelope: body.envelope });
      onSend();
      return reply;
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
      },
    },
    async (request) => {
      const { query } = request;
      const cursor = await freshEnough(context, query);
      const page = await messagesPage(node.reader, {
        account: sessionOf(request).account,
        room: request.params.room as RoomId,
        limit: query.limit ?? LIMITS.readPageDefault,
        ...(query.after === undefined ? {} : { after: query.after }),
        ...(query.before === undefined ? {} : { before: query.before }),
      });
      if (page === undefined) throw new ParleyError('no_such_room');
      const messages = cut(page.messages, query.after === undefined ? 'older' : 'newer');
      return { messages: messages.map(messageJson), lastSeq: page.lastSeq, cursor };
    },
  );
}

/** Leaves out what the reader would ask for next anyway. */
function cut(messages: readonly MessageInfo[], leaveOut: 'older' | 'newer'): readonly MessageInfo[] {
  const ordered = leaveOut === 'newer' ? messages : messages.toReversed();
  let bytes = 0;
  const end = ordered.findIndex(({ envelope }, i) => (bytes += envelope.length) > PAGE_BYTES_MAX && i > 0);
  if (end < 0) return messages;
  const kept = ordered.slice(0, end);
  return leaveOut === 'newer' ? kept : kept.toReversed();
}
