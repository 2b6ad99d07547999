import { nextTxnId } from '../../src/testing/api-person.ts';
import type { ClusterJson } from '../../src/protocol/http/schemas.ts';
import type { RouteCases } from './route-case.ts';
import type { Stage } from './stage.ts';

const LEASE_MS = 60_000;
let locks = 0;
const freshLock = (): string => `contract-${++locks}`;

async function heldLock(stage: Stage): Promise<{ readonly name: string; readonly token: number }> {
  const name = freshLock();
  const json = { ttlMs: LEASE_MS, txnId: nextTxnId() };
  const { token } = await stage.needs<{ token: number }>(stage.ada, 'PUT', `/v1/locks/${name}`, json);
  return { name, token };
}

async function leaderUrl(stage: Stage): Promise<string> {
  const { leader, nodes } = await stage.asAdmin<ClusterJson>('GET', '/v1/cluster');
  return nodes.find(({ id }) => id === leader)!.url!;
}

/** A report of bob's that waits. */
async function report(stage: Stage): Promise<number> {
  const room = await stage.group(stage.bob);
  await stage.message(room);
  const json = { room, seq: 1, reason: 'spam', revealed: [], txnId: nextTxnId() };
  return (await stage.needs<{ report: number }>(stage.bob, 'POST', '/v1/reports', json)).report;
}

/** Locks, the cluster, and what admins do. */
export const SERVER_CASES: RouteCases = {
  'PUT /v1/locks/{name}': () => ({
    path: `/v1/locks/${freshLock()}`,
    json: { ttlMs: LEASE_MS, txnId: nextTxnId() },
  }),
  'PATCH /v1/locks/{name}': async (stage) => {
    const { name, token } = await heldLock(stage);
    const json = { token, ttlMs: LEASE_MS, txnId: nextTxnId() };
    return { path: `/v1/locks/${name}`, json, deniedTo: stage.bob.token };
  },
  'DELETE /v1/locks/{name}': async (stage) => {
    const { name, token } = await heldLock(stage);
    return { path: `/v1/locks/${name}?token=${token}&txnId=${nextTxnId()}`, deniedTo: stage.bob.token };
  },
  'GET /v1/locks': async (stage) => {
    await heldLock(stage);
    return { path: '/v1/locks' };
  },
  'GET /v1/locks/{name}': async (stage) => ({ path: `/v1/locks/${(await heldLock(stage)).name}` }),

  'GET /v1/cluster': () => ({ path: '/v1/cluster', repeats: 'not-the-same' }),
  'GET /livez': () => ({ path: '/livez' }),
  'GET /readyz': () => ({ path: '/readyz' }),
  'GET /metrics': () => ({ path: '/metrics', repeats: 'not-the-same' }),

  'GET /v1/admin/status': () => ({ path: '/v1/admin/status', repeats: 'not-the-same' }),
  'GET /v1/admin/state-hashes': () => ({ path: '/v1/admin/state-hashes?rows=true' }),
  'GET /v1/admin/diagnosis': () => ({ path: '/v1/admin/diagnosis', repeats: 'not-the-same' }),
  'GET /v1/admin/disk-keys': () => ({ path: '/v1/admin/disk-keys', repeats: 'not-the-same' }),
  'POST /v1/admin/disk-keys': () => ({ path: `/v1/admin/disk-keys?txnId=${nextTxnId()}` }),
  'POST /v1/admin/compact': () => ({ path: `/v1/admin/compact?txnId=${nextTxnId()}` }),
  'GET /v1/admin/keys': () => ({ path: '/v1/admin/keys', repeats: 'not-the-same' }),
  'POST /v1/admin/keys/rotate': async (stage) => ({
    path: `/v1/admin/keys/rotate?txnId=${nextTxnId()}`,
    url: await leaderUrl(stage),
    repeats: 'not-the-same',
  }),
  'POST /v1/admin/leader': async (stage) => ({
    path: '/v1/admin/leader',
    json: { to: null, txnId: nextTxnId() },
    // It leads no more when it is asked again, and did what was asked.
    url: await leaderUrl(stage),
  }),
  'POST /v1/admin/members': async (stage) => {
    const url = await leaderUrl(stage);
    // The last of all cases that change the cluster: two nodes are left of three.
    const leaving = stage.cluster.layout.nodes.at(-1)!.name;
    const { leader } = await stage.asAdmin<ClusterJson>('GET', '/v1/cluster');
    const node = leader === leaving ? stage.cluster.layout.nodes[1]!.name : leaving;
    const json = { verb: 'remove', node, txnId: nextTxnId() };
    return { path: '/v1/admin/members', json, url, repeats: 'not-the-same' };
  },
  'POST /v1/admin/invites': () => ({
    path: '/v1/admin/invites',
    json: { ttlMs: 60_000, txnId: nextTxnId() },
  }),

  'GET /v1/admin/registration': () => ({ path: '/v1/admin/registration' }),
  'PUT /v1/admin/registration': () => ({
    path: '/v1/admin/registration',
    json: { policy: 'open', txnId: nextTxnId() },
  }),
  'GET /v1/admin/admins': (stage) => ({ path: '/v1/admin/admins', token: stage.root.token }),
  'PUT /v1/admin/admins/{name}': async (stage) => ({
    path: `/v1/admin/admins/${(await stage.newcomer()).name}`,
    json: { txnId: nextTxnId() },
  }),
  'DELETE /v1/admin/admins/{name}': async (stage) => {
    const { name } = await stage.newcomer();
    await stage.asAdmin('PUT', `/v1/admin/admins/${name}`, { txnId: nextTxnId() });
    return { path: `/v1/admin/admins/${name}?txnId=${nextTxnId()}`, token: stage.root.token };
  },
  'GET /v1/admin/bans': async (stage) => {
    const { name } = await stage.newcomer();
    await stage.asAdmin('PUT', `/v1/admin/bans/${name}`, { reason: 'spam', txnId: nextTxnId() });
    return { path: '/v1/admin/bans' };
  },
  'PUT /v1/admin/bans/{name}': async (stage) => ({
    path: `/v1/admin/bans/${(await stage.newcomer()).name}`,
    json: { reason: 'spam', forMs: 60_000, txnId: nextTxnId() },
  }),
  'DELETE /v1/admin/bans/{name}': async (stage) => {
    const { name } = await stage.newcomer();
    await stage.asAdmin('PUT', `/v1/admin/bans/${name}`, { txnId: nextTxnId() });
    return { path: `/v1/admin/bans/${name}?txnId=${nextTxnId()}` };
  },
  'GET /v1/admin/address-bans': async (stage) => {
    await stage.asAdmin('PUT', '/v1/admin/address-bans', { range: '203.0.113.1', reason: 'spam', txnId: nextTxnId() });
    return { path: '/v1/admin/address-bans' };
  },
  'PUT /v1/admin/address-bans': () => ({
    path: '/v1/admin/address-bans',
    json: { range: '203.0.113.0/24', reason: 'spam', forMs: 60_000, txnId: nextTxnId() },
  }),
  'DELETE /v1/admin/address-bans': async (stage) => {
    await stage.asAdmin('PUT', '/v1/admin/address-bans', { range: '203.0.113.2', txnId: nextTxnId() });
    return { path: `/v1/admin/address-bans?range=203.0.113.2&txnId=${nextTxnId()}` };
  },
  'GET /v1/admin/accounts/{name}': () => ({ path: '/v1/admin/accounts/bob' }),
  'PATCH /v1/admin/accounts/{name}': async (stage) => ({
    path: `/v1/admin/accounts/${(await stage.newcomer()).name}`,
    json: { active: false, txnId: nextTxnId() },
  }),
  'DELETE /v1/admin/accounts/{name}': async (stage) => ({
    path: `/v1/admin/accounts/${(await stage.newcomer()).name}?messages=true&txnId=${nextTxnId()}`,
  }),
  'GET /v1/admin/quotas': () => ({ path: '/v1/admin/quotas' }),
  'PATCH /v1/admin/quotas': () => ({ path: '/v1/admin/quotas', json: { rooms: 5_000, txnId: nextTxnId() } }),
  'GET /v1/admin/quotas/{name}': () => ({ path: '/v1/admin/quotas/bob' }),
  'PATCH /v1/admin/quotas/{name}': () => ({
    path: '/v1/admin/quotas/bob',
    json: { messagesPerDay: 5_000, txnId: nextTxnId() },
  }),
  'GET /v1/admin/retention': () => ({ path: '/v1/admin/retention' }),
  'PUT /v1/admin/retention': () => ({ path: '/v1/admin/retention', json: { retentionMs: 0, txnId: nextTxnId() } }),
  'GET /v1/admin/audit': () => ({ path: '/v1/admin/audit?limit=20' }),
  'GET /v1/admin/audit/export': () => ({ path: '/v1/admin/audit/export' }),
  'GET /v1/admin/reports': async (stage) => {
    await report(stage);
    return { path: '/v1/admin/reports?state=all' };
  },
  'PATCH /v1/admin/reports/{report}': async (stage) => ({
    path: `/v1/admin/reports/${await report(stage)}`,
    json: { resolution: 'spoken to', txnId: nextTxnId() },
  }),
  'DELETE /v1/admin/rooms/{room}/messages/{seq}': async (stage) => {
    const room = await stage.group(stage.bob);
    await stage.message(room);
    return { path: `/v1/admin/rooms/${room}/messages/1?txnId=${nextTxnId()}` };
  },
  'DELETE /v1/admin/rooms/{room}': async (stage) => ({
    path: `/v1/admin/rooms/${await stage.group(stage.bob)}?txnId=${nextTxnId()}`,
  }),
};
