import { beforeEach, describe, expect, it } from 'vitest';
import { sessionIdOf } from '../protocol/derive-ids.ts';
import { LIMITS } from '../protocol/limits.ts';
import { bytesFrom, ChatHarness, recordFrom } from '../testing/chat-harness.ts';
import { CHALLENGE_AHEAD_MS_MAX } from './bounds.ts';
import { sessionById, sessionsOf } from './queries-sessions.ts';
import type { SessionId, StampMs } from '../protocol/ids.ts';
import type { Person } from '../testing/chat-harness.ts';

let chat: ChatHarness;
let alice: Person;
let bob: Person;

beforeEach(() => {
  chat = new ChatHarness();
  alice = chat.register('alice');
  bob = chat.register('bob');
});

const endedSessions = () => chat.events.flatMap(({ event }) => (event.kind === 'session-ended' ? event.session : []));
const standing = (who: Person) => sessionsOf(chat.view, who.account, chat.stampMs).map(({ session }) => session);

describe('session.create', () => {
  it('opens a session with the ends that the leader time sets', () => {
    const txnId = chat.txn();
    const result = chat.run('session.create', null, chat.sessionBody(alice.account, alice.device, 'x'), txnId);
    const session = sessionIdOf(alice.device, txnId);
    const accessExpiresAt = chat.stampMs + LIMITS.accessTokenTtlMs;
    const expiresAt = chat.stampMs + LIMITS.sessionTtlMs;
    expect(result).toEqual({ ok: true, value: { session, accessExpiresAt, expiresAt } });
    const info = sessionById(chat.view, session)!;
    expect(info).toMatchObject({ account: alice.account, device: alice.device, accessExpiresAt, ended: false });
    expect(Buffer.from(info.accessHash)).toEqual(Buffer.from(bytesFrom('access x')));
    expect(standing(alice)).toEqual([alice.session, session]);
  });

  it('repeats its result for the same request, and refuses the challenge to any other', () => {
    const txnId = chat.txn();
    const body = chat.sessionBody(alice.account, alice.device, 'x');
    const original = chat.run('session.create', null, body, txnId);
    expect(chat.run('session.create', null, body, txnId)).toEqual(original);
    expect(chat.code('session.create', null, body)).toBe('challenge_replayed');
    const other = { ...chat.sessionBody(alice.account, alice.device, 'y'), challengeId: body.challengeId };
    expect(chat.code('session.create', null, other)).toBe('challenge_replayed');
    expect(chat.code('session.create', null, other, txnId)).toBe('txn_reused');
  });

  it('refuses challenges that have expired or lie too far ahead', () => {
    const at = (ms: number) => ({
      ...chat.sessionBody(alice.account, alice.device, `c${ms}`),
      challengeExpiresAt: (chat.stampMs + ms) as StampMs,
    });
    expect(chat.code('session.create', null, at(0))).toBe('challenge_invalid');
    expect(chat.code('session.create', null, at(CHALLENGE_AHEAD_MS_MAX + 1))).toBe('challenge_invalid');
    expect(chat.code('session.create', null, at(1))).toBe('ok');
  });

  it('refuses unknown accounts, and devices that are not enrolled in the account', () => {
    const unknown = `A${'a'.repeat(26)}` as Person['account'];
    expect(chat.code('session.create', null, chat.sessionBody(unknown, alice.device, 'a'))).toBe('no_such_user');
    const strange = recordFrom('strange').device;
    expect(chat.code('session.create', null, chat.sessionBody(alice.account, strange, 'b'))).toBe('no_such_device');
    expect(chat.code('session.create', null, chat.sessionBody(alice.account, bob.device, 'c'))).toBe('no_such_device');
    const phone = chat.enrol(alice, 'phone');
    chat.must('device.revoke', alice, { device: phone.device });
    expect(chat.code('session.create', null, chat.sessionBody(alice.account, phone.device, 'd'))).toBe(
      'no_such_device',
    );
  });

  it('ends the oldest session of a device that has too many', () => {
    const sessions = [alice.session];
    while (sessions.length < LIMITS.sessionsPerDeviceMax) sessions.push(chat.login(alice).session);
    expect(endedSessions()).toEqual([]);
    const newest = chat.login(alice).session;
    expect(endedSessions()).toEqual([alice.session]);
    expect(standing(alice)).toEqual([...sessions.slice(1), newest]);
    expect(sessionById(chat.view, alice.session)!.ended).toBe(true);
  });
});

describe('session.refresh', () => {
  let session: SessionId;
  const spend = (spent: string, next: string) =>
    chat.run('session.refresh', null, {
      session,
      spentHash: bytesFrom(`refresh ${spent}`),
      accessHash: bytesFrom(`access ${next}`),
      refreshHash: bytesFrom(`refresh ${next}`),
    });

  beforeEach(() => {
    const txnId = chat.txn();
    ({ session } = chat.must('session.create', null, chat.sessionBody(alice.account, alice.device, '0'), txnId));
  });

  it('replaces both secrets and prolongs the access, not the session', () => {
    const { expiresAt } = sessionById(chat.view, session)!;
    chat.wait(60_000);
    const accessExpiresAt = chat.stampMs + LIMITS.accessTokenTtlMs;
    expect(spend('0', '1')).toEqual({ ok: true, value: { session, accessExpiresAt, expiresAt } });
    expect(Buffer.from(sessionById(chat.view, session)!.accessHash)).toEqual(Buffer.from(bytesFrom('access 1')));
    expect(spend('1', '2')).toMatchObject({ ok: true });
  });

  it('never lets access outlive the session', () => {
    chat.wait(LIMITS.sessionTtlMs - 1000);
    const { expiresAt } = sessionById(chat.view, session)!;
    expect(spend('0', '1')).toMatchObject({ ok: true, value: { accessExpiresAt: expiresAt, expiresAt } });
  });

  it('repeats the result of an identical retry', () => {
    const original = spend('0', '1');
    chat.wait(1000);
    expect(spend('0', '1')).toEqual(original);
    expect(spend('1', '2')).toMatchObject({ ok: true });
  });

  it.each([
    ['the last spent secret with other hashes', ['0 1'], '0 x'],
    ['an earlier spent secret', ['0 1', '1 2', '2 3'], '0 x'],
    ['an earlier retry that is no longer the newest', ['0 1', '1 2'], '0 1'],
  ])('ends the session on %s', (_what, history, reuse) => {
    for (const step of history) {
      const [spent, next] = step.split(' ') as [string, string];
      expect(spend(spent, next)).toMatchObject({ ok: true });
    }
    const [spent, next] = reuse.split(' ') as [string, string];
    expect(spend(spent, next)).toMatchObject({ ok: false, code: 'refresh_reused' });
    expect(endedSessions()).toEqual([session]);
    const [, newest] = history.at(-1)!.split(' ') as [string, string];
    expect(spend(newest, 'y')).toMatchObject({ code: 'session_revoked' });
    expect(standing(alice)).toEqual([alice.session]);
  });

  it('refuses a secret that never was one, without harm', () => {
    expect(spend('guess', '1')).toMatchObject({ code: 'unauthenticated' });
    expect(spend('0', '1')).toMatchObject({ ok: true });
  });

  it('refuses to take a used secret as the next one', () => {
    expect(spend('0', '0')).toMatchObject({ code: 'invalid_field' });
    spend('0', '1');
    expect(spend('1', '0')).toMatchObject({ code: 'invalid_field' });
    expect(spend('1', '2')).toMatchObject({ ok: true });
  });

  it('refuses sessions that are unknown, ended or expired by the leader time', () => {
    const known = session;
    session = `S${'a'.repeat(26)}` as SessionId;
    expect(spend('0', '1')).toMatchObject({ code: 'unauthenticated' });
    session = known;
    chat.must('session.revoke', alice, { session });
    expect(spend('0', '1')).toMatchObject({ code: 'session_revoked' });
    ({ session } = chat.must('session.create', null, chat.sessionBody(bob.account, bob.device, '9')));
    chat.wait(LIMITS.sessionTtlMs);
    expect(spend('9', '1')).toMatchObject({ code: 'session_revoked' });
  });
});

describe('session.revoke', () => {
  it('ends any session of the same account, once', () => {
    const phone = chat.enrol(alice, 'phone');
    expect(chat.code('session.revoke', phone, { session: alice.session })).toBe('ok');
    expect(chat.code('session.revoke', phone, { session: alice.session })).toBe('ok');
    expect(endedSessions()).toEqual([alice.session]);
    expect(standing(alice)).toEqual([phone.session]);
  });

  it('refuses sessions of others, unknown ones, and who is not logged in', () => {
    expect(chat.code('session.revoke', alice, { session: bob.session })).toBe('no_such_session');
    expect(chat.code('session.revoke', alice, { session: `S${'a'.repeat(26)}` as SessionId })).toBe('no_such_session');
    expect(chat.code('session.revoke', null, { session: bob.session })).toBe('unauthenticated');
    expect(standing(bob)).toEqual([bob.session]);
  });
});
