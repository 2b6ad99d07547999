import { beforeEach, describe, expect, it } from 'vitest';
import { ChatHarness } from '../testing/chat-harness.ts';
import { receiptsIn } from './queries-receipts.ts';
import { roomDetail } from './queries-rooms.ts';
import type { RoomId, Seq } from '../protocol/ids.ts';
import type { Person } from '../testing/chat-harness.ts';

let chat: ChatHarness;
let alice: Person;
let bob: Person;
let room: RoomId;

beforeEach(() => {
  chat = new ChatHarness();
  alice = chat.register('alice');
  bob = chat.register('bob');
  room = chat.groupRoom(alice, bob);
  for (let i = 1; i <= 5; i++) chat.send(alice, room, `m${i}`);
});

const mark = (who: Person, delivered: number, read: number) =>
  chat.must('receipt.mark', null, { marks: [{ account: who.account, room, delivered, read }] }).changed;
const unread = (who: Person) => roomDetail(chat.view, who.account, room)!.unread;
const receipts = async (who: Person) => {
  const { receipts: all } = await receiptsIn(chat.view, room, { account: who.account, limit: 10 });
  return all.map(({ account, delivered, read }) => [account === alice.account ? 'alice' : 'bob', delivered, read]);
};

describe('receipts', () => {
  it('only ever go forward, and not beyond what is written', async () => {
    expect(mark(bob, 3, 2)).toBe(1);
    expect(mark(bob, 3, 2)).toBe(0);
    expect(mark(bob, 1, 1)).toBe(0);
    expect(mark(bob, 0, 4)).toBe(1);
    expect(await receipts(alice)).toEqual([['bob', 4, 4]]);
    mark(bob, 99, 99);
    expect(await receipts(alice)).toEqual([['bob', 5, 5]]);
  });

  it('say how much is unread, as messages come and go', () => {
    expect(unread(bob)).toBe(5);
    mark(bob, 5, 2);
    expect(unread(bob)).toBe(3);
    chat.must('message.delete', alice, { room, seq: 4 as Seq });
    expect(unread(bob)).toBe(2);
    for (let i = 0; i < 2_000; i++) chat.send(alice, room, `more ${i}`);
    expect(unread(bob)).toBe(2_002);
    mark(bob, 2_004, 2_004);
    expect(unread(bob)).toBe(1);
  });

  it('are seen by the others, unless the account keeps them to itself', async () => {
    mark(bob, 1, 1);
    expect(chat.events.at(-1)!.event).toMatchObject({ kind: 'receipt', account: bob.account, read: 1, shared: true });
    chat.must('receipt.share', bob, { share: false });
    mark(bob, 2, 2);
    expect(chat.events.at(-1)!.event).toMatchObject({ kind: 'receipt', read: 2, shared: false });
    expect(await receipts(alice)).toEqual([]);
    expect(await receipts(bob)).toEqual([['bob', 2, 2]]);
    expect(unread(bob)).toBe(3);
    chat.must('receipt.share', bob, { share: true });
    expect(await receipts(alice)).toEqual([['bob', 2, 2]]);
  });

  it('are of members, told by nodes alone', async () => {
    const marks = [{ account: bob.account, room, delivered: 1, read: 1 }];
    expect(chat.code('receipt.mark', alice, { marks })).toBe('forbidden');
    expect(mark(chat.register('carol'), 1, 1)).toBe(0);
    mark(bob, 1, 1);
    chat.must('room.remove', alice, { room, member: bob.account });
    expect(mark(bob, 2, 2)).toBe(0);
    expect(await receipts(alice)).toEqual([]);
  });
});
