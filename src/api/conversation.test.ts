import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Value } from '@sinclair/typebox/value';
import { serveForTest } from './test-server.ts';
import { ApiPerson, nextTxnId } from '../testing/api-person.ts';
import { LocalChatNode } from '../testing/local-chat-node.ts';
import {
  AccountJson,
  AccountsReply,
  MessagesReply,
  RoomDetail,
  RoomReply,
  RoomsReply,
  SendReply,
  SessionsReply,
} from '../protocol/http/schemas.ts';
import { EventFrame, ReadyFrame, SentFrame } from '../protocol/http/frames.ts';
import type { TSchema } from '@sinclair/typebox';
import type { Refusal } from '../testing/api-person.ts';
import type { TestServer } from './test-server.ts';

const matches = (schema: TSchema, value: unknown): void => {
  expect([...Value.Errors(schema, value)].map(({ path, message }) => `${path}: ${message}`)).toEqual([]);
};

describe('two people talk', () => {
  let server: TestServer;
  let ada: ApiPerson;
  let bob: ApiPerson;

  beforeAll(async () => {
    server = await serveForTest(new LocalChatNode());
    ada = await ApiPerson.join(server.url, 'ada');
    bob = await ApiPerson.join(server.url, 'bob');
  });
  afterAll(() => server.close(1_000));

  it('registers the same person again without a second account', async () => {
    const answer = await ada.register<{ accountId: string }>();
    expect(answer.status).toBe(200);
    expect(answer.body.accountId).toBe(ada.account);
  });

  it('shows people with their devices', async () => {
    const one = await ada.call<{ accountId: string }>('GET', '/v1/accounts/bob');
    matches(AccountJson, one.body);
    expect(one.body.accountId).toBe(bob.account);
    const list = await ada.call<{ accounts: { account: string }[]; next: string | null }>(
      'GET',
      '/v1/accounts?query=&limit=1',
    );
    matches(AccountsReply, list.body);
    expect(list.body.accounts.map(({ account }) => account)).toEqual(['ada']);
    const rest = await ada.call<typeof list.body>('GET', `/v1/accounts?after=${list.body.next}`);
    expect(rest.body.accounts.map(({ account }) => account)).toEqual(['bob']);
    expect(rest.body.next).toBeNull();
  });

  it('makes one direct room whoever asks, and reads what was sent', async () => {
    const room = await ada.directRoom(bob);
    expect(await bob.directRoom(ada)).toBe(room);
    const roster = await ada.room(room);
    matches(RoomDetail, roster);
    const sent = await ada.send<{ seq: number; cursor: string; id: string }>(roster, 'hello');
    matches(SendReply, sent.body);
    expect(sent.body.seq).toBe(1);
    const read = await bob.call<{ messages: { seq: number; from: string; id: string }[]; lastSeq: number }>(
      'GET',
      `/v1/rooms/${room}/messages?cursor=${sent.body.cursor}&consistency=linearizable`,
    );
    matches(MessagesReply, read.body);
    expect(read.body.messages).toMatchObject([{ seq: 1, from: 'ada', id: sent.body.id }]);
    expect(read.headers.get('parley-leader')).toBe('n1');
    expect(read.headers.get('parley-term')).toBe('1');
    expect(Number(read.headers.get('parley-commit'))).toBeGreaterThan(0);
    const rooms = await bob.call<{ rooms: object[] }>('GET', '/v1/rooms');
    matches(RoomsReply, rooms.body);
    expect(rooms.body.rooms).toMatchObject([{ room, kind: 'direct', lastSeq: 1, peer: { account: 'ada' } }]);
  });

  it('pages by seq, forwards and backwards', async () => {
    const room = await ada.createRoom('group', []);
    const roster = await ada.room(room);
    for (let i = 0; i < 5; i++) await ada.send(roster, `text ${i}`);
    const seqs = async (query: string): Promise<number[]> => {
      const answer = await ada.call<{ messages: { seq: number }[] }>('GET', `/v1/rooms/${room}/messages${query}`);
      return answer.body.messages.map(({ seq }) => seq);
    };
    expect(await seqs('')).toEqual([1, 2, 3, 4, 5]);
    expect(await seqs('?limit=2')).toEqual([4, 5]);
    expect(await seqs('?after=1&limit=2')).toEqual([2, 3]);
    expect(await seqs('?before=4&limit=2')).toEqual([2, 3]);
    expect(await seqs('?after=5')).toEqual([]);
  });

  it('adds and removes members of a group', async () => {
    const room = await ada.createRoom('group', []);
    const added = await ada.call('PUT', `/v1/rooms/${room}/members/bob`, { txnId: nextTxnId() });
    matches(RoomReply, added.body);
    const detail = await bob.room(room);
    expect(detail.members.map(({ account, role }) => [account, role])).toEqual([
      ['ada', 'owner'],
      ['bob', 'member'],
    ]);
    const twice = await ada.call<Refusal['body']>('PUT', `/v1/rooms/${room}/members/bob`, { txnId: nextTxnId() });
    expect([twice.status, twice.body.code]).toEqual([409, 'already_member']);
    const left = await bob.call('DELETE', `/v1/rooms/${room}/members/bob?txnId=${nextTxnId()}`);
    expect(left.status).toBe(200);
    const outside = await bob.call<Refusal['body']>('GET', `/v1/rooms/${room}`);
    expect([outside.status, outside.body.code]).toEqual([404, 'no_such_room']);
  });

  it('sends the same message once, however often it is repeated', async () => {
    const room = await ada.directRoom(bob);
    const roster = await ada.room(room);
    const txnId = nextTxnId();
    const r = new Uint8Array(32).fill(3);
    const path = `/v1/rooms/${room}/messages/${txnId}`;
    const first = await ada.call<{ seq: number }>('PUT', path, { envelope: ada.seal(roster, txnId, 'once', r) });
    const again = await ada.call<{ seq: number }>('PUT', path, { envelope: ada.seal(roster, txnId, 'once', r) });
    expect(again.body).toEqual(first.body);
    const other = await ada.call<Refusal['body']>('PUT', path, { envelope: ada.seal(roster, txnId, 'other', r) });
    expect([other.status, other.body.code]).toEqual([422, 'txn_reused']);
    expect((await ada.room(room)).lastSeq).toBe(first.body.seq);
  });

  it('brings live what was sent over a socket and over HTTP', async () => {
    const room = await ada.directRoom(bob);
    const roster = await ada.room(room);
    const live = await bob.live();
    const sender = await ada.live();
    matches(ReadyFrame, live.of('ready')[0]);
    const txnId = nextTxnId();
    sender.send({ type: 'send', ref: 'a', room, txnId, envelope: ada.seal(roster, txnId, 'by socket') });
    const sent = await sender.next('sent');
    matches(SentFrame, sent);
    expect(sent.ref).toBe('a');
    const event = await live.next('event');
    matches(EventFrame, event);
    expect(event.event).toMatchObject({ kind: 'message', room, seq: sent.seq, id: sent.id, from: 'ada' });
    await ada.send(roster, 'by HTTP');
    expect((await live.next('event')).event).toMatchObject({ kind: 'message', seq: sent.seq + 1 });
    // The sender's own socket sees its messages too, for the account's other devices.
    expect((await sender.next('event')).event).toMatchObject({ kind: 'message', seq: sent.seq });
    live.close();
    sender.close();
  });

  it('refreshes a token, repeats an identical refresh, and ends the session when a spent secret comes back', async () => {
    const carl = await ApiPerson.join(server.url, 'carl');
    const body = carl.refreshBody();
    const first = await carl.refresh<object>(body.json);
    expect(first.status).toBe(200);
    expect((await carl.refresh(body.json)).body).toEqual(first.body);
    expect((await carl.call('GET', '/v1/sessions')).status).toBe(401);
    carl.take(body);
    const sessions = await carl.call<{ sessions: object[] }>('GET', '/v1/sessions');
    matches(SessionsReply, sessions.body);
    expect(sessions.body.sessions).toMatchObject([{ session: carl.open!.session, current: true }]);

    const live = await carl.live();
    const thief = await carl.refresh<Refusal['body']>(carl.refreshBody(body.spent).json);
    expect([thief.status, thief.body.code]).toEqual([401, 'refresh_reused']);
    expect(await live.ended()).toEqual({ code: 4403, reason: 'session_revoked' });
    const after = await carl.call<Refusal['body']>('GET', '/v1/sessions');
    expect([after.status, after.body.code]).toEqual([401, 'session_revoked']);
  });

  it('logs out everywhere at once', async () => {
    const dora = await ApiPerson.join(server.url, 'dora');
    const first = dora.open!;
    const live = await dora.live();
    await dora.login();
    const ended = await dora.call('DELETE', `/v1/sessions/${first.session}?txnId=${nextTxnId()}`);
    expect(ended.status).toBe(200);
    expect((await live.next('error')).code).toBe('session_revoked');
    expect((await live.ended()).code).toBe(4403);
    expect((await dora.call('DELETE', `/v1/sessions/current?txnId=${nextTxnId()}`)).status).toBe(200);
    expect((await dora.call('GET', '/v1/rooms')).status).toBe(401);
  });

  it('enrols a second device that a first one approves', async () => {
    const eve = await ApiPerson.join(server.url, 'eve');
    const live = await eve.live();
    const second = new ApiPerson(server.url, 'eve', { user: eve.user });
    const { signature: _unsigned, ...keys } = second.deviceRecord();
    const path = '/v1/accounts/eve/device-requests';
    const asked = await second.call('POST', path, { ...keys, txnId: nextTxnId() });
    expect(asked.status).toBe(200);
    expect((await live.next('event')).event).toMatchObject({ kind: 'device-requested', device: second.deviceId });
    const pending = await second.call<{ state: string }>('GET', `${path}/${second.deviceId}`);
    expect(pending.body.state).toBe('pending');
    const waiting = await eve.call<{ requests: { device: string }[] }>('GET', '/v1/device-requests');
    expect(waiting.body.requests).toMatchObject([keys]);

    const approved = await eve.call('PUT', `/v1/devices/${second.deviceId}`, {
      record: second.deviceRecord(),
      sealedUserKey: 'AAAA',
      txnId: nextTxnId(),
    });
    expect(approved.status).toBe(200);
    expect((await live.next('event')).event).toMatchObject({
      kind: 'devices-changed',
      change: 'added',
      account: 'eve',
    });
    const answer = await second.call<{ state: string; sealedUserKey: string }>('GET', `${path}/${second.deviceId}`);
    expect(answer.body).toMatchObject({ state: 'approved', sealedUserKey: 'AAAA' });
    await second.login();
    const secondLive = await second.live();
    await eve.call('DELETE', `/v1/devices/${second.deviceId}`, undefined);
    const revoked = await eve.call('DELETE', `/v1/devices/${second.deviceId}?txnId=${nextTxnId()}`);
    expect(revoked.status).toBe(200);
    expect((await secondLive.ended()).code).toBe(4403);
  });
});
