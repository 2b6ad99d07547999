import { accountByName, accountIdByName, listAccounts } from '../../chat/queries-accounts.ts';
import { registrationPolicy } from '../../chat/queries-admin.ts';
import { sha256 } from '@noble/hashes/sha2.js';
import { utf8ToBytes } from '@noble/hashes/utils.js';
import { verifyDeviceRecord } from '../../crypto/verify.ts';
import { accountIdOf } from '../../protocol/derive-ids.ts';
import { ParleyError } from '../../protocol/errors.ts';
import { DeleteAccountQuery, NamedReply } from '../../protocol/http/admin.ts';
import { AccountsQuery, FreshnessQuery, NamePath } from '../../protocol/http/queries.ts';
import { AccountJson, AccountsReply, RegisterBody, RegisterReply } from '../../protocol/http/schemas.ts';
import { LIMITS } from '../../protocol/limits.ts';
import { exactBytesOfField } from '../bytes.ts';
import { deviceRecordOf } from '../device-fields.ts';
import { ASKS_THE_CLUSTER, THROUGH_THE_LOG } from '../documented-errors.ts';
import { freshEnough } from '../freshness.ts';
import { sessionOf, txnIdOf } from '../route-hooks.ts';
import { submit } from '../submit.ts';
import { accountJson } from '../views.ts';
import type { AccountName, TxnId } from '../../protocol/ids.ts';
import type { ApiContext, App } from '../context.ts';
import type { RouteHooks } from '../route-hooks.ts';

/** Registering, and the directory of people with their keys. */
export function addAccountRoutes(app: App, context: ApiContext, hooks: RouteHooks): void {
  const { node } = context;

  app.post(
    '/v1/accounts',
    {
      onRequest: hooks.stranger,
      schema: {
        tags: ['accounts'],
        summary: 'Register',
        body: RegisterBody,
        response: { 200: RegisterReply },
        errors: [
          ...ASKS_THE_CLUSTER,
          'registration_closed',
          'invite_required',
          'invalid_signature',
          'login_exists',
          'account_deleted',
          'already_registered',
          'device_exists',
        ],
      },
    },
    async (request) => {
      const { body } = request;
      const policy = registrationPolicy(node.reader) ?? node.registration;
      const userKey = exactBytesOfField(body.userKey, 'userKey', 32);
      const device = deviceRecordOf(body.device);
      // Also checked in the log; here it spares every node the work for what was never signed.
      if (!verifyDeviceRecord(accountIdOf(userKey), userKey, device)) throw new ParleyError('invalid_signature');
      const value = await submit(
        context,
        {
          kind: 'account.register',
          actor: null,
          txnId: body.txnId as TxnId,
          body: {
            name: body.name as AccountName,
            userKey,
            device,
            policy: node.registration,
            // Where anybody may register, an invitation is left for who needs it.
            ...(policy === 'open' || body.invite === undefined ? {} : { inviteHash: inviteHashOf(body.invite) }),
          },
        },
        request,
      );
      return { account: value.name, accountId: value.account, device: value.device };
    },
  );

  app.delete(
    '/v1/accounts/:name',
    {
      onRequest: hooks.loggedIn,
      schema: {
        tags: ['accounts'],
        summary: 'Delete the own account for good',
        params: NamePath,
        querystring: DeleteAccountQuery,
        response: { 200: NamedReply },
        errors: [...THROUGH_THE_LOG, 'forbidden'],
      },
    },
    async (request) => {
      const actor = sessionOf(request);
      const { name } = request.params;
      if (accountIdByName(node.reader, name) !== actor.account) throw new ParleyError('forbidden');
      const body = { account: actor.account, messages: request.query.messages ?? false };
      const txnId = txnIdOf(request, request.query);
      await submit(context, { kind: 'user.delete', actor, txnId, body }, request);
      return { account: name };
    },
  );

  app.get(
    '/v1/accounts',
    {
      onRequest: hooks.loggedIn,
      schema: {
        tags: ['accounts'],
        summary: 'Find people',
        querystring: AccountsQuery,
        response: { 200: AccountsReply },
      },
    },
    async ({ query }) => {
      await freshEnough(context, query);
      const { accounts, next } = await listAccounts(node.reader, {
        prefix: query.query ?? '',
        limit: query.limit ?? LIMITS.readPageDefault,
        ...(query.after === undefined ? {} : { after: query.after }),
      });
      return { accounts: accounts.map(accountJson), next };
    },
  );

  app.get(
    '/v1/accounts/:name',
    {
      onRequest: hooks.loggedIn,
      schema: {
        tags: ['accounts'],
        summary: 'One account with its devices',
        params: NamePath,
        querystring: FreshnessQuery,
        response: { 200: AccountJson },
        errors: ['no_such_user'],
      },
    },
    async ({ params, query }) => {
      await freshEnough(context, query);
      const account = accountByName(node.reader, params.name);
      if (account === undefined) throw new ParleyError('no_such_user');
      return accountJson(account);
    },
  );
}

/** Nodes store only the hash, so that nobody finds invitations in a log or snapshot. */
export function inviteHashOf(invite: string): Uint8Array {
  return sha256(utf8ToBytes(invite));
}
