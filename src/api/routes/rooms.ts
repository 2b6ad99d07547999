import { accountName } from '../../chat/queries-accounts.ts';
import { roomDetail, roomsOf } from '../../chat/queries-rooms.ts';
import { ParleyError } from '../../protocol/errors.ts';
import { FreshnessQuery, RoomPath, RoomsQuery } from '../../protocol/http/queries.ts';
import { RoomCreateBody, RoomDetail, RoomPatchBody, RoomReply, RoomsReply } from '../../protocol/http/schemas.ts';
import { LIMITS } from '../../protocol/limits.ts';
import { bytesOfField } from '../bytes.ts';
import { sealedMetaOf } from '../device-fields.ts';
import { ENVELOPE, THROUGH_THE_LOG } from '../documented-errors.ts';
import { cursorAfterWrite, freshEnough } from '../freshness.ts';
import { sessionOf } from '../route-hooks.ts';
import { submit } from '../submit.ts';
import { roomDetailJson, roomSummaryJson } from '../views.ts';
import type { AccountId, RoomId, TxnId } from '../../protocol/ids.ts';
import type { ApiContext, App } from '../context.ts';
import type { RouteHooks } from '../route-hooks.ts';

/** Rooms of the own account. Their names are sealed; what nodes see is who is in them. */
export function addRoomRoutes(app: App, context: ApiContext, hooks: RouteHooks): void {
  const { node } = context;

  app.post(
    '/v1/rooms',
    {
      onRequest: hooks.loggedIn,
      schema: {
        tags: ['rooms'],
        summary: 'Make a room',
        body: RoomCreateBody,
        response: { 200: RoomReply },
        errors: [...THROUGH_THE_LOG, ...ENVELOPE, 'blocked', 'no_such_user', 'room_too_large', 'quota_exceeded'],
      },
    },
    async (request) => {
      const { kind, members, sealedMeta, txnId } = request.body;
      const { room } = await submit(
        context,
        {
          kind: 'room.create',
          actor: sessionOf(request),
          txnId: txnId as TxnId,
          body: { kind, members: members as AccountId[], ...sealedMetaOf(sealedMeta) },
        },
        request,
      );
      return { room, cursor: cursorAfterWrite(context) };
    },
  );

  app.get(
    '/v1/rooms',
    {
      onRequest: hooks.loggedIn,
      schema: {
        tags: ['rooms'],
        summary: 'Rooms of the own account',
        querystring: RoomsQuery,
        response: { 200: RoomsReply },
      },
    },
    async (request) => {
      const { query } = request;
      await freshEnough(context, query);
      const { rooms, next } = await roomsOf(node.reader, sessionOf(request).account, {
        limit: query.limit ?? LIMITS.readPageDefault,
        ...(query.after === undefined ? {} : { after: query.after as RoomId }),
      });
      return { rooms: rooms.map(roomSummaryJson), next };
    },
  );

  app.get(
    '/v1/rooms/:room',
    {
      onRequest: hooks.loggedIn,
      schema: {
        tags: ['rooms'],
        summary: 'One room, with the devices to encrypt for',
        params: RoomPath,
        querystring: FreshnessQuery,
        response: { 200: RoomDetail },
        errors: ['no_such_room'],
      },
    },
    async (request) => {
      const cursor = await freshEnough(context, request.query);
      const room = roomDetail(node.reader, sessionOf(request).account, request.params.room as RoomId);
      if (room === undefined) throw new ParleyError('no_such_room');
      return roomDetailJson(room, cursor, (account) => accountName(node.reader, account)!);
    },
  );

  app.patch(
    '/v1/rooms/:room',
    {
      onRequest: hooks.loggedIn,
      schema: {
        tags: ['rooms'],
        summary: 'Rename a room, archive it, let messages disappear, or bound how long they are kept',
        params: RoomPath,
        body: RoomPatchBody,
        response: { 200: RoomReply },
        errors: [...THROUGH_THE_LOG, ...ENVELOPE, 'no_such_room', 'not_a_group', 'forbidden'],
      },
    },
    async (request) => {
      const { sealedMeta, archived, messageTtlMs, retentionMs, txnId } = request.body;
      const room = request.params.room as RoomId;
      const command = { actor: sessionOf(request), txnId: txnId as TxnId };
      if (sealedMeta !== undefined) {
        const body = { room, sealedMeta: bytesOfField(sealedMeta, 'sealedMeta') };
        await submit(context, { ...command, kind: 'room.set-meta', body });
      } else if (archived !== undefined) {
        await submit(context, { ...command, kind: 'room.archive', body: { room, archived } }, request);
      } else if (messageTtlMs !== undefined) {
        await submit(context, { ...command, kind: 'room.set-ttl', body: { room, ttlMs: messageTtlMs } });
      } else if (retentionMs !== undefined) {
        await submit(context, { ...command, kind: 'room.set-retention', body: { room, retentionMs } }, request);
      }
      return { room, cursor: cursorAfterWrite(context) };
    },
  );
}
