import { RoomMemberPath, TxnQuery } from '../../protocol/http/queries.ts';
import { MemberPatchBody, MemberPutBody, RoomReply } from '../../protocol/http/schemas.ts';
import { sealedMetaOf } from '../device-fields.ts';
import { ENVELOPE, THROUGH_THE_LOG } from '../documented-errors.ts';
import { cursorAfterWrite } from '../freshness.ts';
import { accountCalled } from '../known-account.ts';
import { sessionOf, txnIdOf } from '../route-hooks.ts';
import { submit } from '../submit.ts';
import type { RoomId, TxnId } from '../../protocol/ids.ts';
import type { ApiContext, App } from '../context.ts';
import type { RouteHooks } from '../route-hooks.ts';

/** Who is in a room. Leaving is removing oneself. */
export function addMemberRoutes(app: App, context: ApiContext, hooks: RouteHooks): void {
  app.put(
    '/v1/rooms/:room/members/:name',
    {
      onRequest: hooks.loggedIn,
      schema: {
        tags: ['rooms'],
        summary: 'Add a member',
        params: RoomMemberPath,
        body: MemberPutBody,
        response: { 200: RoomReply },
        errors: [
          ...THROUGH_THE_LOG,
          ...ENVELOPE,
          'no_such_room',
          'blocked',
          'no_such_user',
          'forbidden',
          'not_a_group',
          'already_member',
          'room_too_large',
          'quota_exceeded',
        ],
      },
    },
    async (request) => {
      const { params, body } = request;
      const { room } = await submit(
        context,
        {
          kind: 'room.add',
          actor: sessionOf(request),
          txnId: body.txnId as TxnId,
          body: {
            room: params.room as RoomId,
            members: [await accountCalled(context, params.name)],
            ...sealedMetaOf(body.sealedMeta),
          },
        },
        request,
      );
      return { room, cursor: cursorAfterWrite(context) };
    },
  );

  app.patch(
    '/v1/rooms/:room/members/:name',
    {
      onRequest: hooks.loggedIn,
      schema: {
        tags: ['rooms'],
        summary: 'Give a member another role, or mute it',
        params: RoomMemberPath,
        body: MemberPatchBody,
        response: { 200: RoomReply },
        errors: [
          ...THROUGH_THE_LOG,
          'no_such_room',
          'no_such_user',
          'forbidden',
          'not_a_group',
          'last_owner',
          'too_many',
        ],
      },
    },
    async (request) => {
      const { params, body } = request;
      const room = params.room as RoomId;
      const member = await accountCalled(context, params.name);
      const command = { actor: sessionOf(request), txnId: body.txnId as TxnId };
      if (body.role !== undefined) {
        await submit(context, { ...command, kind: 'room.set-role', body: { room, member, role: body.role } }, request);
      } else if (body.mutedForMs !== undefined) {
        const mute = { room, member, forMs: body.mutedForMs };
        await submit(context, { ...command, kind: 'room.mute', body: mute }, request);
      }
      return { room, cursor: cursorAfterWrite(context) };
    },
  );

  app.delete(
    '/v1/rooms/:room/members/:name',
    {
      onRequest: hooks.loggedIn,
      schema: {
        tags: ['rooms'],
        summary: 'Remove a member, or leave',
        params: RoomMemberPath,
        querystring: TxnQuery,
        response: { 200: RoomReply },
        errors: [...THROUGH_THE_LOG, 'no_such_room', 'no_such_user', 'forbidden', 'not_a_group', 'last_owner'],
      },
    },
    async (request) => {
      const { room } = await submit(
        context,
        {
          kind: 'room.remove',
          actor: sessionOf(request),
          txnId: txnIdOf(request, request.query),
          body: { room: request.params.room as RoomId, member: await accountCalled(context, request.params.name) },
        },
        request,
      );
      return { room, cursor: cursorAfterWrite(context) };
    },
  );
}
