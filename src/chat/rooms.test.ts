import { beforeEach, describe, expect, it } from 'vitest';
import { directRoomIdOf, groupRoomIdOf } from '../protocol/derive-ids.ts';
import { bytesFrom, ChatHarness, commandBytes } from '../testing/chat-harness.ts';
import { accountsSharingRooms, membershipIn, roomDetail, roomMembers, roomsOf } from './queries-rooms.ts';
import type { RoomId } from '../protocol/ids.ts';
import type { Person } from '../testing/chat-harness.ts';

let chat: ChatHarness;
let alice: Person;
let bob: Person;
let carol: Person;

beforeEach(() => {
  chat = new ChatHarness();
  [alice, bob, carol] = [chat.register('alice'), chat.register('bob'), chat.register('carol')];
});

const nobody = `A${'a'.repeat(26)}` as Person['account'];
const nowhere = `R${'a'.repeat(26)}` as RoomId;
const detail = (room: RoomId, who = alice) => roomDetail(chat.view, who.account, room);
const roles = (room: RoomId, who = alice) => detail(room, who)!.members.map(({ name, role }) => `${name} ${role}`);
const version = (room: RoomId, who = alice) => detail(room, who)!.rosterVersion;

describe('room.create, direct', () => {
  it('makes one room whoever asks, also when both ask in one log entry', () => {
    const [a, b] = [chat.txn(), chat.txn()];
    const results = chat.apply(
      commandBytes('room.create', alice, { kind: 'direct', members: [bob.account] }, a),
      commandBytes('room.create', bob, { kind: 'direct', members: [alice.account] }, b),
    );
    const room = directRoomIdOf(alice.account, bob.account);
    expect(results).toEqual([
      { ok: true, value: { room } },
      { ok: true, value: { room } },
    ]);
    expect(chat.events.filter(({ event }) => event.kind === 'room-created')).toHaveLength(1);
    expect(detail(room)).toMatchObject({ kind: 'direct', lastSeq: 0, peer: { account: bob.account, name: 'bob' } });
    expect(detail(room, bob)).toMatchObject({ peer: { account: alice.account, name: 'alice' } });
    expect(roles(room)).toEqual(['alice member', 'bob member']);
  });

  it('leaves the messages of a room that is there', () => {
    const room = chat.directRoom(alice, bob);
    chat.send(alice, room, 'hi');
    expect(chat.directRoom(bob, alice)).toBe(room);
    expect(detail(room)).toMatchObject({ lastSeq: 1 });
  });

  it('refuses any number of others but one, unknown accounts, and names', () => {
    const code = (members: Person['account'][]) => chat.code('room.create', alice, { kind: 'direct', members });
    expect(code([])).toBe('invalid_field');
    expect(code([alice.account])).toBe('invalid_field');
    expect(code([bob.account, carol.account])).toBe('invalid_field');
    expect(code([nobody])).toBe('no_such_user');
    const room = directRoomIdOf(alice.account, bob.account);
    const sealedMeta = chat.envelope(alice, room, chat.txn(), 'name');
    expect(chat.code('room.create', alice, { kind: 'direct', members: [bob.account], sealedMeta })).toBe(
      'invalid_field',
    );
    expect(chat.code('room.create', null, { kind: 'direct', members: [bob.account] })).toBe('unauthenticated');
  });

  it('keeps its two members for ever and has no name', () => {
    const room = chat.directRoom(alice, bob);
    const sealedMeta = chat.envelope(alice, room, chat.txn(), 'name');
    expect(chat.code('room.add', alice, { room, members: [carol.account] })).toBe('not_a_group');
    expect(chat.code('room.remove', alice, { room, member: alice.account })).toBe('not_a_group');
    expect(chat.code('room.set-meta', alice, { room, sealedMeta })).toBe('not_a_group');
  });
});

describe('room.create, group', () => {
  it('makes the creator its owner; the id is known before', () => {
    const txnId = chat.txn();
    const room = groupRoomIdOf(alice.account, txnId);
    const sealedMeta = chat.envelope(alice, room, chat.txn(), 'name');
    const members = [bob.account, bob.account, alice.account];
    expect(chat.run('room.create', alice, { kind: 'group', members, sealedMeta }, txnId)).toEqual({
      ok: true,
      value: { room },
    });
    expect(roles(room)).toEqual(['alice owner', 'bob member']);
    expect(Buffer.from(detail(room)!.sealedMeta!)).toEqual(Buffer.from(sealedMeta));
    expect(detail(room)!.peer).toBeUndefined();
    expect(chat.events.map(({ event }) => event)).toMatchObject([
      { kind: 'room-created', room, roomKind: 'group', members: [alice.account, bob.account], by: alice.account },
    ]);
  });

  it('is made once for a retry, and never under the txnId of another device', () => {
    const phone = chat.enrol(alice, 'phone');
    const txnId = chat.txn();
    const body = { kind: 'group', members: [bob.account] } as const;
    const original = chat.run('room.create', alice, body, txnId);
    expect(chat.run('room.create', alice, body, txnId)).toEqual(original);
    expect(chat.code('room.create', alice, { kind: 'group', members: [] }, txnId)).toBe('txn_reused');
    expect(chat.code('room.create', phone, body, txnId)).toBe('txn_reused');
  });

  it('refuses unknown members, sealed names of something else, and too many devices', () => {
    expect(chat.run('room.create', alice, { kind: 'group', members: [bob.account, nobody] })).toMatchObject({
      code: 'no_such_user',
      data: { account: nobody },
    });
    const create = (sealedMeta: Uint8Array, txnId = chat.txn()) =>
      chat.code('room.create', alice, { kind: 'group', members: [], sealedMeta }, txnId);
    expect(create(bytesFrom('noise'))).toBe('invalid_envelope');
    expect(create(chat.envelope(alice, nowhere, chat.txn(), 'name'))).toBe('invalid_envelope');
    const txnId = chat.txn();
    const room = groupRoomIdOf(alice.account, txnId);
    expect(create(chat.envelope(bob, room, chat.txn(), 'name'), txnId)).toBe('invalid_envelope');
    expect(create(chat.envelope(alice, room, chat.txn(), 'name'), txnId)).toBe('ok');
  });
});

describe('room.add', () => {
  let room: RoomId;
  beforeEach(() => {
    room = chat.groupRoom(alice, bob);
  });

  it('adds who is not in yet; they read from the next message on', () => {
    chat.send(alice, room, 'before');
    const before = version(room);
    const members = [bob.account, carol.account, carol.account];
    expect(chat.must('room.add', alice, { room, members })).toEqual({ room, added: [carol.account] });
    expect(roles(room)).toEqual(['alice owner', 'bob member', 'carol member']);
    expect(membershipIn(chat.view, carol.account, room)).toMatchObject({ joinedSeq: 2 });
    expect(version(room)).toBeGreaterThan(before);
    expect(chat.events.at(-1)!.event).toMatchObject({ kind: 'members-added', members: [carol.account] });
    expect(chat.send(carol, room, 'hi')).toMatchObject({ ok: true, value: { seq: 2 } });
  });

  it('takes the name sealed for the new roster with it', () => {
    const sealedMeta = chat.envelope(alice, room, chat.txn(), 'name');
    chat.must('room.add', alice, { room, members: [carol.account], sealedMeta });
    expect(Buffer.from(detail(room, carol)!.sealedMeta!)).toEqual(Buffer.from(sealedMeta));
    expect(chat.events.slice(-2).map(({ event }) => event.kind)).toEqual(['members-added', 'room-meta']);
  });

  it('refuses members without a role, strangers, who is in already, unknown accounts and wrong names', () => {
    const add = (who: Person | null, members: Person['account'][]) => chat.code('room.add', who, { room, members });
    expect(add(bob, [carol.account])).toBe('forbidden');
    expect(add(carol, [carol.account])).toBe('no_such_room');
    expect(add(null, [carol.account])).toBe('unauthenticated');
    expect(add(alice, [bob.account])).toBe('already_member');
    expect(add(alice, [])).toBe('invalid_field');
    expect(add(alice, [carol.account, nobody])).toBe('no_such_user');
    const sealedMeta = chat.envelope(bob, room, chat.txn(), 'name');
    expect(chat.code('room.add', alice, { room, members: [carol.account], sealedMeta })).toBe('invalid_envelope');
    expect(chat.code('room.add', alice, { room: nowhere, members: [carol.account] })).toBe('no_such_room');
    expect(roles(room)).toEqual(['alice owner', 'bob member']);
  });

  it('refuses more than 256 devices', () => {
    const crowd = Array.from({ length: 254 }, (_, i) => chat.register(`p${i}`));
    chat.must('room.add', alice, { room, members: crowd.map(({ account }) => account) });
    expect(chat.code('room.add', alice, { room, members: [carol.account] })).toBe('room_too_large');
    const all = [...crowd, bob, carol].map(({ account }) => account);
    expect(chat.code('room.create', alice, { kind: 'group', members: all })).toBe('room_too_large');
  });
});

describe('room.remove', () => {
  let room: RoomId;
  beforeEach(() => {
    room = chat.groupRoom(alice, bob, carol);
  });
  const remove = (who: Person, member: Person) => chat.code('room.remove', who, { room, member: member.account });

  it('shuts the removed account out and asks for a newer roster', () => {
    const before = version(room);
    expect(remove(alice, carol)).toBe('ok');
    expect(version(room)).toBeGreaterThan(before);
    expect(detail(room, carol)).toBeUndefined();
    expect(chat.send(carol, room, 'still here?')).toMatchObject({ code: 'no_such_room' });
    expect(roles(room)).toEqual(['alice owner', 'bob member']);
    expect(chat.events.at(-1)!.event).toMatchObject({
      kind: 'member-removed',
      members: [carol.account],
      by: alice.account,
    });
  });

  it('lets members leave, and the last owner when another was made one, or nobody else is left', () => {
    expect(remove(carol, carol)).toBe('ok');
    expect(remove(alice, alice)).toBe('last_owner');
    chat.must('room.set-role', alice, { room, member: bob.account, role: 'owner' });
    expect(remove(alice, alice)).toBe('ok');
    expect(roles(room, bob)).toEqual(['bob owner']);
    expect(remove(bob, bob)).toBe('ok');
    expect(roomMembers(chat.view, room)).toEqual([]);
    expect(chat.send(bob, room, 'hello?')).toMatchObject({ code: 'no_such_room' });
  });

  it('lets only owner and admins remove others, and nobody the owner', () => {
    expect(remove(bob, carol)).toBe('forbidden');
    expect(remove(bob, alice)).toBe('forbidden');
    const stranger = chat.register('stranger');
    expect(remove(stranger, bob)).toBe('no_such_room');
    expect(remove(alice, stranger)).toBe('no_such_user');
  });

  it('lets who comes back read from the return on', () => {
    chat.send(alice, room, 'one');
    remove(alice, carol);
    chat.send(alice, room, 'two');
    chat.must('room.add', alice, { room, members: [carol.account] });
    expect(membershipIn(chat.view, carol.account, room)).toMatchObject({ joinedSeq: 3 });
  });
});

describe('room.set-meta', () => {
  it('is for any member, with an envelope of this room and device', () => {
    const room = chat.groupRoom(alice, bob);
    const seal = (who: Person, target = room) => chat.envelope(who, target, chat.txn(), 'name');
    const set = (who: Person, sealedMeta: Uint8Array) => chat.code('room.set-meta', who, { room, sealedMeta });
    const sealedMeta = seal(bob);
    expect(set(bob, sealedMeta)).toBe('ok');
    expect(Buffer.from(detail(room)!.sealedMeta!)).toEqual(Buffer.from(sealedMeta));
    expect(chat.events.at(-1)!.event).toMatchObject({ kind: 'room-meta', room, by: bob.account });
    expect(set(alice, seal(bob))).toBe('invalid_envelope');
    expect(set(bob, seal(bob, nowhere))).toBe('invalid_envelope');
    expect(set(bob, bytesFrom('noise'))).toBe('invalid_envelope');
    expect(set(carol, seal(carol))).toBe('no_such_room');
  });
});

describe('questions about rooms', () => {
  it('pages through the rooms of an account', async () => {
    const rooms = [
      chat.directRoom(alice, bob),
      chat.groupRoom(alice),
      chat.groupRoom(bob, alice, carol),
      chat.groupRoom(bob, carol),
    ];
    const mine = rooms.slice(0, 3).toSorted();
    const all = await roomsOf(chat.view, alice.account, { limit: 3 });
    expect(all.rooms.map(({ room }) => room)).toEqual(mine);
    expect(all.next).toBeNull();
    const first = await roomsOf(chat.view, alice.account, { limit: 2 });
    expect(first.rooms.map(({ room }) => room)).toEqual(mine.slice(0, 2));
    const second = await roomsOf(chat.view, alice.account, { limit: 2, after: first.next! });
    expect(second.rooms.map(({ room }) => room)).toEqual(mine.slice(2));
    expect(second.next).toBeNull();
  });

  it('knows who shares a room with whom', async () => {
    const dave = chat.register('dave');
    chat.directRoom(alice, bob);
    chat.groupRoom(alice, carol);
    expect([...(await accountsSharingRooms(chat.view, alice.account))].toSorted()).toEqual(
      [alice, bob, carol].map(({ account }) => account).toSorted(),
    );
    expect([...(await accountsSharingRooms(chat.view, dave.account))]).toEqual([dave.account]);
  });
});
