import { accountIdByName } from '../../chat/queries-accounts.ts';
import { PresenceReply, TypingBody, TypingReply } from '../../protocol/http/presence.ts';
import { PresenceQuery, RoomPath } from '../../protocol/http/queries.ts';
import { LIMITS } from '../../protocol/limits.ts';
import { ParleyError } from '../../protocol/errors.ts';
import { freshEnough } from '../freshness.ts';
import { obey } from '../rate-headers.ts';
import { sessionOf } from '../route-hooks.ts';
import type { RoomId } from '../../protocol/ids.ts';
import type { ApiContext, App } from '../context.ts';
import type { RouteHooks } from '../route-hooks.ts';

/** Who is there and who is writing, for who has no WebSocket. */
export function addPresenceRoutes(app: App, context: ApiContext, hooks: RouteHooks): void {
  const { node, live, rates } = context;

  app.get(
    '/v1/rooms/:room/presence',
    {
      onRequest: hooks.loggedIn,
      schema: {
        tags: ['rooms'],
        summary: 'Who of these members is there now; over the WebSocket, `watch` tells of changes too',
        params: RoomPath,
        querystring: PresenceQuery,
        response: { 200: PresenceReply },
        errors: ['no_such_room'],
      },
    },
    async (request) => {
      await freshEnough(context, request.query);
      const names = new Set(request.query.accounts.split(','));
      if (names.size > LIMITS.presenceAskedMax) {
        throw new ParleyError('invalid_field', `accounts: at most ${LIMITS.presenceAskedMax} names.`, {
          data: { field: 'accounts' },
        });
      }
      const accounts = Array.from(names, (name) => accountIdByName(node.reader, name) ?? []).flat();
      const room = request.params.room as RoomId;
      return { people: [...live.seenIn(room, sessionOf(request).account, accounts)] };
    },
  );

  app.put(
    '/v1/rooms/:room/typing',
    {
      onRequest: hooks.loggedIn,
      schema: {
        tags: ['rooms'],
        summary: 'Say that one is writing, or has stopped; never stored',
        params: RoomPath,
        body: TypingBody,
        response: { 200: TypingReply },
        errors: ['no_such_room'],
      },
    },
    (request, reply) => {
      const { account, session } = sessionOf(request);
      obey(rates.signals(session), reply);
      const room = request.params.room as RoomId;
      live.say({ room, account, active: request.body.active });
      return { room, forMs: LIMITS.typingShownMs };
    },
  );
}
