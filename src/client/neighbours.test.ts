import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { serveForTest } from '../api/test-server.ts';
import { TestClient } from '../testing/client/test-client.ts';
import { LocalChatNode } from '../testing/local-chat-node.ts';
import { waitUntil } from '../testing/wait-until.ts';
import type { TestServer } from '../api/test-server.ts';
import type { Balance } from './choose-node.ts';

describe('the other nodes', () => {
  const servers: TestServer[] = [];
  afterEach(() => Promise.all(servers.splice(0).map((server) => server.close(1_000))));

  /** Two nodes of one cluster; the first tells where the second is. */
  async function serveTwo(told?: (second: string) => string | null): Promise<[first: TestServer, second: TestServer]> {
    let secondUrl: string | null = null;
    const node = new LocalChatNode({ neighbourUrl: () => secondUrl });
    const [first, second] = [await serveForTest(node), await serveForTest(node)];
    servers.push(first, second);
    secondUrl = told === undefined ? second.url : told(second.url);
    return [first, second];
  }

  it('are learned from the one that was given, and tried when it dies', async () => {
    const [first, second] = await serveTwo();
    const ann = await TestClient.registered('ann', { endpoints: [first.url] });
    expect((await ann.client.whoAmI()).endpoints).toEqual([first.url, second.url]);
    servers.splice(servers.indexOf(first), 1);
    await first.close(0);
    expect(await ann.client.rooms.list(10_000)).toEqual([]);
    const later = await TestClient.open({ endpoints: [first.url], store: ann.store });
    expect(await later.client.rooms.list(10_000)).toEqual([]);
  });

  it('are none where a node tells what is no address', async () => {
    for (const odd of ['nonsense', 'file:///etc/passwd', 'javascript:alert(1)', null]) {
      const [first] = await serveTwo(() => odd);
      const ann = await TestClient.registered('ann', { endpoints: [first.url] });
      expect((await ann.client.whoAmI()).endpoints).toEqual([first.url]);
    }
  });

  it('do not take a client from TLS to plain HTTP', async () => {
    const [first, second] = await serveTwo();
    const ann = await TestClient.open({ endpoints: ['https://chat.example.org'] });
    ann.network.interpose(({ method, path, body }) =>
      fetch(`${first.url}${path}`, {
        method,
        ...(method === 'GET' ? {} : { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }),
      }),
    );
    await ann.client.account.register('ann', undefined);
    const { endpoints } = await ann.client.whoAmI();
    expect(endpoints).toEqual(['https://chat.example.org']);
    expect(endpoints).not.toContain(second.url);
  });
});

/** What a node says of one. */
interface ToldNode {
  readonly id: string;
  readonly url: string;
  readonly up: boolean;
  readonly load: { readonly sockets: number; readonly messagesPerSecond: number; readonly eventLoopLagMs: number };
}

describe('among nodes of which none was given, a client', () => {
  const servers: TestServer[] = [];
  let urls: string[];
  const stopping = new AbortController();
  beforeAll(async () => {
    const node = new LocalChatNode();
    for (let i = 0; i < 3; i++) servers.push(await serveForTest(node));
    urls = servers.map(({ url }) => url);
  });
  afterAll(async () => {
    stopping.abort();
    await Promise.all(servers.map((server) => server.close(0)));
  });

  /** Every node tells the same of all, as long as `sockets` says. */
  async function personAmong(name: string, sockets: number[], balance: Balance): Promise<TestClient> {
    const ann = await TestClient.open({ endpoints: urls, balance });
    const toldOf = (url: string, i: number): ToldNode => ({
      ...{ id: `n${i + 1}`, url, up: true },
      load: { sockets: sockets[i]!, messagesPerSecond: 0, eventLoopLagMs: 0 },
    });
    ann.network.lie<object>('GET', /^\/v1\/cluster$/, (told) => ({ ...told, nodes: urls.map(toldOf) }));
    await ann.client.account.register(name, undefined);
    return ann;
  }

  /** @returns where the feed was live, one after the other */
  function follow(person: TestClient): string[] {
    const at: string[] = [];
    const listener = { messages: () => {}, connected: (url: string) => at.push(url), disconnected: () => {} };
    void person.client.follow(null, listener, stopping.signal);
    return at;
  }
  const lives = (at: string[], times: number): Promise<void> =>
    waitUntil(() => at.length === times, 10_000, `to be live ${times} times`);

  it('goes to the least loaded, by figures of now, and back to none that it lost', async () => {
    const sockets = [900, 500, 20];
    const ann = await personAmong('ann', sockets, 'least-loaded');
    expect((await ann.client.whoAmI()).endpoints).toEqual([urls[2], urls[1], urls[0]]);
    sockets.splice(0, 3, 20, 500, 900);
    const at = follow(ann);
    await lives(at, 1);
    ann.network.sockets.at(-1)!.cut();
    await lives(at, 2);
    expect(at).toEqual([urls[0], urls[1]]);
  });

  it('goes to the least loaded of those that a draining node names, and to no stranger', async () => {
    const sockets = [10, 500, 200];
    const ann = await personAmong('bob', sockets, 'least-loaded');
    const at = follow(ann);
    await lives(at, 1);
    const line = ann.network.sockets.at(-1)!;
    const alternatives = ['https://elsewhere.example', urls[1], urls[2]];
    line.inject(JSON.stringify({ type: 'goaway', retryAfterMs: 0, alternatives }));
    line.cut();
    await lives(at, 2);
    const last = ann.network.sockets.at(-1)!;
    last.inject(JSON.stringify({ type: 'goaway', retryAfterMs: 0, alternatives: [urls[1]] }));
    last.cut();
    await lives(at, 3);
    expect(at).toEqual([urls[0], urls[2], urls[1]]);
    expect(ann.network.made.filter(({ origin }) => !urls.includes(origin))).toEqual([]);
  });

  it('goes by chance where that is wanted', async () => {
    const cay = await personAmong('cay', [0, 900, 900], 'random');
    const at = follow(cay);
    await lives(at, 1);
    // Of three, a chance of 0.5 takes the one in the middle.
    expect(at).toEqual([urls[1]]);
  });
});
