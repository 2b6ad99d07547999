import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { serveForTest } from '../api/test-server.ts';
import { findExpired } from '../chat/queries-sweep.ts';
import { createUserKey } from '../crypto/identity.ts';
import { nodeRandom } from '../crypto/node-random.ts';
import { toBase64Url } from '../protocol/base64url.ts';
import { LIMITS } from '../protocol/limits.ts';
import { TestClient } from '../testing/client/test-client.ts';
import { problemOf } from '../testing/client/test-network.ts';
import { laggingBehind } from '../testing/lagging-node.ts';
import { LocalChatNode } from '../testing/local-chat-node.ts';
import { waitUntil } from '../testing/wait-until.ts';
import type { TestServer } from '../api/test-server.ts';
import type { RoomDetailJson } from '../protocol/http/schemas.ts';
import type { ParleyError } from '../protocol/errors.ts';
import type { SendResult } from './composer.ts';

const MS_MAX = 10_000;
const MESSAGE = /^\/v1\/rooms\/R[^/]*\/messages\/[^?]*$/;
const ROOM = /^\/v1\/rooms\/R[^/]*$/;

describe('what is sent', () => {
  let node: LocalChatNode;
  let server: TestServer;
  let endpoints: string[];
  let ann: TestClient;
  let bob: TestClient;

  beforeEach(async () => {
    node = new LocalChatNode();
    server = await serveForTest(node);
    endpoints = [server.url];
    ann = await TestClient.registered('ann', { endpoints });
    bob = await TestClient.registered('bob', { endpoints });
    await ann.say('@bob', 'first');
  });
  afterEach(() => server.close(1_000));

  const restarted = (person: TestClient): Promise<TestClient> =>
    TestClient.open({ endpoints, store: person.store.kill() });
  const send = async (person: TestClient, text: string, options: object = {}): Promise<SendResult> =>
    (await person.client.send('@bob', text, { timeoutMs: MS_MAX, ...options })).result;
  const queue = async (person: TestClient, target: string, ...texts: string[]): Promise<void> => {
    const heal = person.network.cut();
    for (const text of texts) {
      const { result } = await person.client.send(target, text, { timeoutMs: 50 });
      expect(result).toMatchObject({ seq: null, state: 'queued' });
    }
    heal();
  };
  const refusals = (refused: ReadonlyMap<string, ParleyError>): string[] => [...refused.values()].map((e) => e.code);

  describe('goes out exactly once', () => {
    it('when the answer is lost', async () => {
      ann.network.loseAnswer('PUT', MESSAGE);
      expect(await ann.say('@bob', 'second')).toBe(2);
      expect(ann.network.count('PUT', MESSAGE)).toBe(3);
      expect(await bob.texts('@ann')).toEqual(['first', 'second']);
    });

    it('when the program dies before it was sent', async () => {
      await queue(ann, '@bob', 'second');
      const later = await restarted(ann);
      expect([...(await later.client.flush(MS_MAX)).sent.values()]).toMatchObject([{ seq: 2 }]);
      expect(await bob.texts('@ann')).toEqual(['first', 'second']);
    });

    it('when the program dies between sending and hearing', async () => {
      ann.network.interpose((request) => {
        if (!MESSAGE.test(request.path)) return undefined;
        return request.deliver().then(request.swallow);
      });
      void ann.client.send('@bob', 'second', { timeoutMs: MS_MAX });
      await waitUntil(async () => (await bob.texts('@ann')).length === 2);
      const later = await restarted(ann);
      expect([...(await later.client.flush(MS_MAX)).sent.values()]).toMatchObject([{ seq: 2 }]);
      expect(later.store.keys('outbox/')).toEqual([]);
      expect(await later.say('@bob', 'third')).toBe(3);
      expect(await bob.texts('@ann')).toEqual(['first', 'second', 'third']);
    });

    it('when several programs send what waits at the same time', async () => {
      await queue(ann, '@bob', 'second', 'third');
      const others = await Promise.all([1, 2].map(() => TestClient.open({ endpoints, store: ann.store })));
      await Promise.all([ann, ...others].map((person) => person.client.flush(MS_MAX)));
      expect(await bob.texts('@ann')).toEqual(['first', 'second', 'third']);
      expect(ann.store.keys('outbox/')).toEqual([]);
    });

    it('when its transaction was forgotten by the nodes, and it stands in the room', async () => {
      ann.network.interpose((request) =>
        MESSAGE.test(request.path) ? request.deliver().then(request.swallow) : undefined,
      );
      void ann.client.send('@bob', 'second', { timeoutMs: MS_MAX });
      await waitUntil(async () => (await bob.texts('@ann')).length === 2);
      await forgetTransactions();
      const later = await restarted(ann);
      const { sent, refused } = await later.client.flush(MS_MAX);
      expect([...sent.values()]).toMatchObject([{ seq: 2 }]);
      expect(refused.size).toBe(0);
      expect(await bob.texts('@ann')).toEqual(['first', 'second']);
    });
  });

  /** Eight days pass, and the leader sweeps. */
  const forgetTransactions = async (): Promise<void> => {
    node.advance(LIMITS.txnWindowMs + LIMITS.txnFutureMs);
    await node.submit({ kind: 'state.sweep', actor: null, txnId: ann.newTxnId(), body: { keys: ['x'] } }, MS_MAX);
    const keys = await findExpired(node.reader, node.stampMs, 1_000);
    expect(keys.length).toBeGreaterThan(0);
    await node.submit({ kind: 'state.sweep', actor: null, txnId: ann.newTxnId(), body: { keys } }, MS_MAX);
  };

  it('is given up, and says so, when it comes too late', async () => {
    await queue(ann, '@bob', 'second');
    await forgetTransactions();
    const later = await restarted(ann);
    const { sent, refused } = await later.client.flush(MS_MAX);
    expect(sent.size).toBe(0);
    expect(refusals(refused)).toEqual(['txn_expired']);
    expect(later.store.keys('outbox/')).toEqual([]);
  });

  it('is told of where it was refused, though no node takes what was written behind it', async () => {
    await queue(ann, '@bob', 'second', 'third');
    const stop = ann.network.answer('PUT', MESSAGE, () => {
      stop();
      ann.network.cut();
      return problemOf('muted', 403);
    });
    const { sent, refused, kept } = await ann.client.flush(500);
    expect([sent.size, refusals(refused), kept.size]).toEqual([0, ['muted'], 1]);
    expect(ann.store.keys('outbox/')).toHaveLength(1);
    await expect(ann.client.flush(200)).rejects.toMatchObject({ retryable: true });
  });

  describe('under a transaction id of one’s own', () => {
    it('is the same message again, before and after it was sent', async () => {
      const txnId = ann.newTxnId();
      const { id } = await ann.client.whoAmI().then(({ device }) => ({ id: `${txnId}-${device}` }));
      const heal = ann.network.cut();
      for (let i = 0; i < 2; i++) {
        expect(await send(ann, 'second', { txnId, timeoutMs: 50 })).toMatchObject({ id, seq: null, state: 'queued' });
      }
      heal();
      expect(ann.store.keys('outbox/')).toHaveLength(1);
      for (let i = 0; i < 2; i++) {
        expect(await send(ann, 'second', { txnId })).toMatchObject({ id, seq: 2, state: 'sent' });
      }
      expect(await send(await restarted(ann), 'second', { txnId })).toMatchObject({ id, seq: 2, state: 'sent' });
      expect(await bob.texts('@ann')).toEqual(['first', 'second']);
    });

    it('is refused with other content, before and after it was sent', async () => {
      const txnId = ann.newTxnId();
      const heal = ann.network.cut();
      await send(ann, 'second', { txnId, timeoutMs: 50 });
      const refused = { code: 'txn_reused', exitCode: 7 };
      await expect(send(ann, 'other', { txnId, timeoutMs: 50 })).rejects.toMatchObject(refused);
      heal();
      await send(ann, 'second', { txnId });
      await expect(send(ann, 'other', { txnId })).rejects.toMatchObject(refused);
      expect(await bob.texts('@ann')).toEqual(['first', 'second']);
      expect(ann.store.keys('outbox/')).toEqual([]);
    });
  });

  describe('to devices that have just changed', () => {
    const enrolAnother = async (): Promise<TestClient> => {
      const other = await TestClient.open({ endpoints });
      const { code } = await other.client.enrolment.request('bob');
      await bob.client.enrolment.approve(code);
      await other.client.enrolment.awaitApproval(MS_MAX);
      return other;
    };

    it('is encrypted again for the current ones', async () => {
      let other: TestClient | undefined;
      const stop = ann.network.interpose((request) => {
        if (!MESSAGE.test(request.path)) return undefined;
        stop();
        return enrolAnother().then((enrolled) => {
          other = enrolled;
          return request.deliver();
        });
      });
      expect(await ann.say('@bob', 'second')).toBe(2);
      expect(await other!.texts('@ann')).toEqual(['(before_device)', 'second']);
      expect(await bob.texts('@ann')).toEqual(['first', 'second']);
      const [, first, again] = ann.network.bodies('PUT', MESSAGE);
      expect(first!['envelope']).not.toEqual(again!['envelope']);
    });

    it('is sent also through a node that has not heard of it', async () => {
      const lagging = laggingBehind(node);
      const slow = await serveForTest(lagging.node);
      const moved = await TestClient.open({ endpoints: [slow.url], store: ann.store });
      await moved.client.account.devices();
      const other = await enrolAnother();
      lagging.fallBehind();
      const third = await enrolAnother();
      expect(await moved.say('@bob', 'second')).toBe(2);
      expect((await other.texts('@ann')).at(-1)).toBe('second');
      expect((await third.texts('@ann')).at(-1)).toBe('second');
      await slow.close(0);
    });

    it('is not tried for ever', async () => {
      ann.network.answer('PUT', MESSAGE, () => problemOf('stale_devices', 409));
      const before = ann.network.count('PUT', MESSAGE);
      expect(await send(ann, 'second')).toMatchObject({ state: 'queued', reason: { code: 'stale_devices' } });
      expect(ann.network.count('PUT', MESSAGE) - before).toBe(8);
    });
  });

  it('keeps its order within a room', async () => {
    await queue(ann, '@bob', 'second', 'third', 'fourth');
    expect(await ann.say('@bob', 'fifth')).toBe(5);
    expect(await bob.texts('@ann')).toEqual(['first', 'second', 'third', 'fourth', 'fifth']);
  });

  it('waits behind what cannot be sent in its room, and only there', async () => {
    await ann.client.rooms.createGroup('garden', ['bob'], MS_MAX);
    const { room } = await ann.client.rooms.resolve('garden', MS_MAX);
    await queue(ann, 'garden', 'one', 'two');
    await queue(ann, '@bob', 'second');
    let refusedOnce = false;
    const stop = ann.network.interpose((request) => {
      if (request.method !== 'PUT' || !request.path.includes(room) || refusedOnce) return undefined;
      refusedOnce = true;
      return Promise.resolve(problemOf('too_many', 422));
    });
    const { kept, sent, refused } = await ann.client.flush(MS_MAX);
    expect([kept.size, sent.size, refused.size]).toEqual([2, 1, 0]);
    expect(await bob.texts('@ann')).toEqual(['first', 'second']);
    stop();
    expect((await ann.client.flush(MS_MAX)).sent.size).toBe(2);
    expect(await bob.texts('garden')).toEqual(['one', 'two']);
  });

  it('blocks nothing when it is refused for good', async () => {
    await queue(ann, '@bob', 'second', 'third');
    const [, second] = await ann.store.transaction((tx) => tx.list('outbox/')).then((rows) => [0, rows[0]![0]]);
    const txnId = String(second).slice('outbox/'.length);
    ann.network.interpose((request) =>
      request.path.endsWith(txnId) ? Promise.resolve(problemOf('payload_too_large', 413)) : undefined,
    );
    const { sent, refused, kept } = await ann.client.flush(MS_MAX);
    expect(refusals(refused)).toEqual(['payload_too_large']);
    expect([sent.size, kept.size]).toEqual([1, 0]);
    expect(await bob.texts('@ann')).toEqual(['first', 'third']);
    expect(ann.store.keys('outbox/')).toEqual([]);
  });

  it('tells of earlier messages that went out, or were refused, with this one', async () => {
    await queue(ann, '@bob', 'second');
    const { result, others } = await ann.client.send('@bob', 'third', { timeoutMs: MS_MAX });
    expect(result).toMatchObject({ seq: 3, state: 'sent' });
    expect(others!.sent.size).toBe(2);
  });

  it.each<[string, () => void, object]>([
    ['nobody is there', () => ann.network.cut(), { code: 'cannot_connect', exitCode: 3 }],
    ['no leader serves', () => node.loseLeader(1), { code: 'no_leader', exitCode: 4 }],
    [
      'a node does not answer',
      () => ann.network.interpose(({ swallow }) => swallow()),
      { code: 'deadline_exceeded', exitCode: 8 },
    ],
  ])('stays queued when %s, and goes out later', async (_what, break_, reason) => {
    break_();
    const { result, others } = await ann.client.send('@bob', 'second', { timeoutMs: 600 });
    expect(result).toMatchObject({ seq: null, state: 'queued' });
    expect(result.reason).toMatchObject({ ...reason, retryable: true });
    expect(others).toBeNull();
    node.loseLeader(0);
    const later = await restarted(ann);
    expect((await later.client.flush(MS_MAX)).sent.size).toBe(1);
    expect(await bob.texts('@ann')).toEqual(['first', 'second']);
  });

  it('opens the conversation of two with its first message, also from the queue', async () => {
    await TestClient.registered('carl', { endpoints });
    await ann.client.rooms.person('carl', MS_MAX);
    await queue(ann, '@carl', 'hello');
    const later = await restarted(ann);
    expect((await later.client.flush(MS_MAX)).sent.size).toBe(1);
  });

  it('is not written down when it could never be sent', async () => {
    for (const text of ['', 'x'.repeat(24 * 1024 + 1), '\uD800']) {
      await expect(send(ann, text)).rejects.toMatchObject({ retryable: false });
    }
    await expect(ann.client.send('@nobody-there', 'x', { timeoutMs: 500 })).rejects.toMatchObject({ exitCode: 6 });
    const elsewhere = `room:R${'a'.repeat(26)}`;
    await expect(ann.client.send(elsewhere, 'x', { timeoutMs: 500 })).rejects.toMatchObject({ exitCode: 6 });
    expect(ann.store.keys('outbox/')).toEqual([]);
  });

  describe('is stopped', () => {
    const memberChange = (change: (member: RoomDetailJson['members'][number]) => object): void => {
      ann.network.lie<RoomDetailJson>('GET', ROOM, (detail) => ({
        ...detail,
        members: detail.members.map((member) => (member.account === 'bob' ? { ...member, ...change(member) } : member)),
      }));
    };
    const sealed = (): number => ann.network.count('PUT', MESSAGE);
    // The first of a program asks who is in the room.
    beforeEach(async () => {
      ann = await restarted(ann);
    });

    it('by a key that changed', async () => {
      const before = sealed();
      memberChange(() => ({ userKey: toBase64Url(createUserKey(nodeRandom).signing.publicKey) }));
      await expect(send(ann, 'secret')).rejects.toMatchObject({ code: 'user_key_changed', exitCode: 7 });
      expect(sealed()).toBe(before);
      expect(ann.store.keys('outbox/')).toEqual([]);
    });

    it('by a device that its owner has not signed', async () => {
      const before = sealed();
      const carl = await TestClient.registered('carl', { endpoints });
      await carl.client.account.devices();
      await ann.client.account.devices();
      const [evil] = (await memberDevices('carl')).slice(-1);
      memberChange(({ devices }) => ({ devices: [...devices, evil] }));
      await expect(send(ann, 'secret')).rejects.toMatchObject({ code: 'invalid_signature' });
      expect(sealed()).toBe(before);
    });

    it('by nothing less: it goes out when the node is honest again', async () => {
      const stop = ann.network.lie<RoomDetailJson>('GET', ROOM, (detail) => ({
        ...detail,
        members: detail.members.filter(({ account }) => account !== 'bob'),
      }));
      expect(await send(ann, 'second', { timeoutMs: 300 })).toMatchObject({ state: 'queued' });
      stop();
      expect((await ann.client.flush(MS_MAX)).sent.size).toBe(1);
    });

    const memberDevices = async (name: string): Promise<unknown[]> => {
      const headers = { authorization: ann.network.lastAuthorization };
      const answer = await fetch(`${server.url}/v1/accounts/${name}`, { headers });
      return ((await answer.json()) as { devices: unknown[] }).devices;
    };
  });

  it('is not believed to be sent by an answer for something else', async () => {
    ann.network.lie<object>('PUT', MESSAGE, (answer) => ({ ...answer, id: `${ann.newTxnId()}-D${'a'.repeat(26)}` }));
    expect(await send(ann, 'second', { timeoutMs: 300 })).toMatchObject({ state: 'queued', seq: null });
    expect(ann.store.keys('outbox/')).toHaveLength(1);
  });

  it('stays in the outbox of a home whose account is gone from the nodes', async () => {
    await queue(ann, '@bob', 'second');
    ann.network.answer('POST', /sessions/, () => problemOf('no_such_device', 404));
    await ann.store.transaction(async (tx) => tx.delete('session'));
    expect((await ann.client.flush(MS_MAX)).sent.size).toBe(0);
    expect(ann.store.keys('outbox/')).toHaveLength(1);
  });
});
