import { beforeEach, describe, expect, it } from 'vitest';
import { LIMITS } from '../protocol/limits.ts';
import { ChatHarness } from '../testing/chat-harness.ts';
import { lockByName, locksOf } from './queries-locks.ts';
import { findExpired } from './queries-sweep.ts';
import type { LockName } from '../protocol/ids.ts';
import type { Person } from '../testing/chat-harness.ts';

const NAME = 'deploy' as LockName;
const TTL_MS = 10_000;
const WAIT_MS = 60_000;

let chat: ChatHarness;
let ann: Person;
let bob: Person;
let cay: Person;

beforeEach(() => {
  chat = new ChatHarness();
  [ann, bob, cay] = ['ann', 'bob', 'cay'].map((name) => chat.register(name)) as [Person, Person, Person];
});

const take = (who: Person, waitMs = 0, name = NAME) => chat.run('lock.acquire', who, { name, ttlMs: TTL_MS, waitMs });
const holder = (name = NAME) => lockByName(chat.view, name, chat.stampMs)?.holder;
const tokenOf = (who: Person, waitMs = 0): number => {
  const result = take(who, waitMs);
  if (!result.ok || result.value.token === null) throw new Error('not granted');
  return result.value.token;
};
const sweep = async (): Promise<void> => {
  chat.must('state.sweep', null, { keys: await findExpired(chat.view, chat.stampMs, 100) });
};
const told = () =>
  chat.events.flatMap(({ event }) =>
    event.kind === 'lock-granted' || event.kind === 'lock-lost' ? [`${event.kind} ${event.token}`] : [],
  );

describe('a lock', () => {
  it('has one holder, and says how long its lease still lasts', () => {
    expect(take(ann)).toMatchObject({
      ok: true,
      value: { state: 'held', token: 1, expiresAt: chat.stampMs + TTL_MS, position: 0 },
    });
    chat.wait(4_000);
    expect(take(bob)).toMatchObject({ ok: false, code: 'lock_held', data: { leftMs: 6_000 } });
    expect(holder()).toMatchObject({ session: ann.session, token: 1 });
  });

  it('is renewed, not granted again, to the session that holds it', () => {
    tokenOf(ann);
    chat.wait(4_000);
    expect(tokenOf(ann)).toBe(1);
    chat.wait(4_000);
    chat.must('lock.renew', ann, { name: NAME, token: 1, ttlMs: TTL_MS });
    chat.wait(9_999);
    expect(take(bob)).toMatchObject({ code: 'lock_held' });
    const elsewhere = chat.login(ann);
    expect(take(elsewhere)).toMatchObject({ code: 'lock_held' });
  });

  it('goes to the next when the lease is over, with a greater token; the former holder cannot renew it', () => {
    tokenOf(ann);
    chat.wait(TTL_MS);
    expect(holder()).toBeUndefined();
    expect(tokenOf(bob)).toBe(2);
    expect(chat.code('lock.renew', ann, { name: NAME, token: 1, ttlMs: TTL_MS })).toBe('lock_lost');
    expect(chat.code('lock.release', ann, { name: NAME, token: 1 })).toBe('lock_lost');
    expect(chat.code('lock.renew', bob, { name: NAME, token: 1, ttlMs: TTL_MS })).toBe('lock_lost');
    expect(told()).toEqual(['lock-lost 1']);
    expect(holder()).toMatchObject({ session: bob.session });
  });

  it('never gives a token twice, also when it was free for long, and for other names', () => {
    expect(tokenOf(ann)).toBe(1);
    chat.must('lock.release', ann, { name: NAME, token: 1 });
    expect([...chat.view.rows.keys()].some((key) => key.startsWith('l/'))).toBe(false);
    expect(take(ann, 0, 'other' as LockName)).toMatchObject({ value: { token: 2 } });
    expect(tokenOf(bob)).toBe(3);
  });

  it('is granted in the order of asking, and only to those who still wait', async () => {
    tokenOf(ann);
    expect(take(bob, 5_000)).toMatchObject({ value: { state: 'waiting', token: null, position: 1 } });
    expect(take(cay, WAIT_MS)).toMatchObject({ value: { state: 'waiting', position: 2 } });
    expect(take(bob, 5_000)).toMatchObject({ value: { position: 1 } });
    chat.wait(TTL_MS);
    await sweep();
    expect(holder()).toMatchObject({ session: cay.session, token: 2, expiresAt: chat.stampMs + TTL_MS });
    expect(told()).toEqual(['lock-lost 1', 'lock-granted 2']);
    expect(locksOf(chat.view, bob.session, chat.stampMs)).toEqual([]);
  });

  it('is passed on at once when it is given back', () => {
    tokenOf(ann);
    take(bob, WAIT_MS);
    take(cay, WAIT_MS);
    chat.must('lock.release', bob, { name: NAME });
    chat.must('lock.release', ann, { name: NAME, token: 1 });
    expect(holder()).toMatchObject({ session: cay.session, token: 2 });
    expect(told()).toEqual(['lock-granted 2']);
  });

  it('is free when the session of its holder ends, and those who wait in other sessions go on', () => {
    tokenOf(ann);
    take(bob, WAIT_MS);
    take(cay, WAIT_MS);
    chat.must('session.revoke', bob, { session: bob.session });
    chat.must('session.revoke', ann, { session: ann.session });
    expect(holder()).toMatchObject({ session: cay.session });
    expect(take(ann)).toMatchObject({ code: 'session_revoked' });
    expect([...chat.view.rows.keys()].filter((key) => key.startsWith('o/'))).toEqual([`o/${cay.session}`]);
  });

  it('leaves nothing behind but the last token', async () => {
    const before = [...chat.view.rows.keys()].filter((key) => !/^[txfw]\//.test(key));
    tokenOf(ann);
    take(bob, 1_000);
    chat.wait(TTL_MS);
    await sweep();
    expect([...chat.view.rows.keys()].filter((key) => !/^[txfw]\//.test(key) && key !== 'o')).toEqual(before);
  });

  it('answers a retry with the first result', () => {
    const txnId = chat.txn();
    const body = { name: NAME, ttlMs: TTL_MS, waitMs: 0 };
    const first = chat.run('lock.acquire', ann, body, txnId);
    chat.must('lock.release', ann, { name: NAME, token: 1 });
    expect(chat.run('lock.acquire', ann, body, txnId)).toEqual(first);
    expect(holder()).toBeUndefined();
  });
});

describe('the lock of a room', () => {
  it('is for its members', () => {
    const { room } = chat.must('room.create', ann, { kind: 'direct', members: [bob.account] });
    const name = `${room}/deploy` as LockName;
    expect(take(ann, 0, name)).toMatchObject({ ok: true });
    expect(take(bob, WAIT_MS, name)).toMatchObject({ ok: true });
    expect(take(cay, WAIT_MS, name)).toMatchObject({ code: 'no_such_room' });
  });
});

describe('bounds', () => {
  it('hold for a session, and for a queue', () => {
    for (let i = 0; i < LIMITS.locksPerSessionMax; i++) {
      expect(take(ann, 0, `lock-${i}` as LockName).ok).toBe(true);
    }
    expect(take(ann, 0, 'one-more' as LockName)).toMatchObject({ code: 'too_many' });
    expect(take(ann, 0, 'lock-0' as LockName).ok).toBe(true);
    const name = 'lock-0' as LockName;
    const queue = Array.from({ length: LIMITS.lockWaitersMax }, (_, i) => chat.register(`w-${i}`));
    for (const who of queue) expect(take(who, WAIT_MS, name)).toMatchObject({ value: { state: 'waiting' } });
    expect(take(bob, WAIT_MS, name)).toMatchObject({ code: 'too_many' });
    expect(take(queue[0]!, WAIT_MS, name)).toMatchObject({ value: { position: 1 } });
  });
});
