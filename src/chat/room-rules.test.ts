import { beforeEach, describe, expect, it } from 'vitest';
import { LIMITS } from '../protocol/limits.ts';
import { bytesFrom, ChatHarness } from '../testing/chat-harness.ts';
import { KEYS } from './keys.ts';
import { endOfEntry } from './queries-cursor.ts';
import { eventsSince } from './queries-events.ts';
import { linksInto, roomDetail } from './queries-rooms.ts';
import { findExpired } from './queries-sweep.ts';
import type { Role } from '../protocol/commands.ts';
import type { RoomId, Seq } from '../protocol/ids.ts';
import type { Person } from '../testing/chat-harness.ts';

let chat: ChatHarness;
let owner: Person;
let admin: Person;
let member: Person;
let stranger: Person;
let room: RoomId;

beforeEach(() => {
  chat = new ChatHarness();
  owner = chat.register('owner');
  admin = chat.register('admin');
  member = chat.register('member');
  stranger = chat.register('stranger');
  room = chat.groupRoom(owner, admin, member);
  chat.must('room.set-role', owner, { room, member: admin.account, role: 'admin' });
});

const setRole = (who: Person, whom: Person, role: Role) =>
  chat.code('room.set-role', who, { room, member: whom.account, role });
const mute = (who: Person, whom: Person, forMs: number) =>
  chat.code('room.mute', who, { room, member: whom.account, forMs });
const roles = () => roomDetail(chat.view, owner.account, room)!.members.map(({ name, role }) => `${name} ${role}`);
const codeOf = (result: ReturnType<ChatHarness['send']>) => (result.ok ? 'ok' : result.code);
const eventsOf = async (who: Person, index: number) => {
  const page = await eventsSince(chat.view, { account: who.account, after: endOfEntry(index), limit: 50 });
  return page.recovered ? page.events.map(({ event }) => event) : [];
};

describe('room.set-role', () => {
  it('is for owners, who may be several, and never leaves members without one', async () => {
    const before = chat.view.appliedIndex;
    expect(setRole(admin, member, 'admin')).toBe('forbidden');
    expect(setRole(member, member, 'owner')).toBe('forbidden');
    expect(setRole(owner, owner, 'member')).toBe('last_owner');
    expect(setRole(owner, stranger, 'admin')).toBe('no_such_user');
    expect(setRole(owner, member, 'owner')).toBe('ok');
    expect(setRole(member, owner, 'admin')).toBe('ok');
    expect(roles()).toEqual(['owner admin', 'admin admin', 'member owner']);
    expect(await eventsOf(admin, before)).toMatchObject([
      { kind: 'member-changed', account: member.account, role: 'owner', by: owner.account },
      { kind: 'member-changed', account: owner.account, role: 'admin', by: member.account },
    ]);
  });

  it('asks nobody to encrypt anew', () => {
    const version = () => roomDetail(chat.view, owner.account, room)!.rosterVersion;
    const before = version();
    setRole(owner, member, 'admin');
    mute(owner, member, 60_000);
    expect(version()).toBe(before);
  });

  it('does not exist between two', () => {
    const direct = chat.directRoom(owner, member);
    const body = { room: direct, member: member.account };
    expect(chat.code('room.set-role', owner, { ...body, role: 'admin' })).toBe('not_a_group');
    expect(chat.code('room.mute', owner, { ...body, forMs: 60_000 })).toBe('not_a_group');
    expect(chat.code('room.archive', owner, { room: direct, archived: true })).toBe('not_a_group');
  });
});

describe('room.mute', () => {
  it('keeps a member from writing until its time is over, or it is lifted', () => {
    expect(mute(admin, member, 60_000)).toBe('ok');
    expect(chat.send(member, room, 'hm')).toMatchObject({ code: 'muted', data: { until: chat.stampMs + 60_000 } });
    chat.wait(60_000);
    expect(codeOf(chat.send(member, room, 'again'))).toBe('ok');
    mute(admin, member, 60_000);
    mute(owner, member, 0);
    expect(codeOf(chat.send(member, room, 'and again'))).toBe('ok');
  });

  it('is for who outranks the member', () => {
    expect(mute(member, admin, 1)).toBe('forbidden');
    expect(mute(admin, owner, 1)).toBe('forbidden');
    expect(mute(admin, admin, 1)).toBe('forbidden');
    expect(mute(owner, owner, 1)).toBe('forbidden');
    expect(mute(owner, admin, 1)).toBe('ok');
    expect(mute(owner, stranger, 1)).toBe('no_such_user');
  });

  it('lets the muted read, and is seen', () => {
    mute(admin, member, 60_000);
    const shown = roomDetail(chat.view, member.account, room)!.members.find(({ name }) => name === 'member');
    expect(shown!.mutedUntil).toBe(chat.stampMs + 60_000);
    expect(chat.events.at(-1)!.event).toMatchObject({ kind: 'member-changed', mutedUntil: chat.stampMs + 60_000 });
  });

  it('ends with the membership', () => {
    mute(admin, member, 60_000);
    chat.must('room.remove', owner, { room, member: member.account });
    chat.must('room.add', owner, { room, members: [member.account] });
    expect(codeOf(chat.send(member, room, 'fresh'))).toBe('ok');
  });
});

describe('room.archive', () => {
  it('closes a room for writing until it is opened again', () => {
    expect(chat.code('room.archive', member, { room, archived: true })).toBe('forbidden');
    chat.must('room.archive', admin, { room, archived: true });
    expect(roomDetail(chat.view, member.account, room)!.archived).toBe(true);
    expect(codeOf(chat.send(owner, room, 'hm'))).toBe('room_archived');
    expect(chat.events.at(-1)!.event).toMatchObject({ kind: 'room-archived', archived: true, by: admin.account });
    const events = chat.events.length;
    chat.must('room.archive', owner, { room, archived: true });
    expect(chat.events).toHaveLength(events);
    chat.must('room.archive', owner, { room, archived: false });
    expect(codeOf(chat.send(owner, room, 'hm'))).toBe('ok');
  });
});

describe('room.pin', () => {
  const pin = (who: Person, seq: number, pinned = true) =>
    chat.code('room.pin', who, { room, seq: seq as Seq, pinned });
  const pins = (who = owner) => roomDetail(chat.view, who.account, room)!.pins.map(({ seq }) => seq);

  it('keeps messages in sight, in order, once each', () => {
    for (const text of ['a', 'b', 'c']) chat.send(owner, room, text);
    expect([pin(member, 3), pin(owner, 1), pin(admin, 3)]).toEqual(['ok', 'ok', 'ok']);
    expect(pins()).toEqual([3, 1]);
    expect(chat.events.at(-1)!.event).toMatchObject({ kind: 'pins-changed', seq: 1, pinned: true, by: owner.account });
    expect(pin(owner, 3, false)).toBe('ok');
    expect(pins()).toEqual([1]);
    expect(pin(owner, 9)).toBe('no_such_message');
    expect(pin(stranger, 1)).toBe('no_such_room');
  });

  it('goes with the message', () => {
    chat.send(owner, room, 'a');
    pin(owner, 1);
    chat.must('message.delete', owner, { room, seq: 1 as Seq });
    expect(pins()).toEqual([]);
    expect(pin(owner, 1)).toBe('no_such_message');
  });

  it('shows nobody what was before them', () => {
    chat.send(owner, room, 'a');
    pin(owner, 1);
    chat.must('room.add', owner, { room, members: [stranger.account] });
    expect(pins(stranger)).toEqual([]);
    expect(pin(stranger, 1)).toBe('no_such_message');
  });

  it('is bounded', () => {
    for (let i = 1; i <= LIMITS.pinsPerRoomMax; i++) {
      chat.send(owner, room, `m${i}`);
      expect(pin(owner, i)).toBe('ok');
    }
    chat.send(owner, room, 'more');
    expect(pin(owner, LIMITS.pinsPerRoomMax + 1)).toBe('too_many');
  });
});

describe('links into a room', () => {
  const secretHash = bytesFrom('secret');
  const link = { usesMax: 2, ttlMs: 3_600_000 };
  const create = (who: Person, hash = secretHash, more = link) =>
    chat.code('room.create-link', who, { room, secretHash: hash, ...more });
  const join = (who: Person, hash = secretHash) => chat.code('room.join', who, { room, secretHash: hash });

  it('let people in as often as they were made for, from then on', () => {
    chat.send(owner, room, 'before');
    expect(create(member)).toBe('forbidden');
    expect(create(admin)).toBe('ok');
    expect(join(stranger, bytesFrom('guess'))).toBe('no_such_link');
    expect(join(stranger)).toBe('ok');
    expect(roles()).toContain('stranger member');
    expect(roomDetail(chat.view, stranger.account, room)).toMatchObject({ joinedSeq: 2 });
    expect(chat.events.at(-1)!.event).toMatchObject({ kind: 'members-added', members: [stranger.account] });
    expect(codeOf(chat.send(stranger, room, 'hello'))).toBe('ok');
    expect(join(stranger)).toBe('already_member');
    expect(join(chat.register('second'))).toBe('ok');
    expect(join(chat.register('third'))).toBe('no_such_link');
  });

  it('end with their time, and leave nothing behind', async () => {
    create(owner);
    chat.wait(link.ttlMs);
    expect(join(stranger)).toBe('no_such_link');
    const keys = await findExpired(chat.view, chat.stampMs, 100);
    chat.must('state.sweep', null, { keys });
    expect(chat.view.get(KEYS.link(room, secretHash))).toBeUndefined();
    expect(await linksInto(chat.view, owner.account, room)).toEqual([]);
  });

  it('are listed for owner and admins, and revoked by them', async () => {
    create(owner);
    expect(await linksInto(chat.view, admin.account, room)).toMatchObject([{ by: owner.account, usesLeft: 2 }]);
    expect(await linksInto(chat.view, member.account, room)).toBeUndefined();
    expect(chat.code('room.revoke-link', member, { room, secretHash })).toBe('forbidden');
    expect(chat.code('room.revoke-link', admin, { room, secretHash })).toBe('ok');
    expect(chat.code('room.revoke-link', admin, { room, secretHash })).toBe('no_such_link');
    expect(join(stranger)).toBe('no_such_link');
  });

  it('are bounded in number and time, and free their place', () => {
    const hashes = Array.from({ length: LIMITS.linksPerRoomMax }, (_, i) => bytesFrom(`link ${i}`));
    for (const hash of hashes) expect(create(owner, hash, { ...link, usesMax: 1 })).toBe('ok');
    expect(create(owner)).toBe('too_many');
    expect(create(owner, hashes[0])).toBe('invalid_field');
    expect(create(owner, bytesFrom('x'), { ...link, ttlMs: LIMITS.linkTtlMsMax + 1 })).toBe('invalid_field');
    expect(join(stranger, hashes[0])).toBe('ok');
    expect(create(owner)).toBe('ok');
  });

  it('lead into no room of two', () => {
    const direct = chat.directRoom(owner, member);
    expect(chat.code('room.create-link', owner, { room: direct, secretHash, ...link })).toBe('not_a_group');
  });
});
