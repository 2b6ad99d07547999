import { accountByName } from '../../chat/queries-accounts.ts';
import { sessionsOf } from '../../chat/queries-sessions.ts';
import { sessionSecretHash } from '../../crypto/tokens.ts';
import { verifySessionChallenge } from '../../crypto/verify.ts';
import { ParleyError } from '../../protocol/errors.ts';
import { FreshnessQuery, SessionPath, TxnQuery } from '../../protocol/http/queries.ts';
import {
  ChallengeBody,
  ChallengeReply,
  RefreshBody,
  SessionBody,
  SessionEndReply,
  SessionReply,
  SessionsReply,
} from '../../protocol/http/schemas.ts';
import { knownToCluster } from '../ask-cluster.ts';
import { exactBytesOfField, bytesOfField, textOfBytes } from '../bytes.ts';
import { checkChallenge, createChallenge } from '../challenge.ts';
import { ASKS_THE_CLUSTER, THROUGH_THE_LOG } from '../documented-errors.ts';
import { clusterOf, freshEnough } from '../freshness.ts';
import { REFUSED_ACCOUNTS, watched } from '../login/watched.ts';
import { sessionOf, txnIdOf } from '../route-hooks.ts';
import { submit } from '../submit.ts';
import { timeOf } from '../time-text.ts';
import type { Static } from '@sinclair/typebox';
import type { AccountInfo } from '../../chat/queries-accounts.ts';
import type { CommandBodies, CommandValues } from '../../protocol/commands.ts';
import type { DeviceRecord } from '../../protocol/device-record.ts';
import type { SessionId, StampMs, TxnId } from '../../protocol/ids.ts';
import type { ApiContext, App } from '../context.ts';
import type { RouteHooks } from '../route-hooks.ts';

/** Logging in, staying logged in, and logging out. */
export function addSessionRoutes(app: App, context: ApiContext, hooks: RouteHooks): void {
  addLoginRoutes(app, context, hooks);
  addOwnSessionRoutes(app, context, hooks);
}

function addLoginRoutes(app: App, context: ApiContext, hooks: RouteHooks): void {
  const { node, time, auth } = context;

  app.post(
    '/v1/sessions/challenge',
    {
      onRequest: hooks.stranger,
      schema: {
        tags: ['sessions'],
        summary: 'Ask for a challenge',
        body: ChallengeBody,
        response: { 200: ChallengeReply },
        errors: [...ASKS_THE_CLUSTER, 'no_such_user', 'no_such_device', 'account_deleted'],
      },
    },
    async (request) => {
      const { body } = request;
      auth.checkInTouch();
      const cluster = clusterOf(context);
      const { account, device } = await watched(context, request, body.account, () => findDevice(context, body));
      const binding = { cluster, account: account.account, device: device.device };
      const { challenge, expiresAt } = createChallenge(node.challengeKey, binding, time.nowMs());
      return {
        cluster,
        accountId: account.account,
        challenge: textOfBytes(challenge),
        expiresAt: timeOf(expiresAt),
      };
    },
  );

  app.post(
    '/v1/sessions',
    {
      onRequest: hooks.stranger,
      schema: {
        tags: ['sessions'],
        summary: 'Log in',
        body: SessionBody,
        response: { 200: SessionReply },
        errors: [
          ...THROUGH_THE_LOG,
          'no_such_user',
          'no_such_device',
          ...REFUSED_ACCOUNTS,
          'challenge_invalid',
          'challenge_replayed',
          'invalid_signature',
        ],
      },
    },
    async (request) => {
      const { body } = request;
      auth.checkInTouch();
      const txnId = body.txnId as TxnId;
      return watched(context, request, body.account, async () => {
        const login = await checkLogin(context, body);
        const command = { kind: 'session.create', actor: null, txnId, body: login } as const;
        return sessionReply(await submit(context, command, request));
      });
    },
  );

  app.post(
    '/v1/sessions/refresh',
    {
      onRequest: hooks.stranger,
      schema: {
        tags: ['sessions'],
        summary: 'Renew the access token',
        body: RefreshBody,
        response: { 200: SessionReply },
        errors: [...ASKS_THE_CLUSTER, 'unauthenticated', 'session_revoked', 'refresh_reused'],
      },
    },
    async (request) => {
      const { body } = request;
      return sessionReply(
        await submit(
          context,
          {
            kind: 'session.refresh',
            actor: null,
            txnId: body.txnId as TxnId,
            body: {
              session: body.session as SessionId,
              spentHash: sessionSecretHash(exactBytesOfField(body.refreshSecret, 'refreshSecret', 32)),
              accessHash: exactBytesOfField(body.accessHash, 'accessHash', 32),
              refreshHash: exactBytesOfField(body.refreshHash, 'refreshHash', 32),
            },
          },
          request,
        ),
      );
    },
  );
}

function addOwnSessionRoutes(app: App, context: ApiContext, hooks: RouteHooks): void {
  const { node, time } = context;

  app.get(
    '/v1/sessions',
    {
      onRequest: hooks.loggedIn,
      schema: {
        tags: ['sessions'],
        summary: 'Where the own account is logged in',
        querystring: FreshnessQuery,
        response: { 200: SessionsReply },
      },
    },
    async (request) => {
      await freshEnough(context, request.query);
      const own = sessionOf(request);
      const sessions = sessionsOf(node.reader, own.account, time.nowMs() as StampMs);
      return {
        sessions: sessions.map(({ session, device, createdAt, expiresAt }) => ({
          session,
          device,
          createdAt: timeOf(createdAt),
          expiresAt: timeOf(expiresAt),
          current: session === own.session,
        })),
      };
    },
  );

  app.delete(
    '/v1/sessions/:session',
    {
      onRequest: hooks.loggedIn,
      schema: {
        tags: ['sessions'],
        summary: 'Log out, here or elsewhere',
        params: SessionPath,
        querystring: TxnQuery,
        response: { 200: SessionEndReply },
        errors: [...THROUGH_THE_LOG, 'no_such_session'],
      },
    },
    async (request) => {
      const actor = sessionOf(request);
      const { session } = request.params;
      const value = await submit(
        context,
        {
          kind: 'session.revoke',
          actor,
          txnId: txnIdOf(request, request.query),
          body: { session: session === 'current' ? actor.session : (session as SessionId) },
        },
        request,
      );
      return { session: value.session };
    },
  );
}

/**
 * Everything that can be known before the log decides that the challenge is used for the first time.
 *
 * @throws ParleyError `no_such_user`, `no_such_device`, `origin_not_allowed`, `challenge_invalid`, `invalid_signature`
 */
async function checkLogin(
  context: ApiContext,
  body: Static<typeof SessionBody>,
): Promise<CommandBodies['session.create']> {
  const { node, time, origins } = context;
  const cluster = clusterOf(context);
  const { account, device } = await findDevice(context, body);
  if (!origins.allows(body.origin)) {
    throw new ParleyError('origin_not_allowed', 'This device signed for a server that is none of ours.');
  }
  const challenge = bytesOfField(body.challenge, 'challenge');
  const accessHash = exactBytesOfField(body.accessHash, 'accessHash', 32);
  const refreshHash = exactBytesOfField(body.refreshHash, 'refreshHash', 32);
  const who = { cluster, account: account.account, device: device.device };
  const { challengeId, expiresAt } = checkChallenge(node.challengeKey, challenge, who, time.nowMs());
  const proof = { ...who, origin: body.origin, challenge, accessHash, refreshHash };
  const signature = exactBytesOfField(body.signature, 'signature', 64);
  if (!verifySessionChallenge(device.signingKey, proof, signature)) throw new ParleyError('invalid_signature');
  return {
    account: account.account,
    device: device.device,
    challengeId,
    challengeExpiresAt: expiresAt,
    accessHash,
    refreshHash,
  };
}

/** @throws ParleyError `no_such_user`, `no_such_device` */
async function findDevice(
  context: ApiContext,
  body: { readonly account: string; readonly device: string },
): Promise<{ account: AccountInfo; device: DeviceRecord }> {
  const find = (): AccountInfo | undefined => accountByName(context.node.reader, body.account);
  const deviceOf = (account: AccountInfo | undefined): DeviceRecord | undefined =>
    account?.devices.find((record) => record.device === body.device);
  const device = await knownToCluster(context, () => deviceOf(find()));
  const account = find();
  if (account === undefined) throw new ParleyError('no_such_user');
  if (account.state === 'deleted') throw new ParleyError('account_deleted');
  if (device === undefined) throw new ParleyError('no_such_device');
  return { account, device };
}

function sessionReply(value: CommandValues['session.create' | 'session.refresh']): Static<typeof SessionReply> {
  const { session, accessExpiresAt, expiresAt } = value;
  return { session, accessExpiresAt: timeOf(accessExpiresAt), expiresAt: timeOf(expiresAt) };
}
