import { beforeEach, describe, expect, it } from 'vitest';
import { LIMITS } from '../protocol/limits.ts';
import { bytesFrom, ChatHarness, commandBytes, recordFrom } from '../testing/chat-harness.ts';
import { ANSWER_TTL_MS, COUNTED_IN_ONE_EXPIRY_ROW_MAX } from './bounds.ts';
import { findExpired } from './queries-sweep.ts';
import { sessionById } from './queries-sessions.ts';
import type { StampMs } from '../protocol/ids.ts';
import type { Person } from '../testing/chat-harness.ts';

let chat: ChatHarness;
let alice: Person;

beforeEach(() => {
  chat = new ChatHarness();
  alice = chat.register('alice');
});

const keysOf = (prefix: string) => [...chat.view.rows.keys()].filter((key) => key.startsWith(prefix));
const sweep = async (limit = 1000): Promise<number> => {
  const keys = await findExpired(chat.view, chat.stampMs, limit);
  return chat.must('state.sweep', null, { keys }).removed;
};
const sweepAll = async (): Promise<void> => {
  while ((await findExpired(chat.view, chat.stampMs, 1)).length > 0) await sweep();
};

describe('state.sweep', () => {
  it('takes away everything that has a time, in its time', async () => {
    const room = chat.groupRoom(alice);
    chat.enrol(alice, 'phone');
    chat.send(alice, room, 'hi');
    const { device, signingKey, sealingKey } = recordFrom('waits');
    chat.must('device.request', null, { account: alice.account, device, signingKey, sealingKey });
    chat.must('invite.create', null, { inviteHash: bytesFrom('i'), ttlMs: 1 });
    const { session } = chat.must('session.create', null, chat.sessionBody(alice.account, alice.device, 's'));
    chat.must('session.refresh', null, {
      session,
      spentHash: bytesFrom('refresh s'),
      accessHash: bytesFrom('access t'),
      refreshHash: bytesFrom('refresh t'),
    });
    expect(await sweep()).toBe(0);
    const stages: [ms: number, gone: string[]][] = [
      [1, ['i/']],
      [LIMITS.challengeTtlMs, ['c/']],
      [LIMITS.deviceRequestTtlMs, ['q/']],
      [ANSWER_TTL_MS, ['y/', 't/']],
      [LIMITS.sessionTtlMs, ['s/', 'z/', 'u/']],
    ];
    const start = chat.stampMs;
    for (const [ms, gone] of stages) {
      expect(gone.filter((prefix) => keysOf(prefix).length === 0)).toEqual([]);
      chat.stampMs = (start + ms) as StampMs;
      await sweepAll();
      expect(gone.filter((prefix) => keysOf(prefix).length > 0)).toEqual([]);
    }
    expect(keysOf('x/')).toEqual([]);
    const kept = ['a/', 'n/', 'v/', 'r/', 'm/', 'e/', 'h/', 'j/'];
    expect(kept.filter((prefix) => keysOf(prefix).length === 0)).toEqual([]);
  });

  it('removes a dedupe record exactly when its txnId is refused as too old', async () => {
    const room = chat.groupRoom(alice);
    await sweepAll();
    const txnId = chat.txn();
    const original = chat.send(alice, room, 'hi', txnId);
    chat.wait(LIMITS.txnWindowMs - 1);
    await sweepAll();
    expect(chat.send(alice, room, 'hi', txnId)).toEqual(original);
    chat.wait(1);
    await sweepAll();
    expect(chat.send(alice, room, 'hi', txnId)).toMatchObject({ code: 'txn_expired' });
    expect(keysOf('e/')).toHaveLength(1);
  });

  it('keeps a record for the whole window when the clock of its client is ahead', async () => {
    const room = chat.groupRoom(alice);
    const txnId = chat.txn(chat.stampMs + LIMITS.txnFutureMs);
    const original = chat.send(alice, room, 'hi', txnId);
    chat.wait(LIMITS.txnWindowMs + LIMITS.txnFutureMs - 1);
    await sweepAll();
    expect(chat.send(alice, room, 'hi', txnId)).toEqual(original);
  });

  it('ignores keys that are unknown, still count, or are no keys of the expiry index', async () => {
    const room = chat.groupRoom(alice);
    chat.send(alice, room, 'hi');
    const live = keysOf('x/');
    const before = chat.view.dump();
    const made = ['x/0000000000000001/e/nothing', `e/${room}/0000000000000001`, 'r', 'x/', 'x/1/s', ...live];
    expect(chat.must('state.sweep', null, { keys: made })).toEqual({ removed: 0 });
    expect(chat.view.dump()).toBe(before);
  });

  it('is only for the cluster itself', () => {
    expect(chat.code('state.sweep', alice, { keys: [] })).toBe('forbidden');
  });

  it('tells that a session ended when its time is up, and not when it had ended before', async () => {
    const second = chat.login(alice);
    chat.must('session.revoke', alice, { session: second.session });
    const before = chat.events.length;
    chat.wait(LIMITS.sessionTtlMs);
    await sweepAll();
    expect(chat.events.slice(before).map(({ event }) => event)).toMatchObject([
      { kind: 'session-ended', session: alice.session },
    ]);
    expect(sessionById(chat.view, alice.session)).toBeUndefined();
  });

  it('removes about as many rows as it was asked to, oldest first, and repeats without harm', async () => {
    const room = chat.groupRoom(alice);
    const commands = Array.from({ length: 3 * COUNTED_IN_ONE_EXPIRY_ROW_MAX }, (_, i) => {
      const txnId = chat.txn();
      return commandBytes('message.send', alice, { room, envelope: chat.envelope(alice, room, txnId, `${i}`) }, txnId);
    });
    chat.apply(...commands);
    chat.wait(LIMITS.txnWindowMs);
    const keys = await findExpired(chat.view, chat.stampMs, 2 * COUNTED_IN_ONE_EXPIRY_ROW_MAX);
    const { removed } = chat.must('state.sweep', null, { keys: [...keys, ...keys] });
    expect(removed).toBeGreaterThanOrEqual(2 * COUNTED_IN_ONE_EXPIRY_ROW_MAX);
    expect(removed).toBeLessThan(3 * COUNTED_IN_ONE_EXPIRY_ROW_MAX);
    expect(chat.must('state.sweep', null, { keys })).toEqual({ removed: 0 });
    await sweepAll();
    expect(keysOf(`t/${alice.device}/${room}`)).toEqual([]);
  });

  it('reads only what has expired', async () => {
    const room = chat.groupRoom(alice);
    for (let i = 0; i < 20; i++) chat.send(alice, room, `m${i}`);
    const before = chat.view.rangedRows;
    await findExpired(chat.view, chat.stampMs, 1000);
    expect(chat.view.rangedRows).toBe(before);
  });
});
