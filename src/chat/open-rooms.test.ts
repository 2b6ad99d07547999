import { beforeEach, describe, expect, it } from 'vitest';
import { isOpenRoom } from '../protocol/ids.ts';
import { LIMITS } from '../protocol/limits.ts';
import {
  bytesFrom,
  ChatHarness,
  envelopeBytes,
  openEnvelopeBytes,
  openNameBytes,
  TEST_CLUSTER,
} from '../testing/chat-harness.ts';
import { eventsSince } from './queries-events.ts';
import { openRooms } from './queries-open-rooms.ts';
import { accountsSharingRooms, audienceOf, membersPage, roomDetail, roomsOf } from './queries-rooms.ts';
import { startOfEntry } from './queries-cursor.ts';
import type { AccountId, RoomId } from '../protocol/ids.ts';
import type { Person } from '../testing/chat-harness.ts';

let chat: ChatHarness;
let alice: Person;
let bob: Person;
let carol: Person;
beforeEach(() => {
  chat = new ChatHarness();
  [alice, bob, carol] = ['alice', 'bob', 'carol'].map((name) => chat.register(name)) as [Person, Person, Person];
});

const join = (who: Person, room: RoomId): string => chat.code('room.join', who, { room });

async function listed(room: RoomId, limit = 100, who: Person = alice): Promise<string[]> {
  const lines: string[] = [];
  for (let after = 0; ;) {
    const page = (await membersPage(chat.view, who.account, room, { after, limit }))!;
    lines.push(...page.members.map(({ name, role }) => `${name} ${role}`));
    if (page.next === null) return lines;
    after = page.next;
  }
}

const found = async (query: string): Promise<string[]> =>
  (await openRooms(chat.view, { query, after: '', limit: 100 })).rooms.map(({ name }) => name);

describe('an open room', () => {
  it('is joined by anybody, written in clear, and says so by its id', async () => {
    const room = chat.openRoom(alice, 'Town Hall');
    expect(isOpenRoom(room)).toBe(true);
    expect(chat.send(bob, room, 'early')).toMatchObject({ ok: false, code: 'no_such_room' });
    expect(join(bob, room)).toBe('ok');
    expect(join(bob, room)).toBe('already_member');
    expect(chat.send(bob, room, 'hello')).toMatchObject({ ok: true, value: { seq: 1 } });
    expect(join(carol, room)).toBe('ok');
    expect(await listed(room)).toEqual(['alice owner', 'bob member', 'carol member']);
    expect(roomDetail(chat.view, carol.account, room)).toMatchObject({
      kind: 'open',
      joinedSeq: 2,
      memberCount: 3,
      members: [],
      namedBy: 'alice',
    });
  });

  it('takes nothing that is sealed, and a sealed room nothing in clear', () => {
    const open = chat.openRoom(alice, 'Town Hall');
    const group = chat.groupRoom(alice, bob);
    const recipients = [{ device: alice.device, keyHash: bytesFrom('key') }];
    for (const [room, changes] of [
      [open, { recipients }],
      [open, { rosterVersion: 1 }],
      [open, { keyCommitment: bytesFrom('a key') }],
    ] as const) {
      const txnId = chat.txn();
      const header = {
        cluster: TEST_CLUSTER,
        room,
        rosterVersion: 0,
        sender: alice.device,
        txnId,
        contentTag: bytesFrom('x'),
        recipients: [],
        keyCommitment: new Uint8Array(32),
        senderCounter: 1,
        ...changes,
      };
      expect(chat.code('message.send', alice, { room, envelope: envelopeBytes(header) }, txnId)).toBe(
        'invalid_envelope',
      );
    }
    const txnId = chat.txn();
    const clear = openEnvelopeBytes({ room: group, sender: alice.device, txnId }, bytesFrom('clear'));
    expect(chat.code('message.send', alice, { room: group, envelope: clear }, txnId)).toBe('stale_devices');
  });

  it('has a name that all can read', () => {
    const txnId = chat.txn();
    const body = { kind: 'open', members: [] } as const;
    expect(chat.code('room.create', alice, body, txnId)).toBe('invalid_field');
    const room = chat.openRoom(alice, 'Town Hall', bob);
    const sealed = chat.envelope(alice, chat.groupRoom(alice), chat.txn(), 'x', { room });
    expect(chat.code('room.set-meta', alice, { room, sealedMeta: sealed })).toBe('invalid_envelope');
    const named = openNameBytes(bob, room, 'Mine');
    expect(chat.code('room.set-meta', bob, { room, sealedMeta: named })).toBe('forbidden');
  });

  it('is found by the words of its name, until it is renamed, archived or purged', async () => {
    const hall = chat.openRoom(alice, 'Town Hall');
    chat.openRoom(bob, 'Halloween');
    chat.groupRoom(alice, bob);
    expect((await found('')).toSorted()).toEqual(['Halloween', 'Town Hall']);
    expect((await found('HALL')).toSorted()).toEqual(['Halloween', 'Town Hall']);
    expect(await found('town h')).toEqual(['Town Hall']);
    expect(await found('own')).toEqual([]);
    chat.must('room.set-meta', alice, { room: hall, sealedMeta: openNameBytes(alice, hall, 'Village Green') });
    expect(await found('hall')).toEqual(['Halloween']);
    expect(await found('green')).toEqual(['Village Green']);
    chat.must('room.archive', alice, { room: hall, archived: true });
    expect(await found('green')).toEqual([]);
    chat.must('room.archive', alice, { room: hall, archived: false });
    chat.must('room.purge', null, { room: hall });
    expect(await found('')).toEqual(['Halloween']);
    expect(await found('green')).toEqual([]);
    expect(join(carol, hall)).toBe('room_archived');
  });

  it('pages through what is found', async () => {
    for (let i = 0; i < 7; i++) chat.openRoom(alice, `Room ${i}`);
    for (const query of ['', 'room']) {
      const names: string[] = [];
      for (let after = ''; ;) {
        const { rooms, next } = await openRooms(chat.view, { query, after, limit: 3 });
        names.push(...rooms.map(({ name }) => name));
        if (next === null) break;
        after = next;
      }
      expect(names.toSorted()).toEqual(Array.from({ length: 7 }, (_, i) => `Room ${i}`));
    }
  });

  it('does not let back in who was taken out, nor unmutes who leaves', () => {
    const room = chat.openRoom(alice, 'Town Hall', bob);
    chat.must('room.remove', alice, { room, member: bob.account });
    expect(join(bob, room)).toBe('forbidden');
    chat.must('room.add', alice, { room, members: [bob.account] });
    chat.must('room.mute', alice, { room, member: bob.account, forMs: 60_000 });
    chat.must('room.remove', bob, { room, member: bob.account });
    expect(join(bob, room)).toBe('ok');
    expect(chat.send(bob, room, 'and now?')).toMatchObject({ ok: false, code: 'muted' });
  });

  it('tells of joining and leaving only those who do, live and to who resumes', async () => {
    const room = chat.openRoom(alice, 'Town Hall');
    const since = startOfEntry(chat.view.appliedIndex + 1);
    const from = chat.events.length;
    join(bob, room);
    chat.must('room.set-role', alice, { room, member: bob.account, role: 'admin' });
    chat.must('room.remove', bob, { room, member: bob.account });
    chat.enrol(bob, '2');
    const changes = chat.events.slice(from).filter(({ event }) => 'room' in event || event.kind === 'devices-changed');
    expect(changes.map(({ event }) => event.kind)).toEqual([
      'members-added',
      'member-changed',
      'member-removed',
      'devices-changed',
    ]);
    for (const placed of changes) expect(await audienceOf(chat.view, placed)).toEqual([bob.account]);
    expect([...(await accountsSharingRooms(chat.view, alice.account))]).toEqual([alice.account]);
    const seen = async (account: AccountId): Promise<string[]> => {
      const page = await eventsSince(chat.view, { account, after: since, limit: 100 });
      return page.recovered ? page.events.map(({ event }) => event.kind) : ['lost'];
    };
    expect(await seen(alice.account)).toEqual([]);
    expect(await seen(bob.account)).toEqual(expect.arrayContaining(changes.map(({ event }) => event.kind)));
  });

  it('tells how far somebody has read only to their own devices', async () => {
    const room = chat.openRoom(alice, 'Town Hall', bob);
    chat.send(alice, room, 'one');
    chat.must('receipt.mark', null, { marks: [{ account: bob.account, room, delivered: 1, read: 1 }] });
    expect(await audienceOf(chat.view, chat.events.at(-1)!)).toEqual([bob.account]);
  });

  it('is given away when its only owner is deleted', async () => {
    const room = chat.openRoom(alice, 'Town Hall', bob, carol);
    chat.must('user.delete', alice, { account: alice.account, messages: false });
    chat.must('state.sweep', null, { keys: [`j/${alice.account}/${room}`] });
    expect(await listed(room, 1, bob)).toEqual(['bob owner', 'carol member']);
  });
});

describe('the members of a room', () => {
  it('are listed in the order in which they joined, whoever comes and goes between two pages', async () => {
    const people = Array.from({ length: 9 }, (_, i) => chat.register(`p${i}`));
    const room = chat.openRoom(alice, 'Town Hall', ...people);
    const first = (await membersPage(chat.view, alice.account, room, { after: 0, limit: 4 }))!;
    expect(first.members.map(({ name }) => name)).toEqual(['alice', 'p0', 'p1', 'p2']);
    // The last one shown, the next one, and the very last go; one comes back, at the end.
    for (const i of [2, 3, 8]) chat.must('room.remove', people[i]!, { room, member: people[i]!.account });
    join(people[3]!, room);
    const rest = (await membersPage(chat.view, alice.account, room, { after: first.next!, limit: 100 }))!;
    expect(rest.members.map(({ name }) => name)).toEqual(['p4', 'p5', 'p6', 'p7', 'p3']);
    expect(await listed(room, 2)).toEqual([
      'alice owner',
      ...['p0', 'p1', 'p4', 'p5', 'p6', 'p7', 'p3'].map((n) => `${n} member`),
    ]);
    expect(await membersPage(chat.view, bob.account, room, { after: 0, limit: 4 })).toBeUndefined();
  });

  it('of a group are bounded by devices, owners and admins by their number', () => {
    const group = chat.groupRoom(alice);
    for (let i = 0; i < LIMITS.staffPerRoomMax; i++) {
      const person = chat.register(`s${i}`);
      chat.must('room.add', alice, { room: group, members: [person.account] });
      const role = { room: group, member: person.account, role: 'admin' } as const;
      expect(chat.code('room.set-role', alice, role)).toBe(i < LIMITS.staffPerRoomMax - 1 ? 'ok' : 'too_many');
    }
  });
});

it('costs the same in a room of many as in one of few', async () => {
  const small = chat.openRoom(alice, 'Small', bob);
  const large = chat.openRoom(alice, 'Large', bob);
  const people = Array.from({ length: 1_200 }, (_, i) => chat.register(`many${i}`));
  for (const person of people) expect(join(person, large)).toBe('ok');
  const costs = (act: () => void): number => {
    const { view } = chat;
    const before = view.gets + view.puts;
    act();
    return view.gets + view.puts - before;
  };
  const both = (act: (room: RoomId) => void): [number, number] => [costs(() => act(small)), costs(() => act(large))];
  const isBounded = ([few, many]: [number, number]): void => expect(many).toBeLessThanOrEqual(few + 4);
  isBounded(both((room) => expect(chat.send(bob, room, `text ${room}`)).toMatchObject({ ok: true })));
  isBounded(both((room) => expect(join(carol, room)).toBe('ok')));
  isBounded(both((room) => chat.must('room.set-role', alice, { room, member: carol.account, role: 'admin' })));
  isBounded(both((room) => chat.must('room.remove', bob, { room, member: bob.account })));
  isBounded(both((room) => expect(roomDetail(chat.view, alice.account, room)).toBeDefined()));

  const before = chat.view.gets + chat.view.rangedRows;
  expect((await membersPage(chat.view, alice.account, large, { after: 600, limit: 10 }))!.members).toHaveLength(10);
  expect(chat.view.gets + chat.view.rangedRows - before).toBeLessThan(60);
  expect((await roomsOf(chat.view, alice.account, { limit: 10 })).rooms.map(({ memberCount }) => memberCount)).toEqual(
    expect.arrayContaining([2, 1_202]),
  );
});
