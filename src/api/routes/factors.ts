import { createHash } from 'node:crypto';
import { accountById } from '../../chat/queries-accounts.ts';
import { loginSetupCount, passwordOf, totpOf, vaultOf } from '../../chat/queries-login.ts';
import { loadOpaqueNode } from '../../crypto/opaque-server.ts';
import { totpStepOf } from '../../crypto/totp.ts';
import { ParleyError } from '../../protocol/errors.ts';
import {
  FactorRemovalQuery,
  FactorReply,
  FactorsReply,
  LoginSetupBody,
  LoginSetupReply,
  PasswordBody,
  PasswordReply,
  PasswordStartBody,
  PasswordStartReply,
  TotpBody,
} from '../../protocol/http/login.ts';
import { FreshnessQuery } from '../../protocol/http/queries.ts';
import { bytesOfField, exactBytesOfField, textOfBytes } from '../bytes.ts';
import { ASKS_THE_CLUSTER, THROUGH_THE_LOG } from '../documented-errors.ts';
import { freshEnough } from '../freshness.ts';
import { totpSealedFor } from '../login/totp-secret.ts';
import { obey } from '../rate-headers.ts';
import { sessionOf } from '../route-hooks.ts';
import { submit } from '../submit.ts';
import { timeOf } from '../time-text.ts';
import type { TxnId } from '../../protocol/ids.ts';
import type { LoginSetups } from '../login/login-setups.ts';
import type { ApiContext, App } from '../context.ts';
import type { RouteHooks } from '../route-hooks.ts';

const TOTP_SECRET_BYTES = 20;

/** What the own account may log in with. Each change is signed by the user key. */
export function addFactorRoutes(app: App, context: ApiContext, hooks: RouteHooks, setups: LoginSetups): void {
  addOverview(app, context, hooks);
  addPasswordRoutes(app, context, hooks, setups);
  addTotpRoutes(app, context, hooks);
  app.post(
    '/v1/admin/login-setups',
    {
      onRequest: hooks.admin,
      schema: {
        tags: ['admin'],
        summary: 'Make new keys of the nodes for passwords; people register with them as they log in next',
        body: LoginSetupBody,
        response: { 200: LoginSetupReply },
        errors: [...THROUGH_THE_LOG, 'forbidden'],
      },
    },
    async (request) => ({ version: await setups.add(request, request.body.txnId as TxnId) }),
  );
}

function addOverview(app: App, context: ApiContext, hooks: RouteHooks): void {
  const { node } = context;
  app.get(
    '/v1/login',
    {
      onRequest: hooks.loggedIn,
      schema: {
        tags: ['login'],
        summary: 'What the own account may log in with',
        querystring: FreshnessQuery,
        response: { 200: FactorsReply },
      },
    },
    async (request) => {
      await freshEnough(context, request.query);
      const { account } = sessionOf(request);
      const password = passwordOf(node.reader, account);
      const renew = password !== undefined && password.setup < loginSetupCount(node.reader);
      return {
        password: password === undefined ? null : { setAt: timeOf(password.setAt), renew },
        totp: totpOf(node.reader, account) !== undefined,
        vault: vaultOf(node.reader, account)?.version ?? null,
      };
    },
  );
}

function addPasswordRoutes(app: App, context: ApiContext, hooks: RouteHooks, setups: LoginSetups): void {
  const { node, rates } = context;

  app.post(
    '/v1/password/start',
    {
      onRequest: hooks.loggedIn,
      schema: {
        tags: ['login'],
        summary: 'Begin to register a password (OPAQUE)',
        body: PasswordStartBody,
        response: { 200: PasswordStartReply },
        errors: ASKS_THE_CLUSTER,
      },
    },
    async (request, reply) => {
      const { account } = sessionOf(request);
      // The same function that logging in asks for: unbounded, whoever has stolen a session could guess by it, uncounted.
      obey(rates.password(account), reply);
      const { name } = accountById(node.reader, account)!;
      const setup = await setups.newest();
      const opaque = await loadOpaqueNode();
      const asked = bytesOfField(request.body.request, 'request');
      return { response: textOfBytes(opaque.answerRegistration(setup.keys, name, asked)), setup: setup.version };
    },
  );

  app.put(
    '/v1/password',
    {
      onRequest: hooks.loggedIn,
      schema: {
        tags: ['login'],
        summary: 'Set the own password, in the place of the one before',
        body: PasswordBody,
        response: { 200: PasswordReply },
        errors: [...THROUGH_THE_LOG, 'invalid_signature'],
      },
    },
    async (request) => {
      const { record, setup, signature, txnId } = request.body;
      const body = {
        record: bytesOfField(record, 'record'),
        setup,
        signature: exactBytesOfField(signature, 'signature', 64),
      };
      const command = { kind: 'password.set', actor: sessionOf(request), txnId: txnId as TxnId, body } as const;
      return { setup: (await submit(context, command, request)).setup };
    },
  );

  app.delete(
    '/v1/password',
    {
      onRequest: hooks.loggedIn,
      schema: {
        tags: ['login'],
        summary: 'Have no password any more, and no second factor',
        querystring: FactorRemovalQuery,
        response: { 200: FactorReply },
        errors: [...THROUGH_THE_LOG, 'no_password', 'invalid_signature'],
      },
    },
    async (request) => {
      const { signature, txnId } = request.query;
      const body = { signature: exactBytesOfField(signature, 'signature', 64) };
      const command = { kind: 'password.remove', actor: sessionOf(request), txnId: txnId as TxnId, body } as const;
      return { accountId: (await submit(context, command, request)).account };
    },
  );
}

function addTotpRoutes(app: App, context: ApiContext, hooks: RouteHooks): void {
  const { node, time } = context;

  app.put(
    '/v1/totp',
    {
      onRequest: hooks.loggedIn,
      schema: {
        tags: ['login'],
        summary: 'Ask for a code of one’s phone with the password (RFC 6238)',
        body: TotpBody,
        response: { 200: FactorReply },
        errors: [...THROUGH_THE_LOG, 'totp_wrong', 'no_password', 'invalid_signature'],
      },
    },
    async (request) => {
      const actor = sessionOf(request);
      const { code, signature, txnId } = request.body;
      const secret = exactBytesOfField(request.body.secret, 'secret', TOTP_SECRET_BYTES);
      const step = totpStepOf(secret, code, time.nowMs());
      if (step === 0)
        throw new ParleyError('totp_wrong', 'This code is not of this secret: is the phone’s clock right?');
      const body = {
        sealed: node.seal.seal(totpSealedFor(actor.account), secret),
        secretHash: new Uint8Array(createHash('sha256').update(secret).digest()),
        step,
        signature: exactBytesOfField(signature, 'signature', 64),
      };
      const command = { kind: 'totp.enable', actor, txnId: txnId as TxnId, body } as const;
      return { accountId: (await submit(context, command, request)).account };
    },
  );

  app.delete(
    '/v1/totp',
    {
      onRequest: hooks.loggedIn,
      schema: {
        tags: ['login'],
        summary: 'Ask for no code any more',
        querystring: FactorRemovalQuery,
        response: { 200: FactorReply },
        errors: [...THROUGH_THE_LOG, 'invalid_signature'],
      },
    },
    async (request) => {
      const { signature, txnId } = request.query;
      const body = { signature: exactBytesOfField(signature, 'signature', 64) };
      const command = { kind: 'totp.disable', actor: sessionOf(request), txnId: txnId as TxnId, body } as const;
      return { accountId: (await submit(context, command, request)).account };
    },
  );
}
