import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import { accountByName } from '../../chat/queries-accounts.ts';
import { loginSetupCount, loginWaitMs, passwordOf, totpOf } from '../../chat/queries-login.ts';
import { loadOpaqueNode } from '../../crypto/opaque-server.ts';
import { totpStepOf } from '../../crypto/totp.ts';
import { ParleyError } from '../../protocol/errors.ts';
import { GrantReply, LoginFinishBody, LoginStartBody, LoginStartReply } from '../../protocol/http/login.ts';
import { labelled } from '../../protocol/labelled.ts';
import { loginProofBytes } from '../../protocol/login-statements.ts';
import { LOGIN_LIMITS } from '../../protocol/login-limits.ts';
import { makeTxnId } from '../../protocol/txn-id.ts';
import { bytesOfField, exactBytesOfField, textOfBytes } from '../bytes.ts';
import { ClientAddresses } from '../client-address.ts';
import { ASKS_THE_CLUSTER, THROUGH_THE_LOG } from '../documented-errors.ts';
import { clusterOf } from '../freshness.ts';
import { grantReply } from '../login/grant-reply.ts';
import { openLoginState, sealLoginState } from '../login/login-state.ts';
import { totpSealedFor } from '../login/totp-secret.ts';
import { REFUSED_ACCOUNTS, watched } from '../login/watched.ts';
import { submit } from '../submit.ts';
import { timeOf } from '../time-text.ts';
import type { FastifyRequest } from 'fastify';
import type { Static } from '@sinclair/typebox';
import type { AccountId, AccountName, StampMs, TxnId } from '../../protocol/ids.ts';
import type { LoginState } from '../login/login-state.ts';
import type { LoginSetups } from '../login/login-setups.ts';
import type { ApiContext, App } from '../context.ts';
import type { RouteHooks } from '../route-hooks.ts';

const LOGIN_ID_BYTES = 16;
const ADDRESS_HASH_BYTES = 16;
const TXN_RANDOM_BYTES = 10;

/** Proving a password where there is no device of the account yet. */
export function addLoginRoutes(app: App, context: ApiContext, hooks: RouteHooks, setups: LoginSetups): void {
  const { auth } = context;

  app.post(
    '/v1/login/start',
    {
      onRequest: hooks.stranger,
      schema: {
        tags: ['login'],
        summary: 'Begin to log in by password (OPAQUE); counted, whether there is such an account or not',
        body: LoginStartBody,
        response: { 200: LoginStartReply },
        errors: [...ASKS_THE_CLUSTER, 'login_delayed'],
      },
    },
    async (request) => {
      auth.checkInTouch();
      const name = request.body.account as AccountName;
      await countAttempt(context, request, name);
      return answerStart(context, setups, name, bytesOfField(request.body.request, 'request'));
    },
  );

  app.post(
    '/v1/login/finish',
    {
      onRequest: hooks.stranger,
      schema: {
        tags: ['login'],
        summary: 'Prove the password; what it gives enrols one device',
        body: LoginFinishBody,
        response: { 200: GrantReply },
        errors: [
          ...THROUGH_THE_LOG,
          ...REFUSED_ACCOUNTS,
          'password_wrong',
          'totp_required',
          'totp_wrong',
          'challenge_invalid',
          'challenge_replayed',
        ],
      },
    },
    async (request) => {
      const { body } = request;
      auth.checkInTouch();
      const { node, time } = context;
      const state = openLoginState(node.seal, clusterOf(context), bytesOfField(body.state, 'state'), time.nowMs());
      return watched(context, request, state.name, async () => {
        const { account, id } = await checkFinish(context, state, body);
        const command = {
          kind: 'login.finish',
          actor: null,
          txnId: body.txnId as TxnId,
          body: {
            account,
            passwordId: id,
            loginId: state.loginId,
            loginExpiresAt: state.expiresAt,
            totpStep: totpStepIn(context, account, body.totp),
            grantHash: exactBytesOfField(body.grantHash, 'grantHash', 32),
          },
        } as const;
        const setup = passwordOf(node.reader, account)?.setup;
        const renew = setup !== undefined && setup < loginSetupCount(node.reader);
        return grantReply(state.name, await submit(context, command, request), renew);
      });
    },
  );
}

/** In the log, before anything is computed for it. @throws ParleyError `login_delayed` with `retryAfterMs` */
async function countAttempt(context: ApiContext, request: FastifyRequest, name: AccountName): Promise<void> {
  const { node, time, addresses } = context;
  const from = ClientAddresses.limitKey(addresses.of(request.raw));
  // The count of an address stands under this, for as long as it lasts; the audit log tells of addresses for its time.
  const mac = createHmac('sha256', node.challengeKey).update(labelled('login-address', from)).digest();
  const address = new Uint8Array(mac.subarray(0, ADDRESS_HASH_BYTES));
  const retryAfterMs = loginWaitMs(node.reader, { name, address }, time.nowMs() as StampMs);
  if (retryAfterMs > 0) throw new ParleyError('login_delayed', undefined, { data: { retryAfterMs } });
  const txnId = makeTxnId(time.nowMs(), new Uint8Array(randomBytes(TXN_RANDOM_BYTES)));
  await submit(context, { kind: 'login.start', actor: null, txnId, body: { name, address } }, request);
}

async function answerStart(
  context: ApiContext,
  setups: LoginSetups,
  name: AccountName,
  request: Uint8Array,
): Promise<Static<typeof LoginStartReply>> {
  const { node, time } = context;
  const cluster = clusterOf(context);
  const account = accountByName(node.reader, name);
  const row = account === undefined ? undefined : passwordOf(node.reader, account.account);
  const setup = row === undefined ? await setups.first() : setups.of(row.setup);
  const opaque = await loadOpaqueNode();
  const identifiers = { client: name, server: cluster };
  const { response, state } = opaque.start(setup.keys, row?.record ?? null, identifiers, request);
  const expiresAt = (time.nowMs() + LOGIN_LIMITS.loginTtlMs) as StampMs;
  const sealed = sealLoginState(node.seal, cluster, {
    name,
    loginId: new Uint8Array(randomBytes(LOGIN_ID_BYTES)),
    expiresAt,
    opaqueState: state,
    password: row === undefined ? null : { account: account!.account, id: row.id },
  });
  return { cluster, response: textOfBytes(response), state: textOfBytes(sealed), expiresAt: timeOf(expiresAt) };
}

/**
 * Whether both sides have come to the same key, and whoever has it asks for exactly this.
 * @throws ParleyError `password_wrong`, `origin_not_allowed`
 */
async function checkFinish(
  context: ApiContext,
  state: LoginState,
  body: Static<typeof LoginFinishBody>,
): Promise<NonNullable<LoginState['password']>> {
  if (!context.origins.allows(body.origin)) throw new ParleyError('origin_not_allowed');
  const cluster = clusterOf(context);
  const opaque = await loadOpaqueNode();
  const identifiers = { client: state.name, server: cluster };
  const sessionKey = opaque.finish(state.opaqueState, identifiers, bytesOfField(body.finish, 'finish'));
  if (sessionKey === null || state.password === null) throw new ParleyError('password_wrong');
  const binding = {
    cluster,
    origin: body.origin,
    name: state.name,
    grantHash: exactBytesOfField(body.grantHash, 'grantHash', 32),
    txnId: body.txnId as TxnId,
  };
  const expected = createHmac('sha256', sessionKey).update(loginProofBytes(binding)).digest();
  const proof = exactBytesOfField(body.proof, 'proof', expected.length);
  if (!timingSafeEqual(expected, proof))
    throw new ParleyError('password_wrong', 'This request was altered on its way.');
  return state.password;
}

/** Null without a code, or where none is asked for; 0 for one that is none of this time. */
function totpStepIn({ node, time }: ApiContext, account: AccountId, code: string | undefined): number | null {
  const row = totpOf(node.reader, account);
  if (code === undefined || row === undefined) return null;
  const secret = node.seal.open(totpSealedFor(account), row.sealed);
  if (secret === null) throw new Error('A second factor of this cluster does not open.');
  return totpStepOf(secret, code, time.nowMs());
}
