import { afterEach, describe, expect, it } from 'vitest';
import { createHash } from 'node:crypto';
import { Value } from '@sinclair/typebox/value';
import { serveForTest } from './test-server.ts';
import { ApiPerson, call, nextTxnId } from '../testing/api-person.ts';
import { LocalChatNode } from '../testing/local-chat-node.ts';
import { OpenApi } from '../testing/open-api.ts';
import { ParleyError } from '../protocol/errors.ts';
import { ClusterReply, InviteReply, StatusReply } from '../protocol/http/schemas.ts';
import type { LocalNodeOptions } from '../testing/local-chat-node.ts';
import type { TestServer } from './test-server.ts';
import type { ProblemJson } from '../protocol/http/schemas.ts';

const open: TestServer[] = [];
afterEach(async () => {
  for (const server of open.splice(0)) await server.close(1_000);
});

async function serve(
  options: Parameters<typeof serveForTest>[1] = {},
  nodeOptions: LocalNodeOptions = {},
): Promise<{ node: LocalChatNode; url: string; server: TestServer }> {
  const node = new LocalChatNode(nodeOptions);
  const server = await serveForTest(node, options);
  open.push(server);
  return { node, url: server.url, server };
}

describe('limits of rate', () => {
  const tight = { perAddressLogin: { perSecond: 0.5, burst: 3 } };
  const ask = (url: string, headers: Record<string, string> = {}): ReturnType<typeof call<ProblemJson>> =>
    call<ProblemJson>(url, 'GET', `/v1/accounts/nobody/device-requests/D${'a'.repeat(26)}`, { headers });

  it('refuses strangers who ask too often, and says when to come back', async () => {
    const { url } = await serve({ limits: tight });
    const first = await ask(url);
    expect(first.status).toBe(404);
    expect([first.headers.get('ratelimit-limit'), first.headers.get('ratelimit-remaining')]).toEqual(['3', '2']);
    await ask(url);
    await ask(url);
    const refused = await ask(url);
    expect([refused.status, refused.body.code, refused.body.retryable]).toEqual([429, 'rate_limited', true]);
    expect(refused.headers.get('retry-after')).toBe('2');
    expect((await call(url, 'GET', '/v1/cluster')).status).toBe(200);
  });

  it('is not evaded by a forged X-Forwarded-For', async () => {
    const { url } = await serve({ limits: tight });
    const statuses: number[] = [];
    for (let i = 0; i < 5; i++) statuses.push((await ask(url, { 'x-forwarded-for': `10.0.0.${i}` })).status);
    expect(statuses).toEqual([404, 404, 404, 429, 429]);
  });

  it('believes a trusted proxy, as far as it vouches', async () => {
    const { url } = await serve({ limits: tight, config: { trustedProxies: ['127.0.0.0/8'] } });
    const from = async (chain: string): Promise<number> => (await ask(url, { 'x-forwarded-for': chain })).status;
    for (let i = 0; i < 3; i++) expect(await from('203.0.113.1')).toBe(404);
    expect(await from('203.0.113.1')).toBe(429);
    // What the client itself wrote to the left of its own address counts for nothing.
    expect(await from('198.51.100.9, 203.0.113.1')).toBe(429);
    expect(await from('203.0.113.2')).toBe(404);
  });

  it('limits an account over all its requests', async () => {
    const { url } = await serve({ limits: { perAccount: { perSecond: 0.1, burst: 4 } } });
    const ada = await ApiPerson.join(url, 'ada');
    const statuses: number[] = [];
    for (let i = 0; i < 5; i++) statuses.push((await ada.call('GET', '/v1/rooms')).status);
    expect(statuses).toEqual([200, 200, 200, 200, 429]);
    const bob = await ApiPerson.join(url, 'bob');
    expect((await bob.call('GET', '/v1/rooms')).status).toBe(200);
  });

  it('limits frames like requests, and the socket goes on', async () => {
    const { url } = await serve({ limits: { perAccount: { perSecond: 0.001, burst: 4 } } });
    const ada = await ApiPerson.join(url, 'ada');
    const roster = await ada.room(await ada.createRoom('group', []));
    const socket = await ada.live();
    for (let i = 0; i < 2; i++) {
      const txnId = nextTxnId();
      socket.send({ type: 'send', ref: `${i}`, room: roster.room, txnId, envelope: ada.seal(roster, txnId, 'x') });
    }
    expect((await socket.next('sent')).ref).toBe('0');
    const refused = await socket.next('error');
    expect(refused).toMatchObject({ ref: '1', code: 'rate_limited', retryable: true });
    expect(refused.retryAfterMs).toBeGreaterThan(1_000);
    socket.close();
  });
});

describe('origins', () => {
  const headersOf = async (url: string, origin: string, method = 'GET'): Promise<Response> =>
    fetch(`${url}/v1/cluster`, { method, headers: { origin } });

  it('allows pages of this cluster and no others', async () => {
    const neighbour = { neighbourUrl: () => 'http://127.0.0.1:1' };
    const { url } = await serve({ config: { origins: ['https://chat.example.org'] } }, neighbour);
    const port = new URL(url).port;
    for (const origin of [url, `http://localhost:${port}`, 'https://chat.example.org', 'http://127.0.0.1:1']) {
      const answer = await headersOf(url, origin);
      expect(answer.status).toBe(200);
      expect(answer.headers.get('access-control-allow-origin')).toBe(origin);
      expect(answer.headers.get('vary')).toContain('Origin');
    }
    for (const origin of ['https://evil.example', 'null', 'https://chat.example.org.evil.example', `${url}1`]) {
      const answer = await headersOf(url, origin);
      expect([answer.status, ((await answer.json()) as ProblemJson).code]).toEqual([403, 'origin_not_allowed']);
      expect(answer.headers.get('access-control-allow-origin')).toBeNull();
    }
  });

  it('answers preflights', async () => {
    const { url } = await serve();
    const answer = await fetch(`${url}/v1/rooms/x/messages/y`, {
      method: 'OPTIONS',
      headers: {
        origin: url,
        'access-control-request-method': 'PUT',
        'access-control-request-headers': 'authorization',
      },
    });
    expect(answer.status).toBe(204);
    expect(answer.headers.get('access-control-allow-methods')).toContain('PUT');
    expect(answer.headers.get('access-control-allow-headers')).toContain('Authorization');
  });
});

describe('without a leader', () => {
  it('says so, in time, and goes on reading for those who are logged in', async () => {
    const { node, url } = await serve({ limits: { requestDeadlineMs: 100 } });
    const ada = await ApiPerson.join(url, 'ada');
    const roster = await ada.room(await ada.createRoom('group', []));
    expect((await ada.call('GET', '/v1/rooms')).headers.get('parley-stale')).toBeNull();
    expect((await fetch(`${url}/readyz`)).status).toBe(200);

    node.loseLeader(20_000);
    const refused = await ada.send<ProblemJson>(roster, 'hello?');
    expect([refused.status, refused.body.code, refused.body.retryable]).toEqual([503, 'no_leader', true]);
    expect(refused.body.leaderId).toBeNull();
    expect(refused.headers.get('retry-after')).toBe('1');
    const read = await ada.call('GET', '/v1/rooms');
    expect([read.status, read.headers.get('parley-stale')]).toEqual([200, 'true']);
    const fresh = await ada.call<ProblemJson>('GET', '/v1/rooms?consistency=linearizable');
    expect(fresh.body.code).toBe('no_leader');
    const challenge = { account: 'ada', device: ada.deviceId };
    const login = await call<ProblemJson>(url, 'POST', '/v1/sessions/challenge', { json: challenge });
    expect(login.body.code).toBe('no_leader');
    expect((await fetch(`${url}/livez`)).status).toBe(200);
    expect((await fetch(`${url}/readyz`)).status).toBe(503);
  });

  it('does not wait for an answer longer than the deadline', async () => {
    const { node, url } = await serve({ limits: { requestDeadlineMs: 50 } });
    const ada = await ApiPerson.join(url, 'ada');
    const roster = await ada.room(await ada.createRoom('group', []));
    const txnId = nextTxnId();
    node.hold();
    const late = await ada.send<ProblemJson>(roster, 'hello', txnId);
    expect([late.status, late.body.code, late.body.retryable]).toEqual([504, 'deadline_exceeded', true]);
    node.release();
    expect((await ada.room(roster.room)).lastSeq).toBe(1);
  });
});

describe('administration', () => {
  it('needs the admin token', async () => {
    const { url } = await serve({}, { adminToken: 'secret' });
    for (const token of [undefined, 'wrong']) {
      const answer = await call<ProblemJson>(url, 'GET', '/v1/admin/status', token === undefined ? {} : { token });
      expect([answer.status, answer.body.code]).toEqual([401, 'unauthenticated']);
    }
    const status = await call(url, 'GET', '/v1/admin/status', { token: 'secret' });
    expect([...Value.Errors(StatusReply, status.body)]).toEqual([]);
  });

  it('invites one person with one invitation', async () => {
    const { url, node } = await serve({}, { registration: 'invite' });
    const register = (name: string, invite?: string): ReturnType<typeof call<ProblemJson>> =>
      new ApiPerson(url, name).register<ProblemJson>(invite === undefined ? {} : { invite });
    expect((await register('ada')).body.code).toBe('invite_required');
    expect((await register('ada', 'guess')).body.code).toBe('invite_required');
    const invite = async (json: object): ReturnType<typeof call<{ invite: string }>> =>
      call<{ invite: string }>(url, 'POST', '/v1/admin/invites', { token: 'admin', json });
    const first = { ttlMs: 60_000, txnId: nextTxnId() };
    const made = await invite(first);
    expect([...Value.Errors(InviteReply, made.body)]).toEqual([]);
    expect((await invite(first)).body).toEqual(made.body);
    expect((await invite({ ...first, ttlMs: 70_000 })).body).toMatchObject({ code: 'txn_reused' });
    expect((await register('ada', made.body.invite)).status).toBe(200);
    expect((await register('bob', made.body.invite)).body.code).toBe('invite_required');
    const late = await invite({ ttlMs: 60_000, txnId: nextTxnId() });
    expect(late.body.invite).not.toBe(made.body.invite);
    // Its time ran from the leader's, which this node reckons on between stamps.
    node.advance(2 * first.ttlMs);
    expect((await register('bob', late.body.invite)).body.code).toBe('invite_required');
  });

  it('can close registration', async () => {
    const { url } = await serve({}, { registration: 'closed' });
    const answer = await new ApiPerson(url, 'ada').register<ProblemJson>();
    expect([answer.status, answer.body.code]).toEqual([403, 'registration_closed']);
  });
});

describe('what the node says about itself', () => {
  it('describes every route', async () => {
    const { url } = await serve();
    const document = await OpenApi.of(url);
    expect(document.openapi).toBe('3.1.0');
    const routes = Object.entries(document.paths).flatMap(([path, methods]) =>
      Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`),
    );
    expect(routes.toSorted()).toEqual([
      'DELETE /v1/accounts/{name}',
      'DELETE /v1/admin/accounts/{name}',
      'DELETE /v1/admin/address-bans',
      'DELETE /v1/admin/admins/{name}',
      'DELETE /v1/admin/bans/{name}',
      'DELETE /v1/admin/rooms/{room}',
      'DELETE /v1/admin/rooms/{room}/messages/{seq}',
      'DELETE /v1/blocks/{name}',
      'DELETE /v1/devices/{device}',
      'DELETE /v1/locks/{name}',
      'DELETE /v1/password',
      'DELETE /v1/rooms/{room}/hooks/{hook}',
      'DELETE /v1/rooms/{room}/links/{secretHash}',
      'DELETE /v1/rooms/{room}/members/{name}',
      'DELETE /v1/rooms/{room}/pins/{seq}',
      'DELETE /v1/sessions/{session}',
      'DELETE /v1/totp',
      'GET /livez',
      'GET /metrics',
      'GET /readyz',
      'GET /v1/accounts',
      'GET /v1/accounts/{name}',
      'GET /v1/accounts/{name}/device-requests/{device}',
      'GET /v1/accounts/{name}/profile',
      'GET /v1/admin/accounts/{name}',
      'GET /v1/admin/address-bans',
      'GET /v1/admin/admins',
      'GET /v1/admin/audit',
      'GET /v1/admin/audit/export',
      'GET /v1/admin/bans',
      'GET /v1/admin/diagnosis',
      'GET /v1/admin/disk-keys',
      'GET /v1/admin/keys',
      'GET /v1/admin/quotas',
      'GET /v1/admin/quotas/{name}',
      'GET /v1/admin/registration',
      'GET /v1/admin/reports',
      'GET /v1/admin/retention',
      'GET /v1/admin/state-hashes',
      'GET /v1/admin/status',
      'GET /v1/blobs',
      'GET /v1/blocks',
      'GET /v1/cluster',
      'GET /v1/device-requests',
      'GET /v1/events',
      'GET /v1/locks',
      'GET /v1/locks/{name}',
      'GET /v1/login',
      'GET /v1/open-rooms',
      'GET /v1/people',
      'GET /v1/rooms',
      'GET /v1/rooms/{room}',
      'GET /v1/rooms/{room}/blobs/{blob}',
      'GET /v1/rooms/{room}/hooks',
      'GET /v1/rooms/{room}/links',
      'GET /v1/rooms/{room}/members',
      'GET /v1/rooms/{room}/messages',
      'GET /v1/rooms/{room}/presence',
      'GET /v1/rooms/{room}/receipts',
      'GET /v1/sessions',
      'GET /v1/vault',
      'PATCH /v1/admin/accounts/{name}',
      'PATCH /v1/admin/quotas',
      'PATCH /v1/admin/quotas/{name}',
      'PATCH /v1/admin/reports/{report}',
      'PATCH /v1/locks/{name}',
      'PATCH /v1/profile',
      'PATCH /v1/rooms/{room}',
      'PATCH /v1/rooms/{room}/members/{name}',
      'POST /v1/accounts',
      'POST /v1/accounts/{name}/device-requests',
      'POST /v1/admin/compact',
      'POST /v1/admin/disk-keys',
      'POST /v1/admin/invites',
      'POST /v1/admin/keys/rotate',
      'POST /v1/admin/leader',
      'POST /v1/admin/login-setups',
      'POST /v1/admin/members',
      'POST /v1/blobs/{blob}/commit',
      'POST /v1/devices',
      'POST /v1/hooks/{hook}',
      'POST /v1/login/finish',
      'POST /v1/login/start',
      'POST /v1/password/start',
      'POST /v1/recovery',
      'POST /v1/recovery/challenge',
      'POST /v1/reports',
      'POST /v1/rooms',
      'POST /v1/rooms/{room}/hooks',
      'POST /v1/rooms/{room}/join',
      'POST /v1/rooms/{room}/links',
      'POST /v1/sessions',
      'POST /v1/sessions/challenge',
      'POST /v1/sessions/refresh',
      'PUT /v1/admin/address-bans',
      'PUT /v1/admin/admins/{name}',
      'PUT /v1/admin/bans/{name}',
      'PUT /v1/admin/registration',
      'PUT /v1/admin/retention',
      'PUT /v1/blobs/{blob}',
      'PUT /v1/blobs/{blob}/chunks/{chunk}',
      'PUT /v1/blocks/{name}',
      'PUT /v1/devices/{device}',
      'PUT /v1/locks/{name}',
      'PUT /v1/password',
      'PUT /v1/receipts/sharing',
      'PUT /v1/rooms/{room}/deletions/{txnId}',
      'PUT /v1/rooms/{room}/members/{name}',
      'PUT /v1/rooms/{room}/messages/{txnId}',
      'PUT /v1/rooms/{room}/pins/{seq}',
      'PUT /v1/rooms/{room}/receipts',
      'PUT /v1/rooms/{room}/typing',
      'PUT /v1/totp',
      'PUT /v1/vault',
    ]);
    const send = document.paths['/v1/rooms/{room}/messages/{txnId}']!['put']!;
    expect(send.security).toEqual([{ session: [] }]);
    expect(document.codes('PUT', '/v1/rooms/r/messages/t', 409)).toEqual([
      'blob_missing',
      'room_archived',
      'stale_devices',
    ]);
    for (const [path, methods] of Object.entries(document.paths)) {
      for (const [method, { responses }] of Object.entries(methods)) {
        expect([path, method, responses['200']]).toEqual([path, method, expect.anything()]);
        const delayed = path === '/v1/login/start' ? ['login_delayed'] : [];
        expect(document.codes(method, path, 429)).toEqual([...delayed, 'rate_limited']);
        expect(document.codes(method, path, 500)).toEqual(['internal']);
      }
    }
    expect(send.requestBody?.content['application/json']?.schema).toMatchObject({ required: ['envelope'] });
    expect(document.paths['/v1/admin/status']!['get']!.security).toEqual([{ admin: [] }, { session: [] }]);
    expect(document.paths['/v1/sessions/challenge']!['post']!.security).toBeUndefined();
  });

  it('shows a status page that may run nothing but itself', async () => {
    const { url } = await serve();
    const answer = await fetch(`${url}/status`);
    const html = await answer.text();
    expect(answer.headers.get('content-type')).toBe('text/html; charset=utf-8');
    const policy = answer.headers.get('content-security-policy')!;
    expect(policy).not.toContain('unsafe');
    for (const [tag, directive] of [
      ['script', 'script-src'],
      ['style', 'style-src'],
    ] as const) {
      const content = new RegExp(`<${tag}[^>]*>([\\s\\S]*?)</${tag}>`).exec(html)![1]!;
      const hash = createHash('sha256').update(content).digest('base64');
      expect(policy).toContain(`${directive} 'sha256-${hash}'`);
    }
    expect(html).not.toMatch(/ on[a-z]+=|style="|src="http/);
  });

  it('tells which nodes there are although its own state is damaged', async () => {
    const { node, url } = await serve({}, { registration: 'invite' });
    const damaged = (): never => {
      throw new ParleyError('damaged');
    };
    Object.defineProperty(node, 'reader', { get: damaged, configurable: true });
    const answer = await call<{ registration: string }>(url, 'GET', '/v1/cluster');
    expect([answer.status, answer.body.registration]).toEqual([200, 'invite']);
    expect((await call(url, 'GET', '/v1/admin/status', { token: 'admin' })).status).toBe(200);
    Reflect.deleteProperty(node, 'reader');
  });

  it('tells open to all which nodes there are, with safe headers', async () => {
    const { url, server } = await serve();
    const answer = await call(url, 'GET', '/v1/cluster');
    expect([...Value.Errors(ClusterReply, answer.body)]).toEqual([]);
    expect(answer.headers.get('x-content-type-options')).toBe('nosniff');
    expect(answer.headers.get('content-security-policy')).toContain("default-src 'none'");
    expect(answer.headers.get('cache-control')).toBe('no-store');
    expect(server.address).toBe(url);
  });
});

describe('configuration that cannot work is refused in one sentence', () => {
  it.each([
    ['plain HTTP for others to hear', { config: { host: '0.0.0.0' } }, /--insecure-http/],
    ['an origin that is none', { config: { origins: ['chat.example.org'] } }, /not an origin/],
    ['a proxy that is no address', { config: { trustedProxies: ['10.0.0.0/33'] } }, /neither an address/],
    ['a limit that does not exist', { limits: { perPlanet: 1, heartbeatMs: 50 } }, /no limit “perPlanet”/],
    ['a limit that is no number', { limits: { heartbeatMs: -1 } }, /positive number/],
    ['a rate that is none', { limits: { perAccount: { perSecond: 1 } as never } }, /perSecond/],
  ])('%s', async (_what, options, message) => {
    await expect(serve(options)).rejects.toThrow(message);
  });

  it('a port that is in use', async () => {
    const { url } = await serve();
    const refusal = serve({ config: { port: Number(new URL(url).port) } });
    await expect(refusal).rejects.toMatchObject({ code: 'port_in_use' });
  });
});
