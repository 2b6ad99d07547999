import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { serveForTest } from '../api/test-server.ts';
import { ParleyError } from '../protocol/errors.ts';
import { TestClient } from '../testing/client/test-client.ts';
import { laggingBehind } from '../testing/lagging-node.ts';
import { LocalChatNode } from '../testing/local-chat-node.ts';
import type { TestServer } from '../api/test-server.ts';
import type { ChatNode } from '../node/ports.ts';
import type { ReadPage } from './client.ts';
import type { LaggingNode } from '../testing/lagging-node.ts';

const MS_MAX = 10_000;

describe('the history of a room, read from a node that lags', () => {
  let node: LocalChatNode;
  let lagging: LaggingNode;
  let servers: TestServer[];
  let ann: TestClient;

  /** A node that hears no other one: it cannot catch up, whoever asks it to. */
  const cutOff = (alone: ChatNode): ChatNode =>
    new Proxy(alone, {
      get(target, key) {
        if (key === 'waitForIndex') return () => Promise.reject(new ParleyError('behind'));
        if (key === 'readBarrier') return () => Promise.reject(new ParleyError('no_leader'));
        return Reflect.get(target, key) as unknown;
      },
    });
  beforeEach(async () => {
    node = new LocalChatNode();
    lagging = laggingBehind(node);
    servers = await Promise.all([node, lagging.node, cutOff(lagging.node)].map((each) => serveForTest(each)));
    ann = await TestClient.registered('ann', { endpoints: [servers[0]!.url] });
    await ann.client.rooms.createGroup('garden', [], MS_MAX);
    await ann.say('garden', 'one');
    lagging.fallBehind();
    await ann.say('garden', 'two');
  });
  afterEach(() => Promise.all(servers.map((server) => server.close(0))));

  const pagesAt = async (server: number): Promise<ReadPage[]> => {
    const moved = await TestClient.open({ endpoints: [servers[server]!.url], store: ann.store.copy() });
    const { room } = await ann.client.rooms.resolve('garden', MS_MAX);
    const pages: ReadPage[] = [];
    for await (const page of moved.client.read(`room:${room}`, {})) pages.push(page);
    return pages;
  };
  const textsOf = (pages: readonly ReadPage[]): (string | null)[] =>
    pages.flatMap(({ lines }) => lines.map(({ text }) => text));

  it('is complete where the node can catch up', async () => {
    const pages = await pagesAt(1);
    expect(textsOf(pages)).toEqual(['one', 'two']);
    expect(pages.every(({ stale }) => stale === null)).toBe(true);
  });

  it('is what the node knows where it cannot, and says so', async () => {
    const pages = await pagesAt(2);
    expect(textsOf(pages)).toEqual(['one']);
    expect(pages[0]!.stale).toMatchObject({ code: 'no_leader' });
  });
});
