import { accountIdByName } from '../../chat/queries-accounts.ts';
import { vaultOf } from '../../chat/queries-login.ts';
import { verifyRecoveryProof } from '../../crypto/verify.ts';
import { ParleyError } from '../../protocol/errors.ts';
import { GrantReply, RecoveryBody, RecoveryChallengeBody, RecoveryChallengeReply } from '../../protocol/http/login.ts';
import { bytesOfField, exactBytesOfField, textOfBytes } from '../bytes.ts';
import { checkChallenge, createChallenge } from '../challenge.ts';
import { ASKS_THE_CLUSTER, THROUGH_THE_LOG } from '../documented-errors.ts';
import { clusterOf } from '../freshness.ts';
import { grantReply } from '../login/grant-reply.ts';
import { REFUSED_ACCOUNTS, watched } from '../login/watched.ts';
import { submit } from '../submit.ts';
import { timeOf } from '../time-text.ts';
import type { Static } from '@sinclair/typebox';
import type { AccountName, TxnId } from '../../protocol/ids.ts';
import type { ApiContext, App } from '../context.ts';
import type { RouteHooks } from '../route-hooks.ts';

/** Proving a recovery code where there is no device of the account yet. */
export function addRecoveryRoutes(app: App, context: ApiContext, hooks: RouteHooks): void {
  const { node, time, auth } = context;

  app.post(
    '/v1/recovery/challenge',
    {
      onRequest: hooks.stranger,
      schema: {
        tags: ['login'],
        summary: 'Ask for a challenge for a recovery code',
        body: RecoveryChallengeBody,
        response: { 200: RecoveryChallengeReply },
        errors: ASKS_THE_CLUSTER,
      },
    },
    ({ body }) => {
      auth.checkInTouch();
      const cluster = clusterOf(context);
      const who = { cluster, account: body.account as AccountName, device: 'recovery' } as const;
      const { challenge, expiresAt } = createChallenge(node.challengeKey, who, time.nowMs());
      return { cluster, challenge: textOfBytes(challenge), expiresAt: timeOf(expiresAt) };
    },
  );

  app.post(
    '/v1/recovery',
    {
      onRequest: hooks.stranger,
      schema: {
        tags: ['login'],
        summary: 'Prove a recovery code; what it gives enrols one device',
        body: RecoveryBody,
        response: { 200: GrantReply },
        errors: [
          ...THROUGH_THE_LOG,
          ...REFUSED_ACCOUNTS,
          'recovery_refused',
          'challenge_invalid',
          'challenge_replayed',
        ],
      },
    },
    async (request) => {
      const { body } = request;
      auth.checkInTouch();
      const name = body.account as AccountName;
      return watched(context, request, name, async () => {
        const command = {
          kind: 'login.recover',
          actor: null,
          txnId: body.txnId as TxnId,
          body: await checkRecovery(context, name, body),
        } as const;
        return grantReply(name, await submit(context, command, request), false);
      });
    },
  );
}

/** @throws ParleyError `recovery_refused`, `origin_not_allowed`, `challenge_invalid` */
async function checkRecovery(context: ApiContext, name: AccountName, body: Static<typeof RecoveryBody>) {
  const { node, time, origins } = context;
  const cluster = clusterOf(context);
  if (!origins.allows(body.origin)) throw new ParleyError('origin_not_allowed');
  const challenge = bytesOfField(body.challenge, 'challenge');
  const who = { cluster, account: name, device: 'recovery' } as const;
  const { challengeId, expiresAt } = checkChallenge(node.challengeKey, challenge, who, time.nowMs());
  const grantHash = exactBytesOfField(body.grantHash, 'grantHash', 32);
  const binding = { cluster, origin: body.origin, name, grantHash, txnId: body.txnId as TxnId, challenge };
  const signature = exactBytesOfField(body.signature, 'signature', 64);
  await node.readBarrier(context.limits.askClusterMs);
  const account = accountIdByName(node.reader, name);
  const vault = account === undefined ? undefined : vaultOf(node.reader, account);
  if (vault === undefined || !verifyRecoveryProof(vault.recoveryKey, binding, signature)) {
    throw new ParleyError('recovery_refused');
  }
  const { recoveryKey } = vault;
  return { account: account!, recoveryKey, challengeId, challengeExpiresAt: expiresAt, grantHash };
}
