import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ApiPerson, nextTxnId } from '../testing/api-person.ts';
import { LocalChatNode } from '../testing/local-chat-node.ts';
import { waitUntil } from '../testing/wait-until.ts';
import { serveForTest } from './test-server.ts';
import type { RoomDetailJson } from '../protocol/http/schemas.ts';
import type { TestServer } from './test-server.ts';

interface Receipts {
  readonly receipts: readonly { readonly account: string; readonly delivered: number; readonly read: number }[];
}

describe('receipts', () => {
  let server: TestServer;
  let node: LocalChatNode;
  let ann: ApiPerson;
  let bob: ApiPerson;
  let roster: RoomDetailJson;

  beforeAll(async () => {
    node = new LocalChatNode();
    server = await serveForTest(node);
    [ann, bob] = [await ApiPerson.join(server.url, 'ann'), await ApiPerson.join(server.url, 'bob')];
    roster = await ann.room(await ann.createRoom('group', [bob.account]));
    for (let i = 1; i <= 5; i++) await ann.send(roster, `m${i}`);
  });
  afterAll(() => server.close(1_000));
  const path = () => `/v1/rooms/${roster.room}/receipts`;
  const shown = async () => (await ann.call<Receipts>('GET', path())).body.receipts;

  it('are told by request, and count what is unread', async () => {
    expect((await bob.call('PUT', path(), { read: 2 })).status).toBe(200);
    expect(await shown()).toMatchObject([{ account: 'bob', delivered: 2, read: 2 }]);
    expect(await bob.room(roster.room)).toMatchObject({ read: 2, unread: 3 });
    expect((await bob.call('PUT', path(), {})).status).toBe(400);
    const carl = await ApiPerson.join(server.url, 'carl');
    expect((await carl.call('PUT', path(), { read: 1 })).status).toBe(404);
    expect((await carl.call('GET', path())).status).toBe(404);
  });

  it('are told by frames, thousands with few commands, and seen live', async () => {
    const [feed, reader] = [await ann.live(), await bob.live()];
    const before = node.reader.appliedIndex;
    for (let i = 0; i < 2_000; i++) reader.send({ type: 'ack', room: roster.room, delivered: 5, read: 3 + (i % 3) });
    await waitUntil(async () => (await shown())[0]?.read === 5);
    expect(node.reader.appliedIndex - before).toBeLessThan(100);
    const event = { kind: 'receipt', room: roster.room, account: 'bob', delivered: 5 };
    expect((await feed.next('event')).event).toMatchObject(event);
  });

  it('are kept from others on wish', async () => {
    expect((await bob.call('PUT', '/v1/receipts/sharing', { share: false, txnId: nextTxnId() })).status).toBe(200);
    expect(await shown()).toEqual([]);
    expect(await bob.room(roster.room)).toMatchObject({ read: 5, unread: 0 });
  });
});
