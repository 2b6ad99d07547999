import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Value } from '@sinclair/typebox/value';
import { openRoomIdOf } from '../protocol/derive-ids.ts';
import { MembersReply, OpenRoomsReply } from '../protocol/http/open-rooms.ts';
import { QuotasReply, RetentionReply } from '../protocol/http/quotas.ts';
import { ApiPerson, call, nextTxnId } from '../testing/api-person.ts';
import { LocalChatNode } from '../testing/local-chat-node.ts';
import { serveForTest } from './test-server.ts';
import type { Static, TSchema } from '@sinclair/typebox';
import type { RoomId } from '../protocol/ids.ts';
import type { TestServer } from './test-server.ts';

let server: TestServer;
let node: LocalChatNode;
let ann: ApiPerson;
let bob: ApiPerson;
beforeAll(async () => {
  node = new LocalChatNode();
  server = await serveForTest(node);
  [ann, bob] = [await ApiPerson.join(server.url, 'ann'), await ApiPerson.join(server.url, 'bob')];
});
afterAll(() => server.close(1_000));

async function must<S extends TSchema>(
  schema: S,
  answer: Promise<{ status: number; body: unknown }>,
): Promise<Static<S>> {
  const { status, body } = await answer;
  expect([status, ...Value.Errors(schema, body)]).toEqual([200]);
  return body;
}
const admin = (method: string, path: string, json?: object): Promise<{ status: number; body: unknown }> =>
  call(server.url, method, path, { token: 'admin', ...(json && { json: { ...json, txnId: nextTxnId() } }) });
const join = (who: ApiPerson, room: RoomId) => who.call('POST', `/v1/rooms/${room}/join`, { txnId: nextTxnId() });

describe('open rooms', () => {
  it('are made, found, joined, written in and listed page by page', async () => {
    const room = await ann.createOpenRoom('Town Hall');
    const found = await must(OpenRoomsReply, bob.call('GET', '/v1/open-rooms?query=HALL'));
    expect(found).toMatchObject({ rooms: [{ room, name: 'Town Hall', topic: '', memberCount: 1 }], next: null });
    expect((await join(bob, room)).status).toBe(200);
    expect((await join(bob, room)).status).toBe(409);
    const live = await ann.live();
    expect((await bob.send(await bob.room(room), 'hello')).status).toBe(200);
    expect((await live.next('event')).event).toMatchObject({ kind: 'message', room, from: 'bob' });
    const first = await must(MembersReply, bob.call('GET', `/v1/rooms/${room}/members?limit=1`));
    expect(first.members).toMatchObject([{ account: 'ann', role: 'owner' }]);
    const second = await must(MembersReply, bob.call('GET', `/v1/rooms/${room}/members?limit=1&after=${first.next}`));
    expect(second).toMatchObject({ members: [{ account: 'bob', role: 'member' }], next: null });
    const carl = await ApiPerson.join(server.url, 'carl');
    expect((await carl.call('GET', `/v1/rooms/${room}/members`)).status).toBe(404);
  });

  it('tell only those who join and leave, while messages go to all', async () => {
    const room = await ann.createOpenRoom('Quiet');
    const [owner, own] = [await ann.live(), await bob.live()];
    await join(bob, room);
    expect((await own.next('event')).event).toMatchObject({ kind: 'members-added', room });
    await ann.send(await ann.room(room), 'after');
    expect((await owner.next('event')).event).toMatchObject({ kind: 'message', room });
    expect((await own.next('event')).event).toMatchObject({ kind: 'message', room });
    await bob.call('DELETE', `/v1/rooms/${room}/members/bob?txnId=${nextTxnId()}`);
    expect((await own.next('event')).event).toMatchObject({ kind: 'member-removed', room });
    await ann.send(await ann.room(room), 'without bob');
    expect((await owner.next('event')).event).toMatchObject({ kind: 'message', seq: 2 });
    const elsewhere = await ann.createRoom('direct', [bob.account]);
    expect((await own.next('event')).event).toMatchObject({ kind: 'room-created', room: elsewhere });
  });

  it('are no groups: nobody joins those without a link', async () => {
    const group = await ann.createRoom('group', []);
    expect((await join(bob, group)).status).toBe(404);
    expect((await bob.call('POST', '/v1/rooms', { kind: 'open', members: [], txnId: nextTxnId() })).status).toBe(400);
    const unknown = openRoomIdOf(bob.account, nextTxnId());
    expect((await join(bob, unknown)).status).toBe(404);
    expect((await bob.call('GET', '/v1/open-rooms?after=%00')).status).toBe(400);
  });
});

describe('retention and quotas', () => {
  it('are set by admins, and shown', async () => {
    expect(await must(RetentionReply, admin('PUT', '/v1/admin/retention', { retentionMs: 60_000 }))).toEqual({
      retentionMs: 60_000,
    });
    expect(await must(RetentionReply, admin('GET', '/v1/admin/retention'))).toEqual({ retentionMs: 60_000 });
    expect((await admin('PUT', '/v1/admin/retention', { retentionMs: 5 })).status).toBe(400);
    const room = await ann.createRoom('group', []);
    const patch = { retentionMs: 5_000, txnId: nextTxnId() };
    expect((await ann.call('PATCH', `/v1/rooms/${room}`, patch)).status).toBe(200);
    expect(await ann.room(room)).toMatchObject({ retentionMs: 5_000 });
    await ann.send(await ann.room(room), 'soon gone');
    node.advance(5_000);
    await node.sweep();
    const { body } = await ann.call<{ messages: unknown[] }>('GET', `/v1/rooms/${room}/messages`);
    expect(body.messages).toMatchObject([{ seq: 1, gone: 'expired' }]);
    await admin('PUT', '/v1/admin/retention', { retentionMs: 0 });
  });

  it('say what is used up', async () => {
    const all = await must(QuotasReply, admin('PATCH', '/v1/admin/quotas', { messagesPerDay: 0 }));
    expect(all).toEqual({ quotas: { fileBytes: null, messagesPerDay: 0, rooms: null } });
    const room = await bob.room(await bob.createRoom('group', []));
    const refused = await bob.send<{ code: string; data: object }>(room, 'too many');
    expect(refused).toMatchObject({
      status: 413,
      body: { code: 'quota_exceeded', data: { what: 'messagesPerDay', limit: 0, used: 0 } },
    });
    const own = await must(QuotasReply, admin('PATCH', '/v1/admin/quotas/bob', { messagesPerDay: 1 }));
    expect(own).toMatchObject({ quotas: { messagesPerDay: 1 }, used: { messagesPerDay: 0 } });
    expect((await bob.send(room, 'one')).status).toBe(200);
    expect(await must(QuotasReply, admin('GET', '/v1/admin/quotas/bob'))).toMatchObject({
      used: { messagesPerDay: 1 },
    });
    await admin('PATCH', '/v1/admin/quotas', { messagesPerDay: null });
    expect(await must(QuotasReply, admin('GET', '/v1/admin/quotas'))).toMatchObject({
      quotas: { messagesPerDay: null },
    });
    expect((await admin('PATCH', '/v1/admin/quotas/nobody', { rooms: 1 })).status).toBe(404);
    expect((await bob.call('GET', '/v1/admin/quotas')).status).toBe(403);
  });
});
