import { beforeEach, describe, expect, it } from 'vitest';
import { ChatHarness, commandBytes } from '../testing/chat-harness.ts';
import { EVENTS_KEPT_MAX } from './bounds.ts';
import { endOfEntry, startOfEntry } from './queries-cursor.ts';
import { eventsSince } from './queries-events.ts';
import { audienceOf } from './queries-rooms.ts';
import type { RoomId } from '../protocol/ids.ts';
import type { Person } from '../testing/chat-harness.ts';
import type { Position } from './queries-cursor.ts';

let chat: ChatHarness;
let alice: Person;
let bob: Person;
let carol: Person;

beforeEach(() => {
  chat = new ChatHarness();
  [alice, bob, carol] = [chat.register('alice'), chat.register('bob'), chat.register('carol')];
});

const now = (): Position => endOfEntry(chat.view.appliedIndex);
const since = async (who: Person, after: Position, limit = 100): Promise<string[]> => {
  const page = await eventsSince(chat.view, { account: who.account, after, limit });
  if (!page.recovered) return ['not recovered'];
  return page.events.map(({ event }) => (event.kind === 'message' ? `message ${event.seq}` : event.kind));
};
const rename = (who: Person, room: RoomId) => {
  chat.must('room.set-meta', who, { room, sealedMeta: chat.envelope(who, room, chat.txn(), 'name') });
};

describe('eventsSince', () => {
  it('merges messages of several rooms, and what happened to rooms and to the account, in log order', async () => {
    const after = now();
    const direct = chat.directRoom(alice, bob);
    chat.send(bob, direct, 'hi');
    const group = chat.groupRoom(alice, bob);
    chat.send(alice, group, 'ho');
    rename(bob, group);
    chat.send(alice, direct, 'hey');
    const phone = chat.enrol(alice, 'phone');
    chat.must('session.revoke', phone, { session: alice.session });
    expect(await since(alice, after)).toEqual([
      'room-created',
      'message 1',
      'room-created',
      'message 1',
      'room-meta',
      'message 2',
      'device-requested',
      'devices-changed',
      'session-ended',
    ]);
    expect((await since(bob, after)).slice(6)).toEqual(['devices-changed']);
    expect(await since(carol, after)).toEqual([]);
  });

  it('goes on within a log entry, and ends at what was applied when it was asked', async () => {
    const room = chat.groupRoom(alice);
    const after = now();
    const sends = ['a', 'b', 'c'].map((text) => {
      const txnId = chat.txn();
      return commandBytes('message.send', alice, { room, envelope: chat.envelope(alice, room, txnId, text) }, txnId);
    });
    chat.apply(...sends);
    const ask = { account: alice.account, limit: 2 };
    const first = await eventsSince(chat.view, { ...ask, after });
    expect(first).toMatchObject({ recovered: true, done: false, next: { index: chat.view.appliedIndex, order: 1 } });
    const second = await eventsSince(chat.view, { ...ask, after: first.next });
    expect(second).toMatchObject({ recovered: true, done: true, next: now() });
    expect(second.recovered && second.events.map(({ order }) => order)).toEqual([2]);
    expect(await eventsSince(chat.view, { ...ask, after: second.next })).toMatchObject({ events: [], done: true });
    expect(await since(alice, startOfEntry(chat.view.appliedIndex))).toHaveLength(3);
  });

  it('leaves out what is applied while it reads, and takes it with the next page', async () => {
    const rooms = [chat.groupRoom(alice), chat.groupRoom(alice)];
    const after = now();
    for (const room of rooms) chat.send(alice, room, 'before');
    const page = eventsSince(chat.view, { account: alice.account, after, limit: 100 });
    for (const room of rooms) chat.send(alice, room, 'meanwhile');
    const first = await page;
    expect(first.recovered && first.events).toHaveLength(2);
    expect(await since(alice, first.next)).toEqual(['message 2', 'message 2']);
  });

  it('never goes back behind a cursor that is ahead of this node', async () => {
    const ahead = { index: chat.view.appliedIndex + 5, order: 0 };
    const page = await eventsSince(chat.view, { account: alice.account, after: ahead, limit: 10 });
    expect(page).toEqual({ recovered: true, events: [], done: true, next: ahead });
  });

  it('shows an account its removal and nothing later, and a new member nothing earlier than its join', async () => {
    const room = chat.groupRoom(alice, bob);
    chat.send(alice, room, 'early');
    const after = now();
    chat.must('room.remove', alice, { room, member: bob.account });
    chat.send(alice, room, 'secret');
    rename(alice, room);
    chat.must('room.add', alice, { room, members: [carol.account] });
    chat.send(alice, room, 'late');
    expect(await since(bob, after)).toEqual(['member-removed']);
    expect(await since(carol, startOfEntry(0))).toEqual(['members-added', 'message 3']);
    expect(await since(alice, after)).toEqual([
      'member-removed',
      'message 2',
      'room-meta',
      'members-added',
      'message 3',
    ]);
  });

  it('shows who left and came back both changes, once', async () => {
    const room = chat.groupRoom(alice, bob);
    const after = now();
    const [a, b] = [chat.txn(), chat.txn()];
    chat.apply(
      commandBytes('room.remove', alice, { room, member: bob.account }, a),
      commandBytes('room.add', alice, { room, members: [bob.account] }, b),
    );
    expect(await since(bob, after)).toEqual(['member-removed', 'members-added']);
  });

  it('says that events were dropped, exactly to those whose place lies behind', async () => {
    const room = chat.groupRoom(alice, bob);
    const early = now();
    rename(alice, room);
    const afterFirst = now();
    for (let i = 1; i < EVENTS_KEPT_MAX; i++) rename(alice, room);
    // The feed now holds exactly its bound without the event of the creation.
    expect(await since(alice, early, 2000)).toHaveLength(EVENTS_KEPT_MAX);
    rename(alice, room);
    expect(await since(alice, early)).toEqual(['not recovered']);
    expect(await since(alice, afterFirst, 2000)).toHaveLength(EVENTS_KEPT_MAX);
    chat.must('room.add', alice, { room, members: [carol.account] });
    expect(await since(carol, startOfEntry(0))).toEqual(['members-added']);
    const kept = [...chat.view.rows.keys()].filter((key) => key.startsWith(`w/${room}/`));
    expect(kept).toHaveLength(EVENTS_KEPT_MAX);
  });

  it('finds the place in a long room with few reads', async () => {
    const room = chat.groupRoom(alice);
    for (let i = 0; i < 1000; i++) chat.send(alice, room, `m${i}`);
    const after = now();
    chat.send(alice, room, 'last');
    const before = chat.view.gets;
    expect(await since(alice, after)).toEqual(['message 1001']);
    expect(chat.view.gets - before).toBeLessThan(20);
  });
});

describe('audienceOf', () => {
  it('is who may see an event', async () => {
    const room = chat.groupRoom(alice, bob);
    chat.send(alice, room, 'to both');
    const toBoth = chat.events.at(-1)!;
    chat.must('room.add', alice, { room, members: [carol.account] });
    const added = chat.events.at(-1)!;
    chat.must('room.remove', alice, { room, member: bob.account });
    const removed = chat.events.at(-1)!;
    const names = async (placed: typeof toBoth) =>
      (await audienceOf(chat.view, placed)).map(
        (account) => [alice, bob, carol].find((p) => p.account === account)!.name,
      );
    expect(await names(toBoth)).toEqual(['alice']);
    expect(await names(added)).toEqual(['alice', 'carol']);
    expect(await names(removed)).toEqual(['alice', 'carol', 'bob']);
  });
});
