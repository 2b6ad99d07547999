import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { LIMITS } from '../../protocol/limits.ts';
import { ApiPerson, nextTxnId } from '../../testing/api-person.ts';
import { LocalChatNode } from '../../testing/local-chat-node.ts';
import { LocalSignals } from '../../testing/local-signals.ts';
import { waitUntil } from '../../testing/wait-until.ts';
import { serveForTest } from '../test-server.ts';
import { encodeSignal } from './signal-codec.ts';
import type { PersonPresenceJson } from '../../protocol/http/presence.ts';
import type { RoomId } from '../../protocol/ids.ts';
import type { Refusal } from '../../testing/api-person.ts';
import type { TestSocket } from '../../testing/test-socket.ts';
import type { ApiLimits } from '../config.ts';
import type { TestServer } from '../test-server.ts';

const QUICK: Partial<ApiLimits> = { signalsGatherMs: 5, presenceBeatMs: 20, presenceLingerMs: 1 };
let node: LocalChatNode;
let server: TestServer;
let ann: ApiPerson;
let bob: ApiPerson;
let cay: ApiPerson;
let room: RoomId;

async function begin(limits: Partial<ApiLimits> = {}): Promise<void> {
  node = new LocalChatNode();
  server = await serveForTest(node, { limits: { ...QUICK, ...limits } });
  const joined = ['ann', 'bob', 'cay'].map((name) => ApiPerson.join(server.url, name));
  [ann, bob, cay] = (await Promise.all(joined)) as [ApiPerson, ApiPerson, ApiPerson];
  room = await ann.createRoom('group', [bob.account]);
}
beforeEach(() => begin());
afterEach(() => server.close(100));

/** When the answer to a ping has come, all that was said before has been taken in. */
async function settled(...sockets: TestSocket[]): Promise<void> {
  for (const socket of sockets) {
    socket.send({ type: 'ping' });
    await socket.next('pong');
  }
}
const hello = (person: ApiPerson, presence: string): object => ({ type: 'identify', token: person.token, presence });
async function liveAs(person: ApiPerson, presence: string): Promise<TestSocket> {
  const socket = await person.connect();
  socket.send(hello(person, presence));
  await socket.next('ready');
  return socket;
}
const presenceOf = async (viewer: ApiPerson, names: string): Promise<readonly PersonPresenceJson[]> =>
  (await viewer.call<{ people: PersonPresenceJson[] }>('GET', `/v1/rooms/${room}/presence?accounts=${names}`)).body
    .people;
const statusOf = async (viewer: ApiPerson, name: string): Promise<string | undefined> =>
  (await presenceOf(viewer, name))[0]?.status;

describe('typing', () => {
  it('is told to those in the room, by WebSocket and HTTP, and to nobody else', async () => {
    const [one, two, three] = [await ann.live(), await bob.live(), await cay.live()];
    one.send({ type: 'typing', room, active: true });
    expect(await two.next('typing')).toEqual({
      type: 'typing',
      room,
      account: 'ann',
      accountId: ann.account,
      active: true,
      forMs: LIMITS.typingShownMs,
    });
    expect(await ann.call('PUT', `/v1/rooms/${room}/typing`, { active: false })).toMatchObject({ status: 200 });
    expect(await two.next('typing')).toMatchObject({ account: 'ann', active: false });
    await settled(one, two, three);
    expect([one.of('typing'), two.of('typing').length, three.of('typing')]).toEqual([[], 2, []]);
  });

  it('is refused to who is not in the room, and says why on an open socket', async () => {
    const three = await cay.live();
    three.send({ type: 'typing', room, active: true, ref: 'r1' });
    expect(await three.next('error')).toMatchObject({ ref: 'r1', code: 'no_such_room' });
    const refused = (await cay.call('PUT', `/v1/rooms/${room}/typing`, { active: true })) as Refusal;
    expect([refused.status, refused.body.code]).toEqual([404, 'no_such_room']);
    await settled(three);
    three.send({ type: 'typing', room });
    expect(await three.ended()).toMatchObject({ reason: 'invalid_field' });
  });

  it('is not told between those of whom one blocks the other, nor of the invisible', async () => {
    const [one, two] = [await ann.live(), await bob.live()];
    await bob.call('PUT', '/v1/blocks/ann', { txnId: nextTxnId() });
    one.send({ type: 'typing', room, active: true });
    two.send({ type: 'typing', room, active: true });
    await settled(one, two);
    expect([one.of('typing'), two.of('typing')]).toEqual([[], []]);
    await bob.call('DELETE', `/v1/blocks/ann?txnId=${nextTxnId()}`);
    one.send({ type: 'presence', status: 'invisible' });
    one.send({ type: 'typing', room, active: true });
    two.send({ type: 'typing', room, active: true });
    await one.next('typing');
    await settled(one, two);
    expect(two.of('typing')).toEqual([]);
  });

  it('is limited for each session, and not for too many listeners', async () => {
    await server.close(100);
    await begin({ perSessionSignals: { perSecond: 0.001, burst: 2 }, typingListenersMax: 2 });
    const [one, two] = [await ann.live(), await bob.live()];
    for (const ref of ['1', '2', '3']) one.send({ type: 'typing', room, active: true, ref });
    expect(await one.next('error')).toMatchObject({ ref: '3', code: 'rate_limited', retryable: true });
    const refused = (await ann.call('PUT', `/v1/rooms/${room}/typing`, { active: true })) as Refusal;
    expect([refused.status, refused.body.code]).toEqual([429, 'rate_limited']);
    await settled(one, two);
    expect(two.of('typing')).toHaveLength(2);
    await ann.call('PUT', `/v1/rooms/${room}/members/cay`, { txnId: nextTxnId() });
    await cay.live();
    two.send({ type: 'typing', room, active: true });
    await settled(two, one);
    expect(one.of('typing'), 'three listen').toEqual([]);
  });
});

describe('presence', () => {
  const watch = (socket: TestSocket, names: readonly string[], ref = 'w'): void =>
    socket.send({ type: 'watch', ref, people: names.map((account) => ({ account, room })) });

  it('is told to who watches, as it changes, and asked for by HTTP', async () => {
    const one = await ann.live();
    watch(one, ['bob', 'ann', 'cay', 'nobody']);
    expect(await one.next('presence')).toEqual({
      type: 'presence',
      ref: 'w',
      people: [
        { account: 'bob', accountId: bob.account, status: 'offline', lastSeen: null },
        { account: 'ann', accountId: ann.account, status: 'online', lastSeen: null },
      ],
    });
    const two = await liveAs(bob, 'away');
    expect((await one.next('presence')).people).toMatchObject([{ account: 'bob', status: 'away' }]);
    two.send({ type: 'presence', status: 'busy' });
    expect((await one.next('presence')).people).toMatchObject([{ account: 'bob', status: 'busy' }]);
    expect(await presenceOf(ann, 'bob,cay,nobody')).toMatchObject([{ account: 'bob', status: 'busy' }]);
    two.close();
    const [gone] = (await one.next('presence')).people;
    expect(gone).toMatchObject({ account: 'bob', status: 'offline' });
    expect(Date.parse(gone!.lastSeen!)).toBeGreaterThan(0);
    watch(one, []);
    expect((await one.next('presence')).people).toEqual([]);
    await bob.live();
    await settled(one);
    expect(one.of('presence')).toHaveLength(5);
  });

  it('is of no concern to who shares no room, or is blocked; who leaves is seen no more', async () => {
    const [one, three] = [await ann.live(), await cay.live()];
    const refused = (await cay.call('GET', `/v1/rooms/${room}/presence?accounts=ann`)) as Refusal;
    expect([refused.status, refused.body.code]).toEqual([404, 'no_such_room']);
    watch(three, ['ann'], 'mine');
    expect(await three.next('error')).toMatchObject({ ref: 'mine', code: 'no_such_room' });
    const two = await bob.live();
    watch(two, ['ann']);
    expect((await two.next('presence')).people).toMatchObject([{ account: 'ann', status: 'online' }]);

    await ann.call('PUT', '/v1/blocks/bob', { txnId: nextTxnId() });
    expect(await presenceOf(bob, 'ann')).toMatchObject([{ status: 'offline', lastSeen: null }]);
    expect((await two.next('presence')).people).toMatchObject([{ status: 'offline', lastSeen: null }]);
    one.send({ type: 'presence', status: 'busy' });
    expect((await two.next('presence')).people).toMatchObject([{ status: 'offline', lastSeen: null }]);
    await ann.call('DELETE', `/v1/blocks/bob?txnId=${nextTxnId()}`);
    expect((await two.next('presence')).people).toMatchObject([{ account: 'ann', status: 'busy' }]);
    expect(await statusOf(bob, 'ann')).toBe('busy');

    const told = two.of('presence').length;
    await ann.call('DELETE', `/v1/rooms/${room}/members/bob?txnId=${nextTxnId()}`);
    one.send({ type: 'presence', status: 'away' });
    await settled(one, two);
    const since = two.of('presence').slice(told);
    expect(since.flatMap(({ people }) => people).filter(({ status }) => status !== 'offline')).toEqual([]);
  });

  it('is hidden by who is invisible from the first moment, on all devices, and known to themselves', async () => {
    const one = await ann.live();
    watch(one, ['bob']);
    await one.next('presence');
    const hidden = await liveAs(bob, 'invisible');
    const open = await bob.live();
    await settled(one, hidden, open);
    expect(one.of('presence').flatMap(({ people }) => people.map(({ status }) => status))).not.toContain('online');
    expect([await statusOf(ann, 'bob'), await statusOf(bob, 'bob')]).toEqual(['offline', 'invisible']);
    hidden.send({ type: 'presence', status: 'away' });
    await waitUntil(async () => (await statusOf(ann, 'bob')) === 'online', 5_000, 'bob to be seen');
  });

  it('comes with server-sent events too', async () => {
    const abort = new AbortController();
    const headers = { authorization: `Bearer ${bob.token}` };
    const stream = await fetch(`${server.url}/v1/events?presence=busy`, { headers, signal: abort.signal });
    expect(stream.status).toBe(200);
    expect(await statusOf(ann, 'bob')).toBe('busy');
    const reader = stream.body!.pipeThrough(new TextDecoderStream()).getReader();
    let text = '';
    const readUntil = async (words: string): Promise<void> => {
      while (!text.includes(words)) text += (await reader.read()).value ?? '';
    };
    await readUntil('event: ready');
    await ann.call('PUT', `/v1/rooms/${room}/typing`, { active: true });
    await readUntil('event: typing\ndata: {"type":"typing"');
    abort.abort();
    await waitUntil(async () => (await statusOf(ann, 'bob')) === 'offline', 5_000, 'bob to be gone');
  });

  it('costs the same however many rooms somebody is in', async () => {
    await server.close(100);
    // Whose session still holds is looked up too, now and then.
    await begin({ heartbeatMs: 3_600_000 });
    const [one, two] = [await ann.live(), await bob.live()];
    watch(two, ['ann']);
    await two.next('presence');
    const readsOf = async (status: string): Promise<number[]> => {
      const spies = [vi.spyOn(node.reader, 'get'), vi.spyOn(node.reader, 'range')];
      one.send({ type: 'presence', status });
      one.send({ type: 'typing', room, active: true });
      await Promise.all([two.next('presence'), two.next('typing')]);
      const reads = spies.map(({ mock }) => mock.calls.length);
      for (const spy of spies) spy.mockRestore();
      return reads;
    };
    // Names are looked up once.
    await readsOf('away');
    const [reads, ranges] = await readsOf('busy');
    for (let i = 0; i < 40; i += 1) await ann.createRoom('group', i % 2 === 0 ? [bob.account] : []);
    expect(await readsOf('away')).toEqual([reads, ranges]);
    expect([reads! > 0, reads! < 20, ranges]).toEqual([true, true, 0]);
  });

  it('is bounded and checked', async () => {
    const one = await ann.live();
    const names = Array.from({ length: LIMITS.presenceAskedMax + 1 }, (_, i) => `p${i}x`).join(',');
    for (const accounts of [names, '', 'A', 'ann,', ',ann']) {
      const refused = (await ann.call('GET', `/v1/rooms/${room}/presence?accounts=${accounts}`)) as Refusal;
      expect([accounts, refused.status, refused.body.code]).toEqual([accounts, 400, 'invalid_field']);
    }
    watch(
      one,
      Array.from({ length: LIMITS.presenceWatchedMax + 1 }, (_, i) => `p${i}x`),
    );
    expect(await one.ended()).toMatchObject({ reason: 'invalid_field' });
    const early = await bob.connect();
    early.send({ type: 'presence', status: 'busy' });
    expect(await early.ended()).toMatchObject({ reason: 'identify_first' });
    const odd = await bob.connect();
    odd.send(hello(bob, 'hungry'));
    expect(await odd.ended()).toMatchObject({ reason: 'invalid_field' });
  });

  it('survives signals that make no sense', async () => {
    const other = new LocalChatNode({ name: 'n2' });
    LocalSignals.link(node.signals, other.signals);
    const one = await ann.live();
    watch(one, ['bob']);
    await one.next('presence');
    const stranger = `A${'z'.repeat(26)}` as typeof ann.account;
    other.signals.broadcast(Uint8Array.from([1, 2, 3]));
    other.signals.broadcast(encodeSignal({ kind: 'typing', typing: [{ room, account: stranger, active: true }] }));
    other.signals.broadcast(
      encodeSignal({ kind: 'all', version: 1, rows: [{ account: stranger, status: 'online', seenMs: null }] }),
    );
    other.signals.broadcast(encodeSignal({ kind: 'typing', typing: [{ room, account: bob.account, active: true }] }));
    expect(await one.next('typing')).toMatchObject({ account: 'bob' });
    const [row] = [{ account: bob.account, status: 'busy' as const, seenMs: null }];
    other.signals.broadcast(encodeSignal({ kind: 'changes', after: 1, version: 2, rows: [row] }));
    expect((await one.next('presence')).people).toMatchObject([{ account: 'bob', status: 'busy' }]);
  });
});
