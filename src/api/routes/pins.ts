import { RoomSeqPath, TxnQuery } from '../../protocol/http/queries.ts';
import { PinBody, RoomReply } from '../../protocol/http/schemas.ts';
import { THROUGH_THE_LOG } from '../documented-errors.ts';
import { cursorAfterWrite } from '../freshness.ts';
import { sessionOf, txnIdOf } from '../route-hooks.ts';
import { submit } from '../submit.ts';
import type { RoomId, Seq, TxnId } from '../../protocol/ids.ts';
import type { Session } from '../auth.ts';
import type { ApiContext, App } from '../context.ts';
import type { RouteHooks } from '../route-hooks.ts';

const ERRORS = [...THROUGH_THE_LOG, 'no_such_room', 'no_such_message', 'too_many'] as const;

/** Messages that a room keeps in sight. Which ones, `GET /v1/rooms/{room}` says. */
export function addPinRoutes(app: App, context: ApiContext, hooks: RouteHooks): void {
  const change = async (
    actor: Session,
    txnId: TxnId,
    { room, seq }: { readonly room: string; readonly seq: number },
    pinned: boolean,
  ) => {
    const body = { room: room as RoomId, seq: seq as Seq, pinned };
    await submit(context, { kind: 'room.pin', actor, txnId, body });
    return { room, cursor: cursorAfterWrite(context) };
  };

  app.put(
    '/v1/rooms/:room/pins/:seq',
    {
      onRequest: hooks.loggedIn,
      schema: {
        tags: ['messages'],
        summary: 'Pin a message',
        params: RoomSeqPath,
        body: PinBody,
        response: { 200: RoomReply },
        errors: ERRORS,
      },
    },
    (request) => change(sessionOf(request), request.body.txnId as TxnId, request.params, true),
  );

  app.delete(
    '/v1/rooms/:room/pins/:seq',
    {
      onRequest: hooks.loggedIn,
      schema: {
        tags: ['messages'],
        summary: 'Unpin a message',
        params: RoomSeqPath,
        querystring: TxnQuery,
        response: { 200: RoomReply },
        errors: ERRORS,
      },
    },
    (request) => change(sessionOf(request), txnIdOf(request, request.query), request.params, false),
  );
}
