import { beforeEach, describe, expect, it } from 'vitest';
import { toBase64Url } from '../protocol/base64url.ts';
import { clusterIdOf, deviceIdOf } from '../protocol/derive-ids.ts';
import { LIMITS } from '../protocol/limits.ts';
import { bytesFrom, ChatHarness, commandBytes, recordFrom } from '../testing/chat-harness.ts';
import { messagesPage } from './queries-messages.ts';
import { roomDetail } from './queries-rooms.ts';
import type { EnvelopeHeader } from '../protocol/envelope.ts';
import type { RoomId } from '../protocol/ids.ts';
import type { Person } from '../testing/chat-harness.ts';

describe('message.send', () => {
  let chat: ChatHarness;
  let alice: Person;
  let bob: Person;
  let room: RoomId;

  beforeEach(() => {
    chat = new ChatHarness();
    alice = chat.register('alice');
    bob = chat.register('bob');
    room = chat.directRoom(alice, bob);
  });

  const sendWith = (changes: Partial<EnvelopeHeader>, sender = alice) => {
    const txnId = chat.txn();
    const envelope = chat.envelope(sender, room, txnId, 'hi', changes);
    return chat.run('message.send', sender, { room, envelope }, txnId);
  };

  it('numbers envelopes from 1 without gaps and stamps them with the time of the leader', () => {
    const txnId = chat.txn();
    const first = chat.send(alice, room, 'one', txnId);
    chat.wait(5);
    const second = chat.send(bob, room, 'two');
    expect(first).toEqual({
      ok: true,
      value: { room, seq: 1, id: `${txnId}-${alice.device}`, sentAt: chat.stampMs - 5, index: 6 },
    });
    expect(second).toMatchObject({ ok: true, value: { seq: 2, sentAt: chat.stampMs, index: 7 } });
  });

  it('tells those who watch, with the bytes that were sent', () => {
    const txnId = chat.txn();
    const envelope = chat.envelope(alice, room, txnId, 'hi');
    chat.must('message.send', alice, { room, envelope }, txnId);
    const { event } = chat.events.at(-1)!;
    expect(event).toMatchObject({ kind: 'message', room, seq: 1, from: alice.account, fromName: 'alice' });
    expect(Buffer.from(event.kind === 'message' ? event.envelope : [])).toEqual(Buffer.from(envelope));
  });

  it('gives a retry the original result, also re-encrypted, to an old roster, by a session that has ended', () => {
    const txnId = chat.txn();
    const original = chat.send(alice, room, 'hi', txnId);
    const again = chat.envelope(alice, room, txnId, 'hi', {}, 'fresh key and nonce');
    chat.enrol(bob, 'phone');
    chat.must('session.revoke', alice, { session: alice.session });
    chat.wait(LIMITS.txnWindowMs - 1);
    expect(chat.run('message.send', alice, { room, envelope: again }, txnId)).toEqual(original);
    expect(chat.events.filter(({ event }) => event.kind === 'message')).toHaveLength(1);
  });

  it('finds a retry among later messages of the same device', () => {
    const txnId = chat.txn();
    const original = chat.send(alice, room, 'first', txnId);
    chat.send(alice, room, 'second');
    expect(chat.send(alice, room, 'first', txnId)).toEqual(original);
  });

  it('numbers a new message whose txnId is older than that of the last one', () => {
    const late = chat.txn();
    chat.send(alice, room, 'typed later, sent first');
    expect(chat.send(alice, room, 'typed first', late)).toMatchObject({ ok: true, value: { seq: 2 } });
    expect(chat.send(alice, room, 'typed first', late)).toMatchObject({ ok: true, value: { seq: 2 } });
  });

  it('recognises a retry within one log entry, and keeps rooms apart', () => {
    const other = chat.groupRoom(alice);
    const txnId = chat.txn();
    const to = (target: RoomId) => {
      const envelope = chat.envelope(alice, target, txnId, 'hi');
      return commandBytes('message.send', alice, { room: target, envelope }, txnId);
    };
    const results = chat.apply(to(room), to(room), to(other), to(room));
    expect(results.map((result) => result.ok && result.value)).toMatchObject([
      { room, seq: 1 },
      { room, seq: 1 },
      { room: other, seq: 1 },
      { room, seq: 1 },
    ]);
    expect(chat.events.filter(({ event }) => event.kind === 'message')).toHaveLength(2);
  });

  it('refuses a txnId that was used with other content', () => {
    const txnId = chat.txn();
    chat.send(alice, room, 'hi', txnId);
    expect(chat.send(alice, room, 'ho', txnId)).toMatchObject({ ok: false, code: 'txn_reused' });
  });

  it('does not remember refusals', () => {
    const txnId = chat.txn();
    const stale = chat.envelope(alice, room, txnId, 'hi', { rosterVersion: 99 });
    expect(chat.code('message.send', alice, { room, envelope: stale }, txnId)).toBe('stale_devices');
    expect(chat.send(alice, room, 'hi', txnId)).toMatchObject({ ok: true, value: { seq: 1 } });
  });

  it('refuses txnIds that are too old or from the future', () => {
    const old = chat.txn(chat.stampMs - LIMITS.txnWindowMs);
    const justYoung = chat.txn(chat.stampMs - LIMITS.txnWindowMs + 1);
    const ahead = chat.txn(chat.stampMs + LIMITS.txnFutureMs + 1);
    const justNow = chat.txn(chat.stampMs + LIMITS.txnFutureMs);
    expect(chat.send(alice, room, 'a', old)).toMatchObject({ code: 'txn_expired' });
    expect(chat.send(alice, room, 'b', ahead)).toMatchObject({ code: 'txn_from_future' });
    expect(chat.send(alice, room, 'c', justYoung)).toMatchObject({ ok: true });
    expect(chat.send(alice, room, 'd', justNow)).toMatchObject({ ok: true });
  });

  it('refuses who is not logged in, whose session is not theirs, has ended or has expired', () => {
    const envelope = chat.envelope(alice, room, chat.txn(), 'hi');
    expect(chat.code('message.send', null, { room, envelope })).toBe('unauthenticated');
    const stolen: Person = { ...alice, session: bob.session };
    expect(chat.send(stolen, room, 'hi')).toMatchObject({ code: 'unauthenticated' });
    const unknown: Person = { ...alice, session: `S${'a'.repeat(26)}` as Person['session'] };
    expect(chat.send(unknown, room, 'hi')).toMatchObject({ code: 'unauthenticated' });
    chat.must('session.revoke', alice, { session: alice.session });
    expect(chat.send(alice, room, 'hi')).toMatchObject({ code: 'session_revoked' });
    chat.wait(LIMITS.sessionTtlMs);
    expect(chat.send(bob, room, 'hi')).toMatchObject({ code: 'session_revoked' });
  });

  it('refuses an envelope that disagrees with its command', () => {
    const elsewhere = chat.groupRoom(alice);
    for (const changes of [
      { cluster: clusterIdOf(bytesFrom('other').subarray(0, 16)) },
      { room: elsewhere },
      { sender: bob.device },
      { txnId: chat.txn() },
    ]) {
      expect(sendWith(changes)).toMatchObject({ ok: false, code: 'invalid_envelope' });
    }
  });

  it('refuses bytes that are no envelope', () => {
    expect(chat.code('message.send', alice, { room, envelope: bytesFrom('noise') })).toBe('invalid_envelope');
  });

  it('tells who is no member nothing', () => {
    const eve = chat.register('eve');
    const recipients = [{ device: eve.device, keyHash: bytesFrom('x') }];
    expect(sendWith({ recipients }, eve)).toMatchObject({ ok: false, code: 'no_such_room' });
    const nowhere = `R${'a'.repeat(26)}` as RoomId;
    expect(chat.send(alice, nowhere, 'hi')).toMatchObject({ ok: false, code: 'no_such_room' });
  });

  it('names the devices that are missing and those that are too many', () => {
    const detail = roomDetail(chat.view, alice.account, room)!;
    const phone = chat.enrol(bob, 'phone');
    const stranger = recordFrom('stranger').device;
    const recipients = [alice.device, stranger]
      .map((device) => ({ device, keyHash: bytesFrom('sealing alice/1') }))
      .toSorted((a, b) => (a.device < b.device ? -1 : 1));
    const result = sendWith({ rosterVersion: detail.rosterVersion, recipients });
    const named = (who: Person) => ({
      device: who.device,
      account: who.account,
      signingKey: toBase64Url(who.record.signingKey),
      sealingKey: toBase64Url(who.record.sealingKey),
      signature: toBase64Url(who.record.signature),
    });
    expect(result).toMatchObject({ code: 'stale_devices' });
    const data = result.ok ? undefined : result.data;
    expect(data?.['rosterVersion']).toBe(detail.rosterVersion + 1);
    expect(data?.['extra']).toEqual([stranger]);
    const expected = [alice, bob, phone].map(named).toSorted((a, b) => (a.device < b.device ? -1 : 1));
    expect(data?.['missing']).toEqual(expected);
  });

  it('refuses the right devices with an old roster version', () => {
    chat.enrol(bob, 'phone');
    const { rosterVersion } = roomDetail(chat.view, alice.account, room)!;
    expect(sendWith({ rosterVersion: rosterVersion - 1 })).toMatchObject({
      code: 'stale_devices',
      data: { rosterVersion, missing: [], extra: [] },
    });
  });

  it('refuses to send into a room that grew beyond 256 devices', () => {
    const crowd = [alice, bob, ...Array.from({ length: 254 }, (_, i) => chat.register(`p${i}`))];
    const big = chat.groupRoom(alice, ...crowd.slice(1));
    expect(chat.send(alice, big, 'hi')).toMatchObject({ ok: true });
    const phone = chat.enrol(bob, 'phone');
    const txnId = chat.txn();
    const recipients = crowd
      .map(({ device }) => ({ device, keyHash: bytesFrom('x') }))
      .toSorted((a, b) => (a.device < b.device ? -1 : 1));
    const envelope = chat.envelope(alice, big, txnId, 'hi', { recipients });
    expect(chat.code('message.send', alice, { room: big, envelope }, txnId)).toBe('room_too_large');
    chat.must('device.revoke', bob, { device: phone.device });
    expect(chat.send(alice, big, 'hi')).toMatchObject({ ok: true });
  });

  it('leaves no trace of a refusal', () => {
    const before = chat.view.dump();
    sendWith({ rosterVersion: 99 });
    sendWith({ sender: deviceIdOf(bytesFrom('x')) });
    chat.apply(bytesFrom('not a command'));
    expect(chat.view.dump()).toBe(before);
  });

  it('costs a message the same few reads and writes however many there are', () => {
    const cost = (count: number): number[] => {
      for (let i = 0; i < count; i++) chat.send(alice, room, `filler ${i}`);
      const envelope = chat.envelope(alice, room, chat.txn(), 'x'); // warms nothing of the state machine
      expect(envelope.length).toBeGreaterThan(0);
      const txnId = chat.txn();
      const body = { room, envelope: chat.envelope(alice, room, txnId, 'measured') };
      const [gets, puts] = [chat.view.gets, chat.view.puts];
      chat.must('message.send', alice, body, txnId);
      return [chat.view.gets - gets, chat.view.puts - puts];
    };
    expect(cost(1)).toEqual([7, 6]);
    expect(cost(50)).toEqual([7, 6]);
  });
});

describe('messagesPage', () => {
  it('pages by seq in both directions, ascending', async () => {
    const chat = new ChatHarness();
    const alice = chat.register('alice');
    const room = chat.groupRoom(alice);
    for (let i = 1; i <= 12; i++) chat.send(alice, room, `m${i}`);
    const page = async (ask: { after?: number; before?: number; limit: number }) => {
      const found = await messagesPage(chat.view, { account: alice.account, room, ...ask });
      return found!.messages.map(({ seq }) => Number(seq));
    };
    expect(await page({ limit: 3 })).toEqual([10, 11, 12]);
    expect(await page({ after: 0, limit: 3 })).toEqual([1, 2, 3]);
    expect(await page({ after: 10, limit: 5 })).toEqual([11, 12]);
    expect(await page({ after: 12, limit: 5 })).toEqual([]);
    expect(await page({ before: 4, limit: 2 })).toEqual([2, 3]);
    expect(await page({ before: 1, limit: 2 })).toEqual([]);
    expect(await page({ after: 2, before: 5, limit: 50 })).toEqual([3, 4]);
    expect(await page({ after: 99, limit: 5 })).toEqual([]);
  });

  it('starts at the join of the reader and ends with it', async () => {
    const chat = new ChatHarness();
    const [alice, bob] = [chat.register('alice'), chat.register('bob')];
    const room = chat.groupRoom(alice);
    chat.send(alice, room, 'before');
    chat.must('room.add', alice, { room, members: [bob.account] });
    chat.send(alice, room, 'after');
    const read = (account: Person['account']) => messagesPage(chat.view, { account, room, after: 0, limit: 9 });
    expect((await read(bob.account))!.messages.map(({ seq }) => Number(seq))).toEqual([2]);
    expect((await read(alice.account))!.messages.map(({ seq }) => Number(seq))).toEqual([1, 2]);
    chat.must('room.remove', bob, { room, member: bob.account });
    expect(await read(bob.account)).toBeUndefined();
  });
});
