/* oxlint-disable oxc/no-async-endpoint-handlers -- fastify, unlike Express, awaits its handlers. */
import { accountByName, listAccounts } from '../../chat/queries-accounts.ts';
import { sha256 } from '@noble/hashes/sha2.js';
import { utf8ToBytes } from '@noble/hashes/utils.js';
import { verifyDeviceRecord } from '../../crypto/verify.ts';
import { accountIdOf } from '../../protocol/derive-ids.ts';
import { ParleyError } from '../../protocol/errors.ts';
import { AccountsQuery, FreshnessQuery, NamePath } from '../../protocol/http/queries.ts';
import { AccountJson, AccountsReply, RegisterBody, RegisterReply } from '../../protocol/http/schemas.ts';
import { LIMITS } from '../../protocol/limits.ts';
import { exactBytesOfField } from '../bytes.ts';
import { deviceRecordOf } from '../device-fields.ts';
import { ASKS_THE_CLUSTER } from '../documented-errors.ts';
import { freshEnough } from '../freshness.ts';
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
          'already_registered',
          'device_exists',
        ],
      },
    },
    async (request) => {
      const { body } = request;
      const invite = checkRegistration(context, body.invite);
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
          body: { name: body.name as AccountName, userKey, device, ...invite },
        },
        request,
      );
      return { account: value.name, accountId: value.account, device: value.device };
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

/** @throws ParleyError `registration_closed`, `invite_required` */
function checkRegistration({ node }: ApiContext, invite: string | undefined): { inviteHash?: Uint8Array } {
  switch (node.registration) {
    case 'open':
      return {};
    case 'closed':
      throw new ParleyError('registration_closed');
    case 'invite':
      break;
  }
  if (invite === undefined) throw new ParleyError('invite_required');
  return { inviteHash: inviteHashOf(invite) };
}

/** Nodes store only the hash, so that nobody finds invitations in a log or snapshot. */
export function inviteHashOf(invite: string): Uint8Array {
  return sha256(utf8ToBytes(invite));
}
