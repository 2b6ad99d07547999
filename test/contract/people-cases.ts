import { ApiPerson, nextTxnId } from '../../src/testing/api-person.ts';
import type { RouteCases } from './route-case.ts';

/** Accounts, devices, sessions, profiles, blocks. */
export const PEOPLE_CASES: RouteCases = {
  'POST /v1/accounts': (stage) => ({
    path: '/v1/accounts',
    json: new ApiPerson(stage.url, stage.freshName()).registration(),
  }),
  'DELETE /v1/accounts/{name}': async (stage) => {
    const leaving = await stage.newcomer();
    const path = `/v1/accounts/${leaving.name}?txnId=${nextTxnId()}`;
    return { path, token: leaving.token, deniedTo: stage.bob.token, repeats: 'refused' };
  },
  'GET /v1/accounts': () => ({ path: '/v1/accounts?query=a&limit=2' }),
  'GET /v1/accounts/{name}': () => ({ path: '/v1/accounts/bob' }),
  'GET /v1/accounts/{name}/profile': () => ({ path: '/v1/accounts/bob/profile' }),
  'PATCH /v1/profile': () => ({ path: '/v1/profile', json: { displayName: 'Ada L.', txnId: nextTxnId() } }),
  'GET /v1/people': () => ({ path: '/v1/people?query=bo' }),
  'PUT /v1/blocks/{name}': () => ({ path: '/v1/blocks/carl', json: { txnId: nextTxnId() } }),
  'DELETE /v1/blocks/{name}': () => ({ path: `/v1/blocks/carl?txnId=${nextTxnId()}` }),
  'GET /v1/blocks': () => ({ path: '/v1/blocks' }),

  'POST /v1/accounts/{name}/device-requests': (stage) => ({
    path: '/v1/accounts/ada/device-requests',
    json: stage.deviceRequest(new ApiPerson(stage.url, 'ada')),
  }),
  'GET /v1/accounts/{name}/device-requests/{device}': async (stage) => ({
    path: `/v1/accounts/ada/device-requests/${(await stage.askingDevice()).deviceId}`,
  }),
  'GET /v1/device-requests': async (stage) => {
    await stage.askingDevice();
    return { path: '/v1/device-requests' };
  },
  'PUT /v1/devices/{device}': async (stage) => {
    const device = await stage.askingDevice();
    return { path: `/v1/devices/${device.deviceId}`, json: stage.approval(device), deniedTo: stage.bob.token };
  },
  'DELETE /v1/devices/{device}': async (stage) => {
    const device = await stage.askingDevice();
    await stage.needs(stage.ada, 'PUT', `/v1/devices/${device.deviceId}`, stage.approval(device));
    return { path: `/v1/devices/${device.deviceId}?txnId=${nextTxnId()}`, deniedTo: stage.bob.token };
  },

  'POST /v1/sessions/challenge': (stage) => ({
    path: '/v1/sessions/challenge',
    json: { account: 'ada', device: stage.ada.deviceId },
    repeats: 'not-the-same',
  }),
  'POST /v1/sessions': async (stage) => ({ path: '/v1/sessions', json: (await stage.bob.loginBody()).body }),
  'POST /v1/sessions/refresh': async (stage) => ({
    path: '/v1/sessions/refresh',
    json: (await stage.newcomer()).refreshBody().json,
  }),
  'GET /v1/sessions': () => ({ path: '/v1/sessions' }),
  'DELETE /v1/sessions/{session}': async (stage) => {
    const before = stage.ada.open!.session;
    await stage.ada.login();
    return { path: `/v1/sessions/${before}?txnId=${nextTxnId()}`, deniedTo: stage.bob.token };
  },
};
