import { openRooms } from '../../chat/queries-open-rooms.ts';
import { membersPage } from '../../chat/queries-rooms.ts';
import { ParleyError } from '../../protocol/errors.ts';
import { MembersReply, OpenRoomsReply } from '../../protocol/http/open-rooms.ts';
import { MembersQuery, OpenRoomsQuery, RoomPath } from '../../protocol/http/queries.ts';
import { CONTENT_LIMITS } from '../../protocol/content.ts';
import { LIMITS } from '../../protocol/limits.ts';
import { freshEnough } from '../freshness.ts';
import { plainField } from '../plain-field.ts';
import { sessionOf } from '../route-hooks.ts';
import { timeOf } from '../time-text.ts';
import { memberJson } from '../views.ts';
import type { RoomId } from '../../protocol/ids.ts';
import type { ApiContext, App } from '../context.ts';
import type { RouteHooks } from '../route-hooks.ts';

/** Rooms that may be large: finding them, and page by page who is in them. */
export function addOpenRoomRoutes(app: App, context: ApiContext, hooks: RouteHooks): void {
  const { node } = context;

  app.get(
    '/v1/open-rooms',
    {
      onRequest: hooks.loggedIn,
      schema: {
        tags: ['rooms'],
        summary: 'Open rooms, all or by how a word of their name begins; what is written in them is not encrypted',
        querystring: OpenRoomsQuery,
        response: { 200: OpenRoomsReply },
      },
    },
    async ({ query }) => {
      await freshEnough(context, query);
      const { rooms, next } = await openRooms(node.reader, {
        query: plainField(query.query ?? '', 'query', CONTENT_LIMITS.nameBytesMax),
        after: query.after ?? '',
        limit: query.limit ?? LIMITS.readPageDefault,
      });
      return { rooms: rooms.map((room) => ({ ...room, createdAt: timeOf(room.createdAt) })), next };
    },
  );

  app.get(
    '/v1/rooms/:room/members',
    {
      onRequest: hooks.loggedIn,
      schema: {
        tags: ['rooms'],
        summary: 'Who is in a room, in the order in which they joined',
        params: RoomPath,
        querystring: MembersQuery,
        response: { 200: MembersReply },
        errors: ['no_such_room'],
      },
    },
    async (request) => {
      const { query, params } = request;
      await freshEnough(context, query);
      const page = await membersPage(node.reader, sessionOf(request).account, params.room as RoomId, {
        after: query.after ?? 0,
        limit: query.limit ?? LIMITS.readPageDefault,
      });
      if (page === undefined) throw new ParleyError('no_such_room');
      return { members: page.members.map(memberJson), next: page.next };
    },
  );
}
