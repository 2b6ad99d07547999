import { beforeEach, describe, expect, it } from 'vitest';
import { LIMITS } from '../protocol/limits.ts';
import { bytesFrom, ChatHarness, commandBytes } from '../testing/chat-harness.ts';
import { KEYS } from './keys.ts';
import { endOfEntry } from './queries-cursor.ts';
import { eventsSince } from './queries-events.ts';
import { messagesPage } from './queries-messages.ts';
import { findExpired } from './queries-sweep.ts';
import { countFrom } from './unread.ts';
import type { Relation } from '../protocol/envelope-extensions.ts';
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
});

const relate = (who: Person, type: Relation['type'], seq: number, where = room, txnId = chat.txn()) => {
  const changes = { relation: { type, seq: seq as Seq } };
  const envelope = chat.envelope(who, where, txnId, `${type} ${txnId}`, changes);
  return chat.run('message.send', who, { room: where, envelope }, txnId);
};
const codeOf = (result: ReturnType<typeof relate>): string => (result.ok ? 'ok' : result.code);
const remove = (who: Person, seq: number) => chat.code('message.delete', who, { room, seq: seq as Seq });
const shown = async (who: Person): Promise<unknown[]> => {
  const page = await messagesPage(chat.view, { account: who.account, room, limit: 50 });
  return page!.messages.map(({ gone, envelope }) => gone ?? envelope.length > 0);
};
/** Messages that are there from this seq on, as unread counts see them. */
const messagesFrom = (seq: number): number => countFrom(chat.view.get(KEYS.messageBits(room, 0))!, 0, seq);

describe('edits and reactions', () => {
  it('take a place in the room, and count as no message', () => {
    chat.send(alice, room, 'one');
    expect(relate(alice, 'edit', 1)).toMatchObject({ ok: true, value: { seq: 2 } });
    expect(relate(bob, 'reaction', 1)).toMatchObject({ ok: true, value: { seq: 3 } });
    expect(chat.send(bob, room, 'two')).toMatchObject({ ok: true, value: { seq: 4 } });
    expect([messagesFrom(1), messagesFrom(2), messagesFrom(5)]).toEqual([2, 1, 0]);
  });

  it('are to messages that are there', () => {
    chat.send(alice, room, 'one');
    chat.send(alice, room, 'two');
    relate(bob, 'reaction', 1);
    remove(alice, 2);
    expect(codeOf(relate(bob, 'reaction', 9))).toBe('no_such_message');
    expect(codeOf(relate(bob, 'reaction', 2))).toBe('no_such_message');
    expect(codeOf(relate(bob, 'reaction', 3))).toBe('invalid_envelope');
  });

  it('are to messages that one may read', () => {
    chat.send(alice, room, 'before carol');
    const carol = chat.register('carol');
    chat.must('room.add', alice, { room, members: [carol.account] });
    expect(codeOf(relate(carol, 'reaction', 1))).toBe('no_such_message');
    expect(chat.code('message.delete', carol, { room, seq: 1 as Seq })).toBe('no_such_message');
  });

  it('give only one’s own message another text, from any device of the author', () => {
    const phone = chat.enrol(alice, 'phone');
    chat.send(alice, room, 'one');
    expect(codeOf(relate(bob, 'edit', 1))).toBe('forbidden');
    expect(codeOf(relate(phone, 'edit', 1))).toBe('ok');
  });

  it('are bounded for each message', () => {
    chat.send(alice, room, 'one');
    for (let i = 0; i < LIMITS.relationsPerMessageMax; i++) expect(relate(bob, 'reaction', 1).ok).toBe(true);
    expect(codeOf(relate(bob, 'reaction', 1))).toBe('message_full');
    remove(bob, 2);
    expect(codeOf(relate(bob, 'reaction', 1))).toBe('ok');
  });

  it('are recognised when they are sent again', () => {
    chat.send(alice, room, 'one');
    const txnId = chat.txn();
    const first = relate(bob, 'reaction', 1, room, txnId);
    remove(alice, 1);
    expect(relate(bob, 'reaction', 1, room, txnId)).toEqual(first);
  });
});

describe('message.delete', () => {
  beforeEach(() => {
    chat.send(alice, room, 'one');
    chat.send(bob, room, 'two');
    relate(bob, 'reaction', 1);
    relate(alice, 'edit', 1);
  });

  it('leaves the places, and takes edits and reactions along', async () => {
    expect(chat.must('message.delete', alice, { room, seq: 1 as Seq })).toEqual({ room, seqs: [1, 3, 4] });
    expect(await shown(bob)).toEqual(['deleted', true, 'deleted', 'deleted']);
    expect(messagesFrom(1)).toBe(1);
    expect(chat.view.get(KEYS.relations(room, 1))).toBeUndefined();
    expect(chat.send(alice, room, 'three')).toMatchObject({ ok: true, value: { seq: 5 } });
  });

  it('leaves no byte of the envelope in the state', () => {
    const txnId = chat.txn();
    const marked = chat.envelope(alice, room, txnId, 'x', {}, 'canary');
    const { seq } = chat.must('message.send', alice, { room, envelope: marked }, txnId);
    const canary = Buffer.from(bytesFrom('nonce canary').subarray(0, 24));
    const holds = () => [...chat.view.rows].some(([, bytes]) => Buffer.from(bytes).includes(canary));
    expect(holds()).toBe(true);
    remove(alice, seq);
    expect(holds()).toBe(false);
  });

  it('is for the author, and in groups for owner and admins', () => {
    expect(remove(bob, 1)).toBe('forbidden');
    expect(remove(alice, 2)).toBe('ok');
    const direct = chat.directRoom(alice, bob);
    chat.send(bob, direct, 'hi');
    expect(chat.code('message.delete', alice, { room: direct, seq: 1 as Seq })).toBe('forbidden');
    const carol = chat.register('carol');
    expect(chat.code('message.delete', carol, { room, seq: 1 as Seq })).toBe('no_such_room');
  });

  it('takes back a reaction alone, for who made it', async () => {
    expect(remove(bob, 4)).toBe('forbidden');
    expect(remove(bob, 3)).toBe('ok');
    expect(await shown(alice)).toEqual([true, true, 'deleted', true]);
    expect(chat.must('message.delete', alice, { room, seq: 1 as Seq }).seqs).toEqual([1, 4]);
  });

  it('happens once, and its retry has the same answer', () => {
    const txnId = chat.txn();
    const body = { room, seq: 1 as Seq };
    const first = chat.must('message.delete', alice, body, txnId);
    expect(chat.must('message.delete', alice, body, txnId)).toEqual(first);
    expect(remove(alice, 1)).toBe('no_such_message');
    expect(remove(alice, 99)).toBe('no_such_message');
  });

  it('lets a retry of what was deleted have its first answer', () => {
    const txnId = chat.txn();
    const sent = chat.send(alice, room, 'again', txnId);
    remove(alice, 5);
    expect(chat.send(alice, room, 'again', txnId)).toEqual(sent);
  });

  it('is seen by who watches, and by who comes back', async () => {
    const before = endOfEntry(0);
    const after = endOfEntry(chat.view.appliedIndex);
    remove(alice, 1);
    const gone = { kind: 'messages-gone', room, seqs: [1, 3, 4], reason: 'deleted', by: alice.account };
    expect(chat.events.at(-1)!.event).toMatchObject(gone);
    const page = await eventsSince(chat.view, { account: bob.account, after, limit: 10 });
    expect(page.recovered && page.events.map(({ event }) => event)).toMatchObject([gone]);
    const all = await eventsSince(chat.view, { account: bob.account, after: before, limit: 50 });
    const replayed = all.recovered ? all.events.flatMap(({ event }) => (event.kind === 'message' ? [event] : [])) : [];
    expect(replayed.map(({ seq, gone: why, envelope }) => [seq, why, envelope.length > 0])).toEqual([
      [1, 'deleted', false],
      [2, null, true],
      [3, 'deleted', false],
      [4, 'deleted', false],
    ]);
  });

  it('within the entry that sent the message works as in the next one', async () => {
    const txnId = chat.txn();
    const envelope = chat.envelope(alice, room, txnId, 'short-lived');
    const [sent, deleted] = chat.apply(
      commandBytes('message.send', alice, { room, envelope }, txnId),
      commandBytes('message.delete', alice, { room, seq: 5 as Seq }, chat.txn()),
    );
    expect([sent?.ok, deleted?.ok]).toEqual([true, true]);
    expect((await shown(bob)).at(-1)).toBe('deleted');
    expect(messagesFrom(5)).toBe(0);
  });
});

describe('messages that disappear', () => {
  const sweep = async () => {
    const keys = await findExpired(chat.view, chat.stampMs, 500);
    return chat.must('state.sweep', null, { keys }).removed;
  };
  const sendFor = (ttlMs: number) => {
    const txnId = chat.txn();
    const envelope = chat.envelope(alice, room, txnId, `for ${ttlMs}`, { ttlMs });
    return chat.must('message.send', alice, { room, envelope }, txnId).seq;
  };

  it('are gone when their time is over, with what hangs on them, and not before', async () => {
    sendFor(60_000);
    chat.send(alice, room, 'stays');
    relate(bob, 'reaction', 1);
    chat.wait(59_999);
    chat.must('state.sweep', null, { keys: [KEYS.expiry(chat.stampMs + 1, KEYS.message(room, 1))] });
    expect(await shown(bob)).toEqual([true, true, true]);
    chat.wait(1);
    await sweep();
    expect(await shown(bob)).toEqual(['expired', true, 'expired']);
    const gone = { kind: 'messages-gone', room, seqs: [1, 3], reason: 'expired', by: null };
    expect(chat.events.at(-1)!.event).toMatchObject(gone);
  });

  it('tell of all that went with one sweep at once', async () => {
    for (let i = 0; i < 5; i++) sendFor(1_000);
    chat.wait(1_000);
    const events = chat.events.length;
    expect(await sweep()).toBe(5);
    expect(chat.events.slice(events).map(({ event }) => event)).toMatchObject([{ seqs: [1, 2, 3, 4, 5] }]);
  });

  it('have the shorter life of their own and the room’s', async () => {
    expect(chat.code('room.set-ttl', bob, { room, ttlMs: 10_000 })).toBe('forbidden');
    chat.send(alice, room, 'before');
    expect(chat.code('room.set-ttl', alice, { room, ttlMs: 10_000 })).toBe('ok');
    sendFor(60_000);
    sendFor(5_000);
    chat.must('room.set-ttl', alice, { room, ttlMs: 0 });
    chat.send(alice, room, 'after');
    chat.wait(5_000);
    await sweep();
    expect(await shown(bob)).toEqual([true, true, 'expired', true]);
    chat.wait(5_000);
    await sweep();
    expect(await shown(bob)).toEqual([true, 'expired', 'expired', true]);
  });

  it('cost a sweep no more than it may, and the rest goes with the next', async () => {
    const related = LIMITS.relationsPerMessageMax;
    for (let i = 0; i < 5; i++) {
      const seq = sendFor(1_000);
      for (let n = 0; n < related; n++) relate(bob, 'reaction', seq);
    }
    sendFor(1_000);
    chat.wait(1_000);
    // A message takes all its reactions along, so the bound is overstepped by one of them at most.
    expect(await sweep()).toBe(5 * (related + 1));
    expect(await sweep()).toBe(1);
    expect(await sweep()).toBe(0);
  });
});
