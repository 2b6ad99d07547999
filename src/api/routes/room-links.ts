import { sha256 } from '@noble/hashes/sha2.js';
import { accountName } from '../../chat/queries-accounts.ts';
import { linksInto, membershipIn } from '../../chat/queries-rooms.ts';
import { ParleyError } from '../../protocol/errors.ts';
import { FreshnessQuery, RoomLinkPath, RoomPath, TxnQuery } from '../../protocol/http/queries.ts';
import { JoinBody, LinkBody, LinkReply, LinksReply, RoomReply } from '../../protocol/http/schemas.ts';
import { bytesOfField, exactBytesOfField } from '../bytes.ts';
import { THROUGH_THE_LOG } from '../documented-errors.ts';
import { cursorAfterWrite, freshEnough } from '../freshness.ts';
import { sessionOf, txnIdOf } from '../route-hooks.ts';
import { submit } from '../submit.ts';
import { timeOf } from '../time-text.ts';
import type { RoomId, TxnId } from '../../protocol/ids.ts';
import type { ApiContext, App } from '../context.ts';
import type { RouteHooks } from '../route-hooks.ts';

const HASH_BYTES = 32;

/** Links by which people let themselves into a room. Nodes keep the hash of a link's secret only. */
export function addRoomLinkRoutes(app: App, context: ApiContext, hooks: RouteHooks): void {
  const { node } = context;

  app.post(
    '/v1/rooms/:room/links',
    {
      onRequest: hooks.loggedIn,
      schema: {
        tags: ['rooms'],
        summary: 'Make a link into a room',
        params: RoomPath,
        body: LinkBody,
        response: { 200: LinkReply },
        errors: [...THROUGH_THE_LOG, 'no_such_room', 'not_a_group', 'forbidden', 'too_many'],
      },
    },
    async (request) => {
      const { secretHash, ttlMs, usesMax, txnId } = request.body;
      const { room, expiresAt } = await submit(
        context,
        {
          kind: 'room.create-link',
          actor: sessionOf(request),
          txnId: txnId as TxnId,
          body: {
            room: request.params.room as RoomId,
            secretHash: exactBytesOfField(secretHash, 'secretHash', HASH_BYTES),
            ttlMs,
            usesMax,
          },
        },
        request,
      );
      return { room, expiresAt: timeOf(expiresAt), cursor: cursorAfterWrite(context) };
    },
  );

  app.get(
    '/v1/rooms/:room/links',
    {
      onRequest: hooks.loggedIn,
      schema: {
        tags: ['rooms'],
        summary: 'Links into a room, for its owner and admins',
        params: RoomPath,
        querystring: FreshnessQuery,
        response: { 200: LinksReply },
        errors: ['no_such_room', 'forbidden'],
      },
    },
    async (request) => {
      await freshEnough(context, request.query);
      const { account } = sessionOf(request);
      const room = request.params.room as RoomId;
      if (membershipIn(node.reader, account, room) === undefined) throw new ParleyError('no_such_room');
      const links = await linksInto(node.reader, account, room);
      if (links === undefined) throw new ParleyError('forbidden');
      return {
        links: links.map(({ secretHash, by, expiresAt, usesLeft }) => ({
          secretHash,
          by: accountName(node.reader, by)!,
          expiresAt: timeOf(expiresAt),
          usesLeft,
        })),
      };
    },
  );

  app.delete(
    '/v1/rooms/:room/links/:secretHash',
    {
      onRequest: hooks.loggedIn,
      schema: {
        tags: ['rooms'],
        summary: 'Revoke a link',
        params: RoomLinkPath,
        querystring: TxnQuery,
        response: { 200: RoomReply },
        errors: [...THROUGH_THE_LOG, 'no_such_room', 'no_such_link', 'not_a_group', 'forbidden'],
      },
    },
    async (request) => {
      const { params } = request;
      const { room } = await submit(
        context,
        {
          kind: 'room.revoke-link',
          actor: sessionOf(request),
          txnId: txnIdOf(request, request.query),
          body: {
            room: params.room as RoomId,
            secretHash: exactBytesOfField(params.secretHash, 'secretHash', HASH_BYTES),
          },
        },
        request,
      );
      return { room, cursor: cursorAfterWrite(context) };
    },
  );

  app.post(
    '/v1/rooms/:room/join',
    {
      onRequest: hooks.loggedIn,
      schema: {
        tags: ['rooms'],
        summary: 'Let oneself in: by a link, or into an open room',
        params: RoomPath,
        body: JoinBody,
        response: { 200: RoomReply },
        errors: [
          ...THROUGH_THE_LOG,
          'no_such_room',
          'no_such_link',
          'already_member',
          'forbidden',
          'room_too_large',
          'quota_exceeded',
        ],
      },
    },
    async (request) => {
      const { secret, txnId } = request.body;
      const { room } = await submit(
        context,
        {
          kind: 'room.join',
          actor: sessionOf(request),
          txnId: txnId as TxnId,
          body: {
            room: request.params.room as RoomId,
            ...(secret === undefined ? {} : { secretHash: sha256(bytesOfField(secret, 'secret')) }),
          },
        },
        request,
      );
      return { room, cursor: cursorAfterWrite(context) };
    },
  );
}
