import { accountById } from '../../chat/queries-accounts.ts';
import { vaultOf } from '../../chat/queries-login.ts';
import { ParleyError } from '../../protocol/errors.ts';
import { EnrolBody, VaultBody, VaultPutReply, VaultReply } from '../../protocol/http/login.ts';
import { FreshnessQuery } from '../../protocol/http/queries.ts';
import { DeviceReply } from '../../protocol/http/schemas.ts';
import { bytesOfField, exactBytesOfField, textOfBytes } from '../bytes.ts';
import { deviceRecordOf } from '../device-fields.ts';
import { ASKS_THE_CLUSTER, THROUGH_THE_LOG } from '../documented-errors.ts';
import { freshEnough } from '../freshness.ts';
import { ownerOf, sessionOf } from '../route-hooks.ts';
import { submit } from '../submit.ts';
import type { Static } from '@sinclair/typebox';
import type { TxnId } from '../../protocol/ids.ts';
import type { VaultInfo } from '../../chat/queries-login.ts';
import type { ApiContext, App } from '../context.ts';
import type { RouteHooks } from '../route-hooks.ts';

/** The sealed vault, and enrolling a device with what is in it. */
export function addVaultRoutes(app: App, context: ApiContext, hooks: RouteHooks): void {
  const { node } = context;

  app.get(
    '/v1/vault',
    {
      onRequest: hooks.proven,
      schema: {
        tags: ['login'],
        summary: 'The own vault, sealed',
        querystring: FreshnessQuery,
        response: { 200: VaultReply },
        errors: [...ASKS_THE_CLUSTER, 'no_vault'],
      },
    },
    async (request) => {
      await freshEnough(context, request.query);
      const owner = ownerOf(request);
      const account = accountById(node.reader, owner);
      const vault = vaultOf(node.reader, owner);
      if (account === undefined || vault === undefined) throw new ParleyError('no_vault');
      return { ...vaultJson(vault), accountId: owner, userKey: textOfBytes(account.userKey) };
    },
  );

  app.put(
    '/v1/vault',
    {
      onRequest: hooks.loggedIn,
      schema: {
        tags: ['login'],
        summary: 'Put the next version of the own vault',
        body: VaultBody,
        response: { 200: VaultPutReply },
        errors: [...THROUGH_THE_LOG, 'vault_conflict', 'invalid_signature'],
      },
    },
    async (request) => {
      const { txnId, ...vault } = request.body;
      const { version } = await submit(
        context,
        { kind: 'vault.put', actor: sessionOf(request), txnId: txnId as TxnId, body: vaultRowOf(vault) },
        request,
      );
      return { version };
    },
  );

  app.post(
    '/v1/devices',
    {
      onRequest: hooks.proven,
      schema: {
        tags: ['devices'],
        summary: 'Enrol a device that the user key has signed, after proving a password or a recovery code',
        body: EnrolBody,
        response: { 200: DeviceReply },
        errors: [...THROUGH_THE_LOG, 'forbidden', 'device_exists', 'invalid_signature', 'too_many'],
      },
    },
    async (request) => {
      const { body, grant } = request;
      if (grant === null) throw new ParleyError('forbidden', 'A session enrols devices by approving them.');
      const { device } = await submit(
        context,
        {
          kind: 'device.enrol',
          actor: null,
          txnId: body.txnId as TxnId,
          body: { grantHash: grant.hash, record: deviceRecordOf(body.record) },
        },
        request,
      );
      return { device };
    },
  );
}

function vaultJson(vault: VaultInfo): Omit<Static<typeof VaultReply>, 'accountId' | 'userKey'> {
  return {
    version: vault.version,
    recoveryKey: textOfBytes(vault.recoveryKey),
    userWrap: textOfBytes(vault.userWrap),
    recoveryWrap: textOfBytes(vault.recoveryWrap),
    passwordWrap: vault.passwordWrap === null ? null : textOfBytes(vault.passwordWrap),
    sealed: textOfBytes(vault.sealed),
    signature: textOfBytes(vault.signature),
  };
}

/** @throws ParleyError `invalid_field` */
function vaultRowOf(json: Omit<Static<typeof VaultBody>, 'txnId'>): VaultInfo {
  return {
    version: json.version,
    recoveryKey: exactBytesOfField(json.recoveryKey, 'recoveryKey', 32),
    userWrap: bytesOfField(json.userWrap, 'userWrap'),
    recoveryWrap: bytesOfField(json.recoveryWrap, 'recoveryWrap'),
    passwordWrap: json.passwordWrap === null ? null : bytesOfField(json.passwordWrap, 'passwordWrap'),
    sealed: bytesOfField(json.sealed, 'sealed'),
    signature: exactBytesOfField(json.signature, 'signature', 64),
  };
}
