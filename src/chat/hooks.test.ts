import { utf8ToBytes } from '@noble/hashes/utils.js';
import { beforeEach, describe, expect, it } from 'vitest';
import { deviceIdOf } from '../protocol/derive-ids.ts';
import { LIMITS } from '../protocol/limits.ts';
import { bytesFrom, ChatHarness, openEnvelopeBytes } from '../testing/chat-harness.ts';
import { KEYS } from './keys.ts';
import { hookById, hooksOf } from './queries-hooks.ts';
import type { EnvelopeHeader } from '../protocol/envelope.ts';
import type { DeviceId, RoomId, TxnId } from '../protocol/ids.ts';
import type { Person } from '../testing/chat-harness.ts';

let chat: ChatHarness;
let ann: Person;
let bob: Person;
let room: RoomId;
beforeEach(() => {
  chat = new ChatHarness();
  ann = chat.register('ann');
  bob = chat.register('bob');
  room = chat.openRoom(ann, 'alerts', bob);
});

const bodyOf = (label: string, into = room) => ({
  room: into,
  name: label,
  signingKey: bytesFrom(`hook ${label}`),
  signature: new Uint8Array(64),
});
const add = (label: string): DeviceId => chat.must('hook.add', ann, bodyOf(label)).hook;

function say(
  hook: DeviceId,
  text: string,
  {
    txnId = chat.txn(),
    former = chat.txn(),
    changes = {},
  }: {
    txnId?: TxnId;
    former?: TxnId;
    changes?: Partial<EnvelopeHeader>;
  } = {},
) {
  const envelope = openEnvelopeBytes({ room, sender: hook, txnId, ...changes }, utf8ToBytes(text));
  return chat.run('hook.say', null, { hook, envelope, formerTxnId: former }, txnId);
}

describe('webhooks of an open room', () => {
  it('are made by its staff alone, and only where nodes can write', () => {
    expect(chat.code('hook.add', bob, bodyOf('x'))).toBe('forbidden');
    expect(chat.code('hook.add', chat.register('eve'), bodyOf('x'))).toBe('no_such_room');
    expect(chat.code('hook.add', ann, bodyOf('x', chat.groupRoom(ann, bob)))).toBe('forbidden');
    expect(chat.code('hook.add', ann, bodyOf('x', chat.directRoom(ann, bob)))).toBe('not_a_group');
    expect(add('pump')).toBe(deviceIdOf(bytesFrom('hook pump')));
    expect(hooksOf(chat.view, bob.account, room)).toMatchObject([
      { name: 'pump', account: ann.account, removed: false },
    ]);
    expect(hooksOf(chat.view, chat.register('carl').account, room)).toBeUndefined();
  });

  it('say what is numbered like everything else, in the name of who made them', () => {
    const hook = add('pump');
    chat.send(bob, room, 'hello');
    const result = say(hook, 'the pump has stopped');
    expect(result).toMatchObject({ ok: true, value: { room, seq: 2 } });
    expect(chat.events.at(-1)?.event).toMatchObject({ kind: 'message', from: ann.account, device: hook, seq: 2 });
  });

  it('say nothing twice, though a day has begun meanwhile', () => {
    const hook = add('pump');
    const [yesterday, today] = [chat.txn(), chat.txn()];
    const first = say(hook, 'once', { txnId: yesterday });
    expect(say(hook, 'once', { txnId: yesterday })).toEqual(first);
    const again = say(hook, 'once', { txnId: today, former: yesterday });
    expect(again).toEqual(first);
    expect(say(hook, 'other words', { txnId: yesterday })).toMatchObject({ ok: false, code: 'txn_reused' });
    expect(say(hook, 'other words', { txnId: today, former: yesterday })).toMatchObject({
      ok: true,
      value: { seq: 2 },
    });
  });

  it('are refused what is not theirs', () => {
    const hook = add('pump');
    const other = chat.openRoom(ann, 'other');
    expect(say(hook, 'x', { changes: { room: other } })).toMatchObject({ code: 'invalid_envelope' });
    expect(say(hook, 'x', { changes: { sender: ann.device } })).toMatchObject({ code: 'invalid_envelope' });
    expect(say(hook, 'x', { changes: { relation: { type: 'edit', seq: 1 } } as never })).toMatchObject({
      code: 'invalid_envelope',
    });
    expect(say(ann.device, 'x')).toMatchObject({ code: 'no_such_hook' });
    expect(chat.code('hook.add', ann, { ...bodyOf('x'), signingKey: ann.record.signingKey })).toBe('invalid_field');
    expect(chat.code('hook.add', ann, bodyOf('pump'))).toBe('invalid_field');
  });

  it('are silent once removed, and stay known by what they said', () => {
    const hook = add('pump');
    expect(chat.code('hook.remove', bob, { room, hook })).toBe('forbidden');
    chat.must('hook.remove', ann, { room, hook });
    expect(say(hook, 'x')).toMatchObject({ ok: false, code: 'no_such_hook' });
    expect(chat.code('hook.remove', ann, { room, hook })).toBe('no_such_hook');
    expect(hookById(chat.view, hook)).toBeUndefined();
    expect(hooksOf(chat.view, bob.account, room)).toMatchObject([{ hook, removed: true }]);
  });

  it('are gone with a room that is purged, names and all', () => {
    const hook = add('pump');
    chat.must('hook.remove', ann, { room, hook: add('old') });
    say(hook, 'x');
    chat.must('room.purge', null, { room });
    const isOfHooks = (key: string): boolean => key.startsWith('Y/') || key === KEYS.deviceTxn(hook);
    expect([...chat.view.rows.keys()].filter(isOfHooks)).toEqual([]);
    expect(say(hook, 'y')).toMatchObject({ ok: false, code: 'no_such_hook' });
  });

  it.each([
    [
      'is no longer staff',
      () => {
        chat.must('room.set-role', ann, { room, member: bob.account, role: 'owner' });
        chat.must('room.set-role', ann, { room, member: ann.account, role: 'member' });
      },
      'forbidden',
    ],
    [
      'has left',
      () => {
        chat.must('room.set-role', ann, { room, member: bob.account, role: 'owner' });
        chat.must('room.remove', ann, { room, member: ann.account });
      },
      'forbidden',
    ],
    ['is banned', () => chat.must('user.ban', null, { account: ann.account, reason: '', forMs: null }), 'forbidden'],
    ['has archived the room', () => chat.must('room.archive', ann, { room, archived: true }), 'room_archived'],
    [
      'has used up its quota',
      () => chat.must('server.set-quotas', null, { account: ann.account, quotas: { messagesPerDay: 0 } }),
      'quota_exceeded',
    ],
  ])('are silent when whoever made them %s', (_, happens, code) => {
    const hook = add('pump');
    happens();
    expect(say(hook, 'x')).toMatchObject({ ok: false, code });
  });

  it('are few, and so is what is remembered of them', () => {
    const hooks = Array.from({ length: LIMITS.hooksPerRoomMax }, (_, i) => add(`h${i}`));
    expect(chat.code('hook.add', ann, bodyOf('one more'))).toBe('too_many');
    for (let i = 0; i < 2 * LIMITS.hooksRememberedMax; i++) {
      chat.must('hook.remove', ann, { room, hook: hooks.shift()! });
      hooks.push(add(`later ${i}`));
    }
    const all = hooksOf(chat.view, ann.account, room)!;
    expect(all).toHaveLength(LIMITS.hooksRememberedMax);
    expect(all.filter(({ removed }) => !removed).map(({ hook }) => hook)).toEqual(hooks);
    expect([...chat.view.rows.keys()].filter((key) => key.startsWith('Y/D'))).toHaveLength(LIMITS.hooksRememberedMax);
  });
});
