import { once } from 'node:events';
import { connect } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { serveForTest } from './test-server.ts';
import { ApiPerson, call, nextTxnId } from '../testing/api-person.ts';
import { LocalChatNode } from '../testing/local-chat-node.ts';
import { TestSocket } from '../testing/test-socket.ts';
import { waitUntil } from '../testing/wait-until.ts';
import type { Socket } from 'node:net';
import type { ProblemJson } from '../protocol/http/schemas.ts';
import type { ApiLimits } from './config.ts';
import type { TestServer } from './test-server.ts';

const open: TestServer[] = [];
afterEach(async () => {
  for (const server of open.splice(0)) await server.close(1_000);
});

async function serve(limits: Partial<ApiLimits>, node = new LocalChatNode()): Promise<TestServer> {
  const server = await serveForTest(node, { limits });
  open.push(server);
  return server;
}

/** A connection that speaks HTTP by hand. */
function speak(server: TestServer, text: string): { readonly socket: Socket; readonly heard: () => string } {
  const socket = connect(Number(new URL(server.url).port), '127.0.0.1');
  let heard = '';
  socket.on('data', (chunk: Buffer) => (heard += chunk.toString('latin1')));
  socket.on('error', () => undefined);
  socket.write(text);
  return { socket, heard: () => heard };
}

describe('what an answer says of rates', () => {
  const ratesOf = (headers: Headers): (string | null)[] =>
    ['limit', 'remaining', 'reset'].map((name) => headers.get(`ratelimit-${name}`));

  it('how much is left, and when all of it is there again', async () => {
    const { url } = await serve({ perAddress: { perSecond: 2, burst: 10 } });
    expect(ratesOf((await call(url, 'GET', '/v1/cluster')).headers)).toEqual(['10', '9', '1']);
  });

  it('of the limit that was hit, where one was', async () => {
    const { url } = await serve({ perAccount: { perSecond: 0.1, burst: 1 } });
    const ada = await ApiPerson.join(url, 'ada');
    expect((await ada.call('GET', '/v1/rooms')).status).toBe(200);
    const refused = await ada.call<ProblemJson>('GET', '/v1/rooms');
    expect([refused.status, refused.body.code]).toEqual([429, 'rate_limited']);
    const [limit, remaining, reset] = ratesOf(refused.headers);
    expect([limit, remaining]).toEqual(['1', '0']);
    expect(Number(refused.headers.get('retry-after'))).toBe(Number(reset));
  });

  it('of the address too', async () => {
    const { url } = await serve({ perAddress: { perSecond: 0.001, burst: 1 } });
    await call(url, 'GET', '/v1/cluster');
    const refused = await call<ProblemJson>(url, 'GET', '/v1/cluster');
    expect([refused.body.code, ...ratesOf(refused.headers).slice(0, 2)]).toEqual(['rate_limited', '1', '0']);
  });
});

describe('requests that take too long to arrive', () => {
  it.each([
    ['headers', 'GET /v1/cluster HTTP/1.1\r\nHost: x\r\nX-Slow: '],
    ['a body', 'POST /v1/accounts HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n{'],
  ])('are refused in time: %s', async (_what, beginning) => {
    const server = await serve({ headersReceiveMs: 100, requestReceiveMs: 200 });
    const { socket, heard } = speak(server, beginning);
    await waitUntil(() => socket.closed);
    expect(heard()).toMatch(/^HTTP\/1\.1 408 /);
    expect(heard()).toContain('application/problem+json');
    expect((await call(server.url, 'GET', '/livez')).status).toBe(200);
  });
});

describe('connections', () => {
  it('beyond the bound are closed, and there is room again when others go', async () => {
    const server = await serve({ connectionsMax: 2 });
    const request = 'GET /livez HTTP/1.1\r\nHost: x\r\n\r\n';
    const kept = [speak(server, request), speak(server, request)];
    await waitUntil(() => kept.every(({ heard }) => heard().includes('200 OK')));
    const third = speak(server, request);
    await once(third.socket, 'close');
    expect(third.heard()).toBe('');
    for (const { socket } of kept) socket.destroy();
    await waitUntil(async () => (await fetch(`${server.url}/livez`).catch(() => null))?.ok === true);
  });
});

describe('live feeds', () => {
  it.each([
    ['one address', { socketsPerAddressMax: 1 }, 429],
    ['one node', { socketsMax: 1 }, 503],
  ])('are bounded for %s, whatever carries them', async (_what, limits, status) => {
    const server = await serve(limits);
    const ada = await ApiPerson.join(server.url, 'ada');
    const first = await ada.live();
    const second = new TestSocket(server.url);
    await second.ended();
    expect(second.refusedWith).toBe(status);
    expect((await ada.call('GET', '/v1/events')).status).toBe(status);
    expect((await ada.call('GET', '/v1/rooms')).status).toBe(200);
    first.close();
    await waitUntil(() => server.stats.sockets === 0);
    (await ada.live()).close();
  });
});

describe('a node that goes down', () => {
  it('answers what is under way, and sends what follows on the same connection elsewhere', async () => {
    const node = new LocalChatNode();
    const server = await serve({}, node);
    const ada = await ApiPerson.join(server.url, 'ada');
    node.hold();
    const body = JSON.stringify({ kind: 'group', members: [], txnId: nextTxnId() });
    const authorization = `Authorization: Bearer ${ada.token}\r\n`;
    const head = `Host: x\r\n${authorization}Content-Type: application/json\r\nContent-Length: ${body.length}`;
    const { socket, heard } = speak(server, `POST /v1/rooms HTTP/1.1\r\n${head}\r\n\r\n${body}`);
    await waitUntil(() => node.waitingCount === 1);
    const closing = server.close(10_000);
    await waitUntil(async () => (await fetch(`${server.url}/livez`).catch(() => null)) === null);
    socket.write(`GET /v1/rooms HTTP/1.1\r\nHost: x\r\n${authorization}\r\n`);
    node.release();
    await once(socket, 'close');
    await closing;
    const answers = heard().split('HTTP/1.1 ').slice(1);
    expect(answers.map((answer) => answer.slice(0, 3))).toEqual(['200', '503']);
    expect(answers[1]).toContain('"code":"shutting_down"');
  });

  it('does not wait for those who were answered and keep their connection open', async () => {
    const node = new LocalChatNode();
    const server = await serve({ keepAliveMs: 3_600_000 }, node);
    const ada = await ApiPerson.join(server.url, 'ada');
    node.hold();
    const body = JSON.stringify({ kind: 'group', members: [], txnId: nextTxnId() });
    const head = `Host: x\r\nAuthorization: Bearer ${ada.token}\r\nContent-Type: application/json`;
    const { heard } = speak(
      server,
      `POST /v1/rooms HTTP/1.1\r\n${head}\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
    );
    await waitUntil(() => node.waitingCount === 1);
    const closing = server.close(3_600_000);
    await waitUntil(async () => (await fetch(`${server.url}/livez`).catch(() => null)) === null);
    node.release();
    await closing;
    expect(heard()).toMatch(/^HTTP\/1\.1 200 /);
  });
});
