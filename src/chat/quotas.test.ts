import { beforeEach, describe, expect, it } from 'vitest';
import { blobIdOf } from '../protocol/blobs.ts';
import { ChatHarness } from '../testing/chat-harness.ts';
import { usedOf } from './queries-quotas.ts';
import type { CommandResult, Quotas } from '../protocol/commands.ts';
import type { Person } from '../testing/chat-harness.ts';

const DAY_MS = 24 * 3_600_000;

let chat: ChatHarness;
let alice: Person;
let bob: Person;
beforeEach(() => {
  chat = new ChatHarness();
  [alice, bob] = [chat.register('alice'), chat.register('bob')];
});

const set = (who: Person | null, quotas: Partial<Quotas>): unknown =>
  chat.must('server.set-quotas', null, { account: who?.account ?? null, quotas });
const used = (who: Person) => usedOf(chat.view, who.account, chat.stampMs);
const exceeded = (result: CommandResult, data: object): void =>
  expect(result).toMatchObject({ ok: false, code: 'quota_exceeded', data });

describe('quotas', () => {
  it('of messages begin anew each day, by the time of the leader, and a retry costs nothing', () => {
    const room = chat.groupRoom(alice, bob);
    set(null, { messagesPerDay: 2 });
    const txnId = chat.txn();
    const body = { room, envelope: chat.envelope(alice, room, txnId, 'one') };
    expect(chat.run('message.send', alice, body, txnId)).toMatchObject({ ok: true });
    expect(chat.run('message.send', alice, body, txnId)).toMatchObject({ ok: true, value: { seq: 1 } });
    expect(chat.send(alice, room, 'two')).toMatchObject({ ok: true });
    exceeded(chat.send(alice, room, 'three'), { what: 'messagesPerDay', limit: 2, used: 2, account: alice.account });
    // What was acknowledged is so for ever.
    expect(chat.run('message.send', alice, body, txnId)).toMatchObject({ ok: true, value: { seq: 1 } });
    expect(chat.send(bob, room, 'mine')).toMatchObject({ ok: true });
    chat.wait(DAY_MS);
    expect(chat.send(alice, room, 'next day')).toMatchObject({ ok: true });
    expect(used(alice).messagesPerDay).toBe(1);
  });

  it('of one account count before those of all, until they are taken back', () => {
    const room = chat.groupRoom(alice, bob);
    set(null, { messagesPerDay: 0, rooms: 1 });
    set(bob, { messagesPerDay: 1 });
    expect(chat.send(bob, room, 'one')).toMatchObject({ ok: true });
    exceeded(chat.send(bob, room, 'two'), { limit: 1 });
    set(bob, { messagesPerDay: null });
    exceeded(chat.send(bob, room, 'two'), { limit: 0 });
    set(null, { messagesPerDay: null });
    expect(chat.send(bob, room, 'two')).toMatchObject({ ok: true });
    // What is not given stays.
    exceeded(chat.run('room.create', alice, { kind: 'group', members: [] }), { what: 'rooms', limit: 1 });
  });

  it('of rooms hold however one comes into them, and are freed by leaving', () => {
    const carol = chat.register('carol');
    set(null, { rooms: 2 });
    const open = chat.openRoom(carol, 'Open');
    const group = chat.groupRoom(alice, bob);
    chat.directRoom(alice, bob);
    const refusal = { what: 'rooms', limit: 2, used: 2 };
    exceeded(chat.run('room.create', alice, { kind: 'group', members: [] }), { ...refusal, account: alice.account });
    exceeded(chat.run('room.create', carol, { kind: 'direct', members: [bob.account] }), refusal);
    exceeded(chat.run('room.create', carol, { kind: 'group', members: [bob.account] }), refusal);
    exceeded(chat.run('room.add', carol, { room: open, members: [bob.account] }), { ...refusal, account: bob.account });
    exceeded(chat.run('room.join', bob, { room: open }), refusal);
    // That one exists.
    expect(chat.code('room.create', alice, { kind: 'direct', members: [bob.account] })).toBe('ok');
    chat.must('room.remove', bob, { room: group, member: bob.account });
    expect(chat.code('room.join', bob, { room: open })).toBe('ok');
    expect([alice, bob, carol].map((person) => used(person).rooms)).toEqual([2, 2, 1]);
  });

  it('of files come before what the node grants', () => {
    const blob = blobIdOf(1, new Uint8Array(32));
    const begin = { blob, sizeBytes: 100_000, quotaBytes: 200_000 };
    set(alice, { fileBytes: 99_999 });
    exceeded(chat.run('blob.begin', alice, begin), { what: 'fileBytes', limit: 99_999, used: 0 });
    set(alice, { fileBytes: 100_000 });
    expect(chat.code('blob.begin', alice, begin)).toBe('ok');
    expect(used(alice).fileBytes).toBe(100_000);
  });

  it('are set by admins, and forgotten with the account', () => {
    const body = { account: bob.account, quotas: { rooms: 5 } };
    expect(chat.code('server.set-quotas', alice, body)).toBe('forbidden');
    chat.must('server.set-admin', null, { account: alice.account, granted: true });
    expect(chat.code('server.set-quotas', alice, body)).toBe('ok');
    chat.must('user.delete', bob, { account: bob.account, messages: false });
    expect([...chat.view.rows.keys()].filter((key) => /^[EH]\//.test(key))).toEqual([]);
  });
});
