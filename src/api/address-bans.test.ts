import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { ApiPerson, call, nextTxnId } from '../testing/api-person.ts';
import { LocalChatNode } from '../testing/local-chat-node.ts';
import { TestSocket } from '../testing/test-socket.ts';
import { waitUntil } from '../testing/wait-until.ts';
import { serveForTest } from './test-server.ts';
import type { AddressBansJson } from '../protocol/http/admin.ts';
import type { ProblemJson } from '../protocol/http/schemas.ts';
import type { Answer } from '../testing/api-person.ts';
import type { TestServer } from './test-server.ts';

const PATH = '/v1/admin/address-bans';
const HERE = '203.0.113.7';
let server: TestServer;
let ann: ApiPerson;
const from = (address: string) => ({ headers: { 'x-forwarded-for': address } });
const asAdmin = <T = ProblemJson>(method: string, path: string, json?: object, headers = {}): Promise<Answer<T>> =>
  call<T>(server.url, method, path, { token: 'admin', headers, ...(json === undefined ? {} : { json }) });
const ban = async (range: string, extra: object = {}): Promise<void> => {
  expect((await asAdmin('PUT', PATH, { range, txnId: nextTxnId(), ...extra })).status).toBe(200);
};
const unban = (range: string) => asAdmin('DELETE', `${PATH}?range=${encodeURIComponent(range)}&txnId=${nextTxnId()}`);
const statusFrom = async (address: string, path = '/v1/cluster'): Promise<number> =>
  (await call(server.url, 'GET', path, from(address))).status;
const liveFrom = async (address: string): Promise<TestSocket> => {
  const socket = new TestSocket(server.url, from(address));
  await socket.next('hello');
  return socket;
};

beforeAll(async () => {
  server = await serveForTest(new LocalChatNode({ adminToken: 'admin' }), {
    config: { trustedProxies: ['127.0.0.0/8'] },
  });
  ann = await ApiPerson.join(server.url, 'ann');
});
afterAll(async () => server.close(1_000));
beforeEach(async () => {
  const { body } = await asAdmin<AddressBansJson>('GET', PATH);
  for (const { range } of body.bans) await unban(range);
});

describe('a banned address', () => {
  it('is refused whatever it asks for, with reason and end, until the ban is lifted; others are not', async () => {
    await ban('203.0.113.0/24', { reason: 'spam', forMs: 3_600_000 });
    for (const path of ['/v1/cluster', '/livez', '/v1/nothing']) expect(await statusFrom(HERE, path)).toBe(403);
    const { body } = await call<ProblemJson>(server.url, 'GET', '/v1/rooms', { ...from(HERE), token: ann.token });
    expect(body).toMatchObject({
      code: 'address_banned',
      data: { reason: 'spam', until: expect.any(Number) as number },
    });
    expect(body.detail).toMatch(/until 2.*Z: spam/);
    // What it writes itself to the left of its own address counts for nothing.
    expect(await statusFrom(`198.51.100.1, ${HERE}`)).toBe(403);
    expect(await statusFrom('::ffff:cb00:7107')).toBe(403);
    for (const other of ['203.0.114.1', '2001:db8::1', '127.0.0.1']) expect(await statusFrom(other)).toBe(200);
    expect((await unban('203.0.113.9/24')).status).toBe(200);
    expect(await statusFrom(HERE)).toBe(200);
  });

  it('of IPv6 is meant however it is written', async () => {
    await ban('2001:DB8:0:1::/64');
    expect(await statusFrom('2001:db8:0:1:ffff::7')).toBe(403);
    expect(await statusFrom('2001:0db8:0000:0001:0:0:0:1')).toBe(403);
    expect(await statusFrom('2001:db8:0:2::7')).toBe(200);
  });

  it('loses its live feeds at once, and opens none; those of others go on', async () => {
    const socket = await liveFrom(HERE);
    const other = await liveFrom('198.51.100.1');
    const events = await fetch(`${server.url}/v1/events`, {
      headers: { authorization: `Bearer ${ann.token}`, 'x-forwarded-for': HERE },
    });
    await waitUntil(() => server.stats.sockets === 3, 10_000, 'three feeds');
    await ban(HERE);
    expect(await socket.ended()).toEqual({ code: 4403, reason: 'address_banned' });
    expect(await events.text()).toContain('"code":"address_banned"');
    const again = new TestSocket(server.url, from(HERE));
    await waitUntil(() => again.refusedWith !== null, 10_000, 'the refusal');
    expect(again.refusedWith).toBe(403);
    await waitUntil(() => server.stats.sockets === 1, 10_000, 'the feed of another alone');
    expect(other.closed).toBeNull();
    other.close();
  });

  it('is served where it shows the admin token of a node, and not with that of an account or a made-up one', async () => {
    await ban(HERE);
    expect((await asAdmin('GET', PATH, undefined, { 'x-forwarded-for': HERE })).status).toBe(200);
    for (const token of ['admim', ann.token]) {
      const { body } = await call<ProblemJson>(server.url, 'GET', PATH, { ...from(HERE), token });
      expect(body.code).toBe('address_banned');
    }
  });
});

describe('bans of addresses over HTTP', () => {
  it('are listed in pages', async () => {
    for (const range of ['192.0.2.3', '192.0.2.1', '192.0.2.2/32']) await ban(range, { reason: 'r' });
    const first = (await asAdmin<AddressBansJson>('GET', `${PATH}?limit=2`)).body;
    expect(first.bans).toMatchObject([
      { range: '192.0.2.1', by: null, reason: 'r', until: null },
      { range: '192.0.2.2' },
    ]);
    expect(first.next).toBe('192.0.2.2');
    const second = (await asAdmin<AddressBansJson>('GET', `${PATH}?limit=2&after=${first.next}`)).body;
    expect([second.bans.map(({ range }) => range), second.next]).toEqual([['192.0.2.3'], null]);
  });

  it.each([
    ['localhost', /an address like/],
    ['203.0.113.7/33', /an address like/],
    ['0.0.0.0/0', /too wide/],
    ['::/15', /too wide/],
    ['127.0.0.1', /loopback/],
    ['::ffff:127.0.0.1', /loopback/],
    ['::1', /loopback/],
  ])('refuse %s, and say why', async (range, why) => {
    const { status, body } = await asAdmin('PUT', PATH, { range, txnId: nextTxnId() });
    expect([status, body.code]).toEqual([400, 'invalid_field']);
    expect(body.detail).toMatch(why);
    expect((await asAdmin<AddressBansJson>('GET', PATH)).body.bans).toEqual([]);
  });

  it('are lifted once, and the same request again has the same answer', async () => {
    await ban(HERE);
    const path = `${PATH}?range=${HERE}&txnId=${nextTxnId()}`;
    for (let i = 0; i < 2; i++) expect((await asAdmin<object>('DELETE', path)).body).toEqual({ range: HERE });
    const again = await unban(HERE);
    expect([again.status, again.body.code]).toEqual([404, 'not_banned']);
    expect(again.body.detail).toContain(HERE);
  });
});
