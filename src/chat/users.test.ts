import { beforeEach, describe, expect, it } from 'vitest';
import { LIMITS } from '../protocol/limits.ts';
import { bytesFrom, ChatHarness, recordFrom } from '../testing/chat-harness.ts';
import { accountByName, listAccounts } from './queries-accounts.ts';
import { auditPage } from './queries-audit.ts';
import { bansPage, banOf, registrationPolicy, serverAdmins } from './queries-admin.ts';
import { messagesPage } from './queries-messages.ts';
import { roomDetail, roomsOf } from './queries-rooms.ts';
import { sessionsOf } from './queries-sessions.ts';
import { findExpired } from './queries-sweep.ts';
import type { AccountName, RoomId } from '../protocol/ids.ts';
import type { Person } from '../testing/chat-harness.ts';

let chat: ChatHarness;
let ann: Person;
let bob: Person;
let cay: Person;

beforeEach(() => {
  chat = new ChatHarness();
  [ann, bob, cay] = ['ann', 'bob', 'cay'].map((name) => chat.register(name)) as [Person, Person, Person];
});

const grant = (who: Person, granted = true): unknown =>
  chat.must('server.set-admin', null, { account: who.account, granted });
const ban = (who: Person, forMs: number | null = null, by: Person | null = null) =>
  chat.run('user.ban', by, { account: who.account, reason: 'spam', forMs });
const loginCode = (who: Person) => {
  const txnId = chat.txn();
  return chat.code('session.create', null, chat.sessionBody(who.account, who.device, txnId), txnId);
};
const sweep = async (): Promise<number> => {
  const keys = await findExpired(chat.view, chat.stampMs, 500);
  return keys.length === 0 ? 0 : chat.must('state.sweep', null, { keys }).removed;
};
const sweepAll = async (): Promise<number> => {
  let sweeps = 0;
  while ((await sweep()) > 0) sweeps += 1;
  return sweeps;
};
const told = async (what: string) =>
  (await auditPage(chat.view, { what, reverse: false, limit: 500 })).rows.map(({ act }) => act);

describe('admins of the server', () => {
  it('are made by who holds an admin token, and then by each other; nobody is one by being first', async () => {
    expect(serverAdmins(chat.view)).toEqual([]);
    const makeCay = { account: cay.account, granted: true };
    expect(chat.code('server.set-admin', ann, makeCay)).toBe('forbidden');
    grant(ann);
    chat.must('server.set-admin', ann, makeCay);
    chat.must('server.set-admin', cay, { account: ann.account, granted: false });
    expect(serverAdmins(chat.view)).toEqual([cay.account]);
    expect(chat.code('server.set-admin', ann, makeCay)).toBe('forbidden');
    chat.must('session.revoke', cay, { session: cay.session });
    expect(chat.code('user.unban', cay, { account: ann.account })).toBe('session_revoked');
    expect(await told('admin')).toEqual(['admin.added', 'admin.added', 'admin.removed']);
  });

  it('may be so many', () => {
    for (let i = 0; i < LIMITS.serverAdminsMax; i++) grant(chat.register(`p${i}`));
    expect(chat.code('server.set-admin', null, { account: ann.account, granted: true })).toBe('too_many');
  });
});

describe('registration', () => {
  const register = (name: string, extra: object = {}) =>
    chat.code('account.register', null, {
      name: name as AccountName,
      userKey: bytesFrom(`user ${name}`),
      device: recordFrom(`${name}/1`),
      ...extra,
    });

  it('is as nodes were started until the cluster has a policy, which holds whatever they were started with', async () => {
    expect(registrationPolicy(chat.view)).toBeUndefined();
    expect(register('dan', { policy: 'closed' })).toBe('registration_closed');
    expect(register('dan', { policy: 'invite' })).toBe('invite_required');
    expect(register('dan')).toBe('ok');
    expect(chat.code('server.set-registration', ann, { policy: 'closed' })).toBe('forbidden');
    chat.must('server.set-registration', null, { policy: 'closed' });
    expect(register('eve', { policy: 'open' })).toBe('registration_closed');
    // A repetition of what succeeded is no new registration.
    expect(register('dan')).toBe('ok');
    chat.must('server.set-registration', null, { policy: 'invite' });
    expect(register('eve', { policy: 'open' })).toBe('invite_required');
    chat.must('invite.create', null, { inviteHash: bytesFrom('i'), ttlMs: 60_000 });
    expect(register('eve', { inviteHash: bytesFrom('i') })).toBe('ok');
    chat.must('server.set-registration', null, { policy: 'open' });
    chat.must('server.set-registration', null, { policy: 'open' });
    expect(register('fay', { policy: 'closed' })).toBe('ok');
    expect(await told('server')).toHaveLength(3);
  });
});

describe('a ban', () => {
  it('ends all sessions of the account at once, and refuses new ones, saying why', async () => {
    const phone = chat.enrol(ann, '2');
    expect(ban(ann, null, bob)).toMatchObject({ code: 'forbidden' });
    chat.events.length = 0;
    expect(ban(ann)).toMatchObject({ ok: true, value: { until: null } });
    const ended = chat.events.flatMap(({ event }) => (event.kind === 'session-ended' ? event.session : []));
    expect(ended.toSorted()).toEqual([ann.session, phone.session].toSorted());
    expect(sessionsOf(chat.view, ann.account, chat.stampMs)).toEqual([]);
    expect(chat.code('room.create', ann, { kind: 'group', members: [] })).toBe('session_revoked');
    const txnId = chat.txn();
    const refused = chat.run('session.create', null, chat.sessionBody(ann.account, ann.device, txnId), txnId);
    expect(refused).toMatchObject({ code: 'account_banned', data: { reason: 'spam', until: null } });
    expect(refused.ok ? '' : refused.detail).toContain('spam');
    chat.must('user.unban', null, { account: ann.account });
    expect(chat.code('user.unban', null, { account: ann.account })).toBe('not_banned');
    expect(loginCode(ann)).toBe('ok');
    expect(await told('user')).toEqual(['user.banned', 'user.unbanned']);
  });

  it('ends by the time of the leader, swept or not; the newest one counts', async () => {
    ban(ann, 5_000);
    ban(ann, 10_000);
    chat.wait(5_000);
    await sweepAll();
    expect(loginCode(ann)).toBe('account_banned');
    expect(banOf(chat.view, ann.account, chat.stampMs)).toMatchObject({ reason: 'spam' });
    chat.wait(5_000);
    expect(banOf(chat.view, ann.account, chat.stampMs)).toBeUndefined();
    expect(loginCode(ann)).toBe('ok');
    await sweepAll();
    expect([...chat.view.rows.keys()].filter((key) => key.startsWith('X/'))).toEqual([]);
  });

  it('does not reach admins of the server', () => {
    grant(ann);
    grant(bob);
    expect(ban(ann, null, bob)).toMatchObject({ code: 'is_admin' });
    expect(chat.code('user.set-active', bob, { account: ann.account, active: false })).toBe('is_admin');
    expect(chat.code('user.delete', bob, { account: ann.account, messages: false })).toBe('is_admin');
    grant(ann, false);
    expect(ban(ann, null, bob)).toMatchObject({ ok: true });
  });

  it('is listed page by page', async () => {
    for (const who of [ann, bob, cay]) ban(who);
    const order = [ann, bob, cay].map(({ account }) => account).toSorted();
    const first = await bansPage(chat.view, chat.stampMs, { limit: 2 });
    expect(first.bans.map(({ account }) => account)).toEqual(order.slice(0, 2));
    const second = await bansPage(chat.view, chat.stampMs, { limit: 2, after: first.next! });
    expect([second.bans.map(({ account }) => account), second.next]).toEqual([order.slice(2), null]);
  });
});

describe('deactivation', () => {
  it('keeps an account out and out of sight, until it is taken back', async () => {
    chat.must('user.set-active', null, { account: ann.account, active: false });
    expect(loginCode(ann)).toBe('account_deactivated');
    const names = async () => (await listAccounts(chat.view, { limit: 10 })).accounts.map(({ name }) => name);
    expect(await names()).toEqual(['bob', 'cay']);
    expect(accountByName(chat.view, 'ann')).toMatchObject({ state: 'deactivated' });
    chat.must('user.set-active', null, { account: ann.account, active: true });
    expect(loginCode(ann)).toBe('ok');
    expect(await names()).toEqual(['ann', 'bob', 'cay']);
  });
});

describe('deletion', () => {
  const goneIn = async (room: RoomId, reader: Person) =>
    (await messagesPage(chat.view, { account: reader.account, room, after: 0, limit: 500 }))!.messages.map(
      ({ gone, from }) => `${from === ann.account ? 'ann' : 'other'} ${gone ?? 'there'}`,
    );

  it('takes sessions, devices and keys at once; the name stays taken, and nobody is in touch with it', async () => {
    const phone = chat.enrol(ann, '2');
    expect(chat.code('user.delete', bob, { account: ann.account, messages: false })).toBe('forbidden');
    chat.must('user.delete', ann, { account: ann.account, messages: false });
    expect(accountByName(chat.view, 'ann')).toMatchObject({ state: 'deleted', devices: [] });
    expect(chat.code('room.create', phone, { kind: 'group', members: [] })).toBe('session_revoked');
    expect(loginCode(ann)).toBe('account_deleted');
    const device = recordFrom('ann/1');
    const again = { name: 'ann' as AccountName, userKey: ann.userKey, device };
    expect(chat.code('account.register', null, again)).toBe('account_deleted');
    expect(chat.code('account.register', null, { ...again, name: 'anna' as AccountName })).toBe('account_deleted');
    expect(chat.code('account.register', null, { ...again, userKey: bytesFrom('new') })).toBe('login_exists');
    expect(chat.code('room.create', bob, { kind: 'direct', members: [ann.account] })).toBe('no_such_user');
    expect(chat.code('user.set-active', null, { account: ann.account, active: true })).toBe('no_such_user');
    expect((await listAccounts(chat.view, { limit: 10 })).accounts.map(({ name }) => name)).toEqual(['bob', 'cay']);
  });

  it('leaves what was written where it is, and every room: somebody else owns those that were its own', async () => {
    const room = chat.groupRoom(ann, bob, cay);
    chat.must('room.set-role', ann, { room, member: cay.account, role: 'admin' });
    const direct = chat.directRoom(ann, bob);
    chat.send(ann, room, 'one');
    chat.send(bob, room, 'two');
    chat.send(ann, direct, 'three');
    chat.must('user.delete', null, { account: ann.account, messages: false });
    // Nothing more is encrypted for it, from here on.
    expect(chat.send(bob, room, 'four')).toMatchObject({ ok: true });
    await sweepAll();
    expect(roomDetail(chat.view, bob.account, room)!.members.map(({ name, role }) => [name, role])).toEqual([
      ['bob', 'member'],
      ['cay', 'owner'],
    ]);
    expect(await goneIn(room, bob)).toEqual(['ann there', 'other there', 'other there']);
    expect(await goneIn(direct, bob)).toEqual(['ann there']);
    expect(roomDetail(chat.view, bob.account, direct)).toMatchObject({ archived: true });
    expect(chat.send(bob, direct, 'five')).toMatchObject({ code: 'room_archived' });
    expect((await roomsOf(chat.view, ann.account, { limit: 10 })).rooms).toEqual([]);
    expect([...chat.view.rows.keys()].filter((key) => /^(Z|j|d)\/A/.test(key) && key.includes(ann.account))).toEqual(
      [],
    );
    expect(chat.send(bob, room, 'six')).toMatchObject({ ok: true });
  });

  it('takes all that was written along where that is wished, in steps of bounded size, room by room', async () => {
    const rooms = [chat.groupRoom(ann, bob), chat.groupRoom(bob, ann), chat.directRoom(ann, bob)];
    for (const room of rooms) for (let i = 0; i < 450; i++) chat.send(i % 3 === 0 ? bob : ann, room, `m${i}`);
    chat.must('user.delete', ann, { account: ann.account, messages: true });
    let steps = 0;
    for (chat.events.length = 0; (await sweep()) > 0; chat.events.length = 0) {
      steps += 1;
      const gone = chat.events.flatMap(({ event }) => (event.kind === 'messages-gone' ? event.seqs : []));
      expect(gone.length).toBeLessThanOrEqual(2 * 256);
    }
    expect(steps).toBeGreaterThan(3);
    for (const room of rooms) {
      const all = await goneIn(room, bob);
      expect(all.filter((text) => text === 'other there')).toHaveLength(150);
      expect(all.filter((text) => text === 'ann there')).toEqual([]);
    }
    expect((await roomsOf(chat.view, ann.account, { limit: 10 })).rooms).toEqual([]);
    expect([...chat.view.rows.keys()].filter((key) => key.startsWith('Z/') || key.includes('/Z/'))).toEqual([]);
  });

  it('goes on although the room that was looked through was left meanwhile, and lets others be swept', async () => {
    const big = chat.groupRoom(bob, ann);
    const small = chat.groupRoom(bob, ann);
    for (let i = 0; i < 300; i++) chat.send(ann, big, `m${i}`);
    chat.send(ann, small, 'one');
    ban(cay, 1);
    chat.must('user.delete', ann, { account: ann.account, messages: true });
    await sweep();
    const left = (await roomsOf(chat.view, ann.account, { limit: 10 })).rooms.map(({ room }) => room);
    if (left.includes(big)) chat.must('room.remove', bob, { room: big, member: ann.account });
    chat.wait(10);
    await sweepAll();
    expect(await goneIn(small, bob)).toEqual(['ann deleted']);
    expect([...chat.view.rows.keys()].filter((key) => /^[XZ]\//.test(key))).toEqual([]);
  });
});
