import { afterEach, describe, expect, it } from 'vitest';
import { serveForTest } from '../api/test-server.ts';
import { TestClient } from '../testing/client/test-client.ts';
import { LocalChatNode } from '../testing/local-chat-node.ts';
import type { TestServer } from '../api/test-server.ts';

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
