import { accountByName, accountIdByName } from '../../chat/queries-accounts.ts';
import { deviceRequestState, pendingDeviceRequests } from '../../chat/queries-devices.ts';
import { ParleyError } from '../../protocol/errors.ts';
import { DevicePath, FreshnessQuery, NameDevicePath, NamePath, TxnQuery } from '../../protocol/http/queries.ts';
import {
  DeviceApproveBody,
  DeviceReply,
  DeviceRequestBody,
  DeviceRequestReply,
  DeviceRequestsReply,
  DeviceRequestStatus,
} from '../../protocol/http/schemas.ts';
import { knownToCluster } from '../ask-cluster.ts';
import { bytesOfField, textOfBytes } from '../bytes.ts';
import { deviceKeysOf, deviceRecordOf } from '../device-fields.ts';
import { THROUGH_THE_LOG } from '../documented-errors.ts';
import { clusterOf, freshEnough } from '../freshness.ts';
import { sessionOf, txnIdOf } from '../route-hooks.ts';
import { submit } from '../submit.ts';
import { timeOf } from '../time-text.ts';
import { deviceJson } from '../views.ts';
import type { DeviceId, StampMs, TxnId } from '../../protocol/ids.ts';
import type { ApiContext, App } from '../context.ts';
import type { RouteHooks } from '../route-hooks.ts';

/** Enrolling a further device: it asks without a session, one that is enrolled answers. */
export function addDeviceRoutes(app: App, context: ApiContext, hooks: RouteHooks): void {
  addAskingRoutes(app, context, hooks);
  addAnsweringRoutes(app, context, hooks);
}

function addAskingRoutes(app: App, context: ApiContext, hooks: RouteHooks): void {
  const { node, time } = context;

  app.post(
    '/v1/accounts/:name/device-requests',
    {
      onRequest: hooks.stranger,
      schema: {
        tags: ['devices'],
        summary: 'Ask to be enrolled as a device',
        params: NamePath,
        body: DeviceRequestBody,
        response: { 200: DeviceRequestReply },
        errors: [...THROUGH_THE_LOG, 'no_such_user', 'device_exists', 'too_many'],
      },
    },
    async ({ params, body }) => {
      clusterOf(context);
      const account = await knownToCluster(context, () => accountIdByName(node.reader, params.name));
      if (account === undefined) throw new ParleyError('no_such_user');
      const { device, expiresAt } = await submit(context, {
        kind: 'device.request',
        actor: null,
        txnId: body.txnId as TxnId,
        body: { account, ...deviceKeysOf(body) },
      });
      return { accountId: account, device, expiresAt: timeOf(expiresAt) };
    },
  );

  app.get(
    '/v1/accounts/:name/device-requests/:device',
    {
      onRequest: hooks.stranger,
      schema: {
        tags: ['devices'],
        summary: 'What became of it',
        params: NameDevicePath,
        querystring: FreshnessQuery,
        response: { 200: DeviceRequestStatus },
        errors: ['no_such_user', 'no_such_request'],
      },
    },
    async ({ params, query }) => {
      await freshEnough(context, query);
      const account = await knownToCluster(context, () => accountByName(node.reader, params.name));
      if (account === undefined) throw new ParleyError('no_such_user');
      const device = params.device as DeviceId;
      const found = await knownToCluster(context, () =>
        deviceRequestState(node.reader, account.account, device, time.nowMs() as StampMs),
      );
      if (found === undefined) throw new ParleyError('no_such_request');
      const common = { userKey: textOfBytes(account.userKey), accountId: account.account };
      if (found.state === 'pending') return { state: 'pending' as const, ...common };
      const { record, sealedUserKey } = found;
      return {
        state: 'approved' as const,
        ...common,
        record: deviceJson(record),
        ...(sealedUserKey === undefined ? {} : { sealedUserKey: textOfBytes(sealedUserKey) }),
      };
    },
  );
}

function addAnsweringRoutes(app: App, context: ApiContext, hooks: RouteHooks): void {
  const { node, time } = context;

  app.get(
    '/v1/device-requests',
    {
      onRequest: hooks.loggedIn,
      schema: {
        tags: ['devices'],
        summary: 'Devices that wait to be enrolled in the own account',
        querystring: FreshnessQuery,
        response: { 200: DeviceRequestsReply },
      },
    },
    async (request) => {
      await freshEnough(context, request.query);
      const requests = pendingDeviceRequests(node.reader, sessionOf(request).account, time.nowMs() as StampMs);
      return {
        requests: requests.map(({ device, signingKey, sealingKey, expiresAt }) => ({
          device,
          signingKey: textOfBytes(signingKey),
          sealingKey: textOfBytes(sealingKey),
          expiresAt: timeOf(expiresAt),
        })),
      };
    },
  );

  app.put(
    '/v1/devices/:device',
    {
      onRequest: hooks.loggedIn,
      schema: {
        tags: ['devices'],
        summary: 'Enrol a device that waits',
        params: DevicePath,
        body: DeviceApproveBody,
        response: { 200: DeviceReply },
        errors: [...THROUGH_THE_LOG, 'no_such_request', 'device_exists', 'invalid_signature', 'too_many'],
      },
    },
    async (request) => {
      const { body, params } = request;
      if (body.record.device !== params.device) {
        throw new ParleyError('invalid_field', 'record.device: not the device of the path.', {
          data: { field: 'record.device' },
        });
      }
      const { device } = await submit(
        context,
        {
          kind: 'device.approve',
          actor: sessionOf(request),
          txnId: body.txnId as TxnId,
          body: {
            record: deviceRecordOf(body.record),
            sealedUserKey: bytesOfField(body.sealedUserKey, 'sealedUserKey'),
          },
        },
        request,
      );
      return { device };
    },
  );

  app.delete(
    '/v1/devices/:device',
    {
      onRequest: hooks.loggedIn,
      schema: {
        tags: ['devices'],
        summary: 'Revoke a device of the own account',
        params: DevicePath,
        querystring: TxnQuery,
        response: { 200: DeviceReply },
        errors: [...THROUGH_THE_LOG, 'no_such_device', 'forbidden'],
      },
    },
    async (request) => {
      const { device } = await submit(
        context,
        {
          kind: 'device.revoke',
          actor: sessionOf(request),
          txnId: txnIdOf(request, request.query),
          body: { device: request.params.device as DeviceId },
        },
        request,
      );
      return { device };
    },
  );
}
