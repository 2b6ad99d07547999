import { createServer } from 'node:http';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { serveForTest } from '../api/test-server.ts';
import { clusterIdOf } from '../protocol/derive-ids.ts';
import { LIMITS } from '../protocol/limits.ts';
import { TestClient } from '../testing/client/test-client.ts';
import { problemOf } from '../testing/client/test-network.ts';
import { LocalChatNode } from '../testing/local-chat-node.ts';
import { waitUntil } from '../testing/wait-until.ts';
import { readRow } from './rows.ts';
import type { AddressInfo } from 'node:net';
import type { TestServer } from '../api/test-server.ts';
import type { SessionRow } from './rows.ts';
import type { TestNetwork } from '../testing/client/test-network.ts';
import type { MemoryStore } from '../testing/client/memory-store.ts';

const REFRESH = /^\/v1\/sessions\/refresh$/;
const LOGIN = /^\/v1\/sessions$/;
const timesIn = (network: TestNetwork): { logins: number; refreshes: number } => ({
  logins: network.count('POST', LOGIN),
  refreshes: network.count('POST', REFRESH),
});

describe('a session', () => {
  let node: LocalChatNode;
  let server: TestServer;
  let endpoints: string[];
  let aheadMs = 0;
  let ann: TestClient;

  beforeEach(async () => {
    aheadMs = 0;
    node = new LocalChatNode();
    server = await serveForTest(node);
    endpoints = [server.url];
    ann = await TestClient.registered('ann', { endpoints, aheadMs: () => aheadMs });
    await ann.client.account.devices();
  });
  afterEach(() => server.close(1_000));

  const sessionIn = (store: MemoryStore): Promise<SessionRow | undefined> =>
    store.transaction((tx) => readRow(tx, 'session'));
  /** Time passes for everybody. */
  const wait = async (ms: number): Promise<void> => {
    aheadMs += ms;
    node.advance(ms);
    const other = await TestClient.registered(`ticker-${aheadMs}`, { endpoints });
    await other.client.whoAmI();
  };
  const another = (): Promise<TestClient> => TestClient.open({ endpoints, store: ann.store, aheadMs: () => aheadMs });

  it('is opened once, and shared by programs of one home', async () => {
    await ann.client.account.devices();
    const second = await another();
    await second.client.account.devices();
    expect(timesIn(ann.network)).toEqual({ logins: 1, refreshes: 0 });
    expect(timesIn(second.network)).toEqual({ logins: 0, refreshes: 0 });
  });

  it('is renewed before its token expires, and not again until the next time', async () => {
    await wait(LIMITS.accessTokenTtlMs - 30_000);
    const before = await sessionIn(ann.store);
    await ann.client.account.devices();
    await ann.client.account.devices();
    expect(timesIn(ann.network)).toEqual({ logins: 1, refreshes: 1 });
    const after = await sessionIn(ann.store);
    expect(after!.session).toBe(before!.session);
    expect(after!.accessSecret).not.toEqual(before!.accessSecret);
  });

  it('repeats a renewal whose answer got lost word by word', async () => {
    await wait(LIMITS.accessTokenTtlMs);
    ann.network.loseAnswer('POST', REFRESH);
    await ann.client.account.devices();
    const [first, second, ...more] = ann.network.bodies('POST', REFRESH);
    expect(second).toEqual(first);
    expect(more).toEqual([]);
    expect(timesIn(ann.network).logins).toBe(1);
  });

  it('is taken up by a later program when the one that renewed it died', async () => {
    await wait(LIMITS.accessTokenTtlMs);
    ann.network.interpose((request) =>
      REFRESH.test(request.path) ? request.deliver().then(() => problemOf('internal', 500)) : undefined,
    );
    await expect(ann.client.account.devices()).rejects.toMatchObject({ code: 'internal' });
    const later = await TestClient.open({ endpoints, store: ann.store.kill(), aheadMs: () => aheadMs });
    await later.client.account.devices();
    expect(timesIn(later.network)).toEqual({ logins: 0, refreshes: 1 });
    expect(later.network.bodies('POST', REFRESH)).toEqual(ann.network.bodies('POST', REFRESH));
  });

  it('announces the same when two programs renew at once', async () => {
    await wait(LIMITS.accessTokenTtlMs);
    const programs = await Promise.all([another(), another(), another()]);
    // All have announced before the first is answered.
    let asked = 0;
    for (const { network } of programs) {
      network.interpose((request) => {
        if (!REFRESH.test(request.path)) return undefined;
        asked += 1;
        return waitUntil(() => asked === programs.length).then(() => request.deliver());
      });
    }
    await Promise.all(programs.map(({ client }) => client.account.devices()));
    const bodies = programs.flatMap(({ network }) => network.bodies('POST', REFRESH));
    expect(bodies).toHaveLength(programs.length);
    for (const body of bodies) expect(body).toEqual(bodies[0]);
    for (const { network } of programs) expect(timesIn(network).logins).toBe(0);
  });

  it('is used as another program has renewed it meanwhile', async () => {
    const hasty = await TestClient.open({ endpoints, store: ann.store, aheadMs: () => LIMITS.accessTokenTtlMs });
    const stop = ann.network.interpose((request) => {
      if (!request.path.startsWith('/v1/accounts')) return undefined;
      stop();
      return hasty.client.account.devices().then(request.deliver);
    });
    await ann.client.account.devices();
    expect(timesIn(ann.network)).toEqual({ logins: 1, refreshes: 0 });
    expect(timesIn(hasty.network)).toEqual({ logins: 0, refreshes: 1 });
  });

  it('survives a program that comes back with a renewal from long ago', async () => {
    await wait(LIMITS.accessTokenTtlMs);
    const thenMs = aheadMs;
    const slow = await TestClient.open({ endpoints, store: ann.store, aheadMs: () => thenMs });
    let letGo = (): void => {};
    const held = new Promise<void>((resolve) => (letGo = resolve));
    slow.network.interpose((request) => (REFRESH.test(request.path) ? held.then(request.deliver) : undefined));
    const late = slow.client.account.devices();
    await waitUntil(() => slow.network.count('POST', REFRESH) === 1);
    await ann.client.account.devices();
    await wait(LIMITS.accessTokenTtlMs);
    await ann.client.account.devices();
    letGo();
    // Nodes take it for theft and end the session; people notice no more of it than another login.
    await late;
    await ann.client.account.devices();
    await slow.client.account.devices();
    expect(timesIn(ann.network).logins + timesIn(slow.network).logins).toBe(2);
  });

  it('goes on with a token that still lasts when it cannot be renewed early', async () => {
    await wait(LIMITS.accessTokenTtlMs - 30_000);
    ann.network.answer('POST', REFRESH, () => problemOf('no_leader', 503));
    await ann.client.account.devices();
    expect(timesIn(ann.network).refreshes).toBeGreaterThan(0);
    expect(timesIn(ann.network).logins).toBe(1);
  });

  it('is renewed when a node says that the token has expired, whatever the own clock says', async () => {
    node.advance(LIMITS.accessTokenTtlMs + 1);
    await TestClient.registered('ticker', { endpoints });
    await ann.client.account.devices();
    expect(timesIn(ann.network)).toEqual({ logins: 1, refreshes: 1 });
  });

  it('is replaced by another when it was revoked', async () => {
    const elsewhere = await TestClient.open({ endpoints, store: ann.store.copy() });
    await elsewhere.client.logOut(10_000);
    const revoked = await sessionIn(ann.store);
    await ann.client.account.devices();
    expect(timesIn(ann.network)).toEqual({ logins: 2, refreshes: 0 });
    expect((await sessionIn(ann.store))!.session).not.toBe(revoked!.session);
  });

  it('ends by logging out, also when the answer gets lost', async () => {
    ann.network.loseAnswer('DELETE', /^\/v1\/sessions\/current/);
    await ann.client.logOut(10_000);
    expect(await sessionIn(ann.store)).toBeUndefined();
    expect(ann.network.count('DELETE', /./)).toBe(2);
    await ann.client.logOut(10_000);
    expect(timesIn(ann.network).logins).toBe(1);
  });

  it('is never opened with another cluster, whether it knows this name or not', async () => {
    const clusterId = clusterIdOf(new Uint8Array(16).fill(9));
    const elsewhere = await serveForTest(new LocalChatNode({ clusterId }));
    const lost = await TestClient.open({ endpoints: [elsewhere.url], store: ann.store.copy() });
    await expect(lost.client.account.devices()).rejects.toMatchObject({ code: 'wrong_cluster', exitCode: 7 });
    await TestClient.registered('ann', { endpoints: [elsewhere.url] });
    await expect(lost.client.account.devices()).rejects.toMatchObject({ code: 'wrong_cluster', exitCode: 7 });
    await elsewhere.close(0);
    const deceived = await TestClient.open({ endpoints, store: ann.store.copy() });
    await deceived.store.transaction(async (tx) => tx.delete('session'));
    deceived.network.lie<object>('POST', /challenge$/, (answer) => ({ ...answer, cluster: clusterId }));
    await expect(deceived.client.account.devices()).rejects.toMatchObject({ code: 'wrong_cluster' });
    expect(timesIn(deceived.network).logins).toBe(0);
  });

  it('shows its secrets to nobody to whom a node redirects', async () => {
    await wait(LIMITS.accessTokenTtlMs);
    let trapped = 0;
    const trap = createServer((_request, response) => {
      trapped += 1;
      response.end('{}');
    });
    await new Promise<void>((resolve) => trap.listen(0, '127.0.0.1', resolve));
    const location = `http://127.0.0.1:${(trap.address() as AddressInfo).port}/`;
    const evil = createServer((_request, response) => response.writeHead(307, { location }).end());
    await new Promise<void>((resolve) => evil.listen(0, '127.0.0.1', resolve));
    const evilUrl = `http://127.0.0.1:${(evil.address() as AddressInfo).port}`;
    const misled = await TestClient.open({
      endpoints: [evilUrl, server.url],
      store: ann.store,
      aheadMs: () => aheadMs,
    });
    await misled.client.account.devices();
    expect(misled.network.made.some(({ origin }) => origin === evilUrl)).toBe(true);
    expect(trapped).toBe(0);
    trap.close();
    evil.close();
  });
});
