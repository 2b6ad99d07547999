import { accountById } from '../../chat/queries-accounts.ts';
import { hooksOf } from '../../chat/queries-hooks.ts';
import { verifyHookRecord } from '../../crypto/hook-keys.ts';
import { deviceIdOf } from '../../protocol/derive-ids.ts';
import { ParleyError } from '../../protocol/errors.ts';
import { FreshnessQuery, RoomPath, TxnQuery } from '../../protocol/http/queries.ts';
import { HookBody, HookMessageBody, HookPath, HookReply, HooksReply, RoomHookPath } from '../../protocol/http/hooks.ts';
import { RoomReply, SendReply } from '../../protocol/http/schemas.ts';
import { LIMITS } from '../../protocol/limits.ts';
import { exactBytesOfField, textOfBytes } from '../bytes.ts';
import { THROUGH_THE_LOG } from '../documented-errors.ts';
import { cursorAfterWrite, freshEnough } from '../freshness.ts';
import { hookOf, sayByHook } from '../hook-messages.ts';
import { plainField } from '../plain-field.ts';
import { obey } from '../rate-headers.ts';
import { refuseOver } from '../rate-limit.ts';
import { sessionOf, txnIdOf } from '../route-hooks.ts';
import { submit } from '../submit.ts';
import { timeOf } from '../time-text.ts';
import type { DeviceId, RoomId, TxnId } from '../../protocol/ids.ts';
import type { ApiContext, App } from '../context.ts';
import type { RouteHooks } from '../route-hooks.ts';

const KEY_BYTES = 32;
const SIGNATURE_BYTES = 64;

/** Webhooks that speak in an open room: made by its staff, used by whoever holds their secret. */
export function addHookRoutes(app: App, context: ApiContext, routeHooks: RouteHooks): void {
  const { node } = context;

  app.post(
    '/v1/rooms/:room/hooks',
    {
      onRequest: routeHooks.loggedIn,
      schema: {
        tags: ['rooms'],
        summary: 'Make a webhook into an open room',
        description: 'Its key derives from a secret that no node is told before it is used: clients draw it.',
        params: RoomPath,
        body: HookBody,
        response: { 200: HookReply },
        errors: [...THROUGH_THE_LOG, 'no_such_room', 'not_a_group', 'forbidden', 'too_many', 'invalid_signature'],
      },
    },
    async (request) => {
      const { body, params } = request;
      const actor = sessionOf(request);
      const room = params.room as RoomId;
      const signingKey = exactBytesOfField(body.signingKey, 'signingKey', KEY_BYTES);
      const signature = exactBytesOfField(body.signature, 'signature', SIGNATURE_BYTES);
      const name = plainField(body.name, 'name', LIMITS.hookNameBytesMax);
      const maker = accountById(node.reader, actor.account);
      const record = { hook: deviceIdOf(signingKey), room, name, signingKey, signature };
      if (maker === undefined || !verifyHookRecord(actor.account, maker.userKey, record)) {
        throw new ParleyError('invalid_signature', 'Your user key does not vouch for this webhook.');
      }
      const command = { kind: 'hook.add', actor, txnId: body.txnId as TxnId } as const;
      const { hook } = await submit(context, { ...command, body: { room, name, signingKey, signature } }, request);
      return { room, hook, cursor: cursorAfterWrite(context) };
    },
  );

  app.get(
    '/v1/rooms/:room/hooks',
    {
      onRequest: routeHooks.loggedIn,
      schema: {
        tags: ['rooms'],
        summary: 'Webhooks into an open room, for its members',
        params: RoomPath,
        querystring: FreshnessQuery,
        response: { 200: HooksReply },
        errors: ['no_such_room'],
      },
    },
    async (request) => {
      await freshEnough(context, request.query);
      const hooks = hooksOf(node.reader, sessionOf(request).account, request.params.room as RoomId);
      if (hooks === undefined) throw new ParleyError('no_such_room');
      return {
        hooks: hooks.map(({ hook, name, account, accountName: maker, signingKey, signature, createdAt, removed }) => ({
          hook,
          name,
          account: maker,
          accountId: account,
          signingKey: textOfBytes(signingKey),
          signature: textOfBytes(signature),
          createdAt: timeOf(createdAt),
          removed,
        })),
      };
    },
  );

  app.delete(
    '/v1/rooms/:room/hooks/:hook',
    {
      onRequest: routeHooks.loggedIn,
      schema: {
        tags: ['rooms'],
        summary: 'Remove a webhook: it says nothing more, on every node',
        params: RoomHookPath,
        querystring: TxnQuery,
        response: { 200: RoomReply },
        errors: [...THROUGH_THE_LOG, 'no_such_room', 'no_such_hook', 'not_a_group', 'forbidden'],
      },
    },
    async (request) => {
      const { params } = request;
      const body = { room: params.room as RoomId, hook: params.hook as DeviceId };
      const txnId = txnIdOf(request, request.query);
      const { room } = await submit(context, { kind: 'hook.remove', actor: sessionOf(request), txnId, body }, request);
      return { room, cursor: cursorAfterWrite(context) };
    },
  );

  app.post(
    '/v1/hooks/:hook',
    {
      schema: {
        tags: ['rooms'],
        summary: 'Say something by a webhook',
        description:
          'The secret of the webhook is the bearer token. With an `Idempotency-Key`, any text, a repetition within a day says nothing twice.',
        params: HookPath,
        body: HookMessageBody,
        response: { 200: SendReply },
        errors: [...THROUGH_THE_LOG, 'unauthenticated', 'no_such_hook', 'forbidden', 'room_archived', 'quota_exceeded'],
      },
    },
    async (request, reply) => {
      const hook = request.params.hook as DeviceId;
      const strangers = (): void => refuseOver(context.rates.login(context.addresses.of(request.raw)));
      const speaker = await hookOf(context, hook, request.headers.authorization, strangers);
      // Only who holds the secret uses up what the hook may say.
      obey(context.rates.hook(hook), reply);
      const key = request.headers['idempotency-key'];
      return sayByHook(context, speaker, { ...request.body, key: typeof key === 'string' ? key : null }, request);
    },
  );
}
