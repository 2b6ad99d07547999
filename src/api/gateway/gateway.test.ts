import { connect } from 'node:net';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { serveForTest } from '../test-server.ts';
import { ApiPerson, nextTxnId } from '../../testing/api-person.ts';
import { LocalChatNode } from '../../testing/local-chat-node.ts';
import { TestSocket } from '../../testing/test-socket.ts';
import { waitUntil } from '../../testing/wait-until.ts';
import { encodeCursor, startOfEntry } from '../../chat/queries-cursor.ts';
import { clusterIdOf } from '../../protocol/derive-ids.ts';
import { LIMITS } from '../../protocol/limits.ts';
import type { TestServer } from '../test-server.ts';
import type { RoomDetailJson } from '../../protocol/http/schemas.ts';

const upTo = (last: number, first = 1): number[] => Array.from({ length: last - first + 1 }, (_, i) => first + i);

describe('frames that are wrong', () => {
  const node = new LocalChatNode();
  let server: TestServer;
  let ada: ApiPerson;
  let bob: ApiPerson;
  let roster: RoomDetailJson;

  beforeAll(async () => {
    server = await serveForTest(node, { limits: { identifyMs: 1_000, socketsPerAccountMax: 3 } });
    ada = await ApiPerson.join(server.url, 'ada');
    bob = await ApiPerson.join(server.url, 'bob');
    roster = await ada.room(await ada.createRoom('group', []));
  });
  /** Whatever came before: the node serves, and nothing of it was applied. */
  afterEach(async () => {
    const { lastSeq } = await ada.room(roster.room);
    const witness = await ada.live();
    const txnId = nextTxnId();
    witness.send({ type: 'send', ref: 'w', room: roster.room, txnId, envelope: ada.seal(roster, txnId, 'w') });
    expect((await witness.next('sent')).seq).toBe(lastSeq + 1);
    witness.close();
    await waitUntil(() => server.stats.sockets === 0);
  });
  afterAll(() => server.close(1_000));

  /** @returns code of the error frame and of the close */
  async function answerTo(frame: unknown, socket?: TestSocket): Promise<[string | undefined, number]> {
    const ws = socket ?? (await ada.connect());
    ws.send(frame);
    const { code } = await ws.ended();
    return [ws.of('error').at(-1)?.code, code];
  }

  it('greets with the cluster, the node and the heartbeat', async () => {
    const socket = await ada.connect();
    expect(socket.of('hello')[0]).toEqual({ type: 'hello', cluster: ada.cluster, node: 'n1', heartbeatMs: 15_000 });
    socket.close();
  });

  it('before identify', async () => {
    const txnId = nextTxnId();
    const send = { type: 'send', ref: '1', room: roster.room, txnId, envelope: ada.seal(roster, txnId, 'x') };
    const before = node.reader.dump();
    expect(await answerTo(send)).toEqual(['identify_first', 4401]);
    expect(await answerTo({ type: 'ping', ref: '1' })).toEqual(['identify_first', 4401]);
    expect(node.reader.dump()).toEqual(before);
  });

  it('nothing at all', async () => {
    const socket = await ada.connect();
    expect((await socket.ended()).code).toBe(4401);
    expect(socket.of('error')[0]?.code).toBe('identify_first');
  });

  it('malformed, unknown, or with unknown fields', async () => {
    expect(await answerTo('{"type":')).toEqual(['malformed_json', 4400]);
    expect(await answerTo('['.repeat(100_000))).toEqual(['malformed_json', 4400]);
    expect(await answerTo('[]')).toEqual(['bad_request', 4400]);
    expect(await answerTo('7')).toEqual(['bad_request', 4400]);
    expect(await answerTo({ type: 'constructor' })).toEqual(['bad_request', 4400]);
    expect(await answerTo({ type: 'ping', colour: 'red' })).toEqual(['invalid_field', 4400]);
    expect(await answerTo({ type: 'identify', token: 'x' })).toEqual(['invalid_field', 4400]);
  });

  it('binary, or larger than allowed', async () => {
    const binary = await ada.connect();
    binary.ws.send(Buffer.from('{"type":"ping"}'));
    expect((await binary.ended()).code).toBe(4400);
    const padding = ' '.repeat(LIMITS.frameBytesMax);
    expect(await answerTo(`{"type":"ping"}${padding}`)).toEqual(['payload_too_large', 1009]);
    expect(await answerTo(`{"type":"ping"}${padding}${padding}`)).toEqual([undefined, 1009]);
  });

  it('a token that is forged, or a second identify', async () => {
    const forged = `${ada.token.slice(0, -4)}AAAA`;
    expect(await answerTo({ type: 'identify', token: forged })).toEqual(['unauthenticated', 4401]);
    const live = await ada.live();
    expect(await answerTo({ type: 'identify', token: ada.token }, live)).toEqual(['bad_request', 4400]);
  });

  it('a cursor of another cluster', async () => {
    const cursor = encodeCursor(clusterIdOf(new Uint8Array(16).fill(9)), startOfEntry(1));
    const [code] = await answerTo({ type: 'resume', token: ada.token, cursor });
    expect(code).toBe('cursor_invalid');
  });

  it('more sockets than one account may have', async () => {
    const open = [await ada.live(), await ada.live(), await ada.live()];
    expect(await answerTo({ type: 'identify', token: ada.token })).toEqual(['rate_limited', 4429]);
    for (const socket of open) socket.close();
    await waitUntil(() => server.stats.sockets === 0);
    (await ada.live()).close();
  });

  it('answers a wrong send by its ref, and goes on', async () => {
    const live = await ada.live();
    const txnId = nextTxnId();
    live.send({ type: 'send', ref: 'a', room: roster.room, txnId, envelope: 'AAAA' });
    expect(await live.next('error')).toMatchObject({ ref: 'a', code: 'invalid_envelope', retryable: false });
    live.send({ type: 'ping', ref: 'p' });
    expect(await live.next('pong')).toEqual({ type: 'pong', ref: 'p' });
    live.close();
  });

  it('a send that the log refuses changes nothing, and the socket goes on', async () => {
    const live = await ada.live();
    const txnId = nextTxnId();
    const send = (ref: string, sender: ApiPerson, socket: TestSocket): void => {
      const envelope = sender.seal(roster, txnId, ref);
      socket.send({ type: 'send', ref, room: roster.room, txnId, envelope });
    };
    send('first', ada, live);
    const { seq } = await live.next('sent');
    const before = node.reader.dump();
    send('other', ada, live);
    expect(await live.next('error')).toMatchObject({ ref: 'other', code: 'txn_reused', retryable: false });
    const outsider = await bob.live();
    send('outside', bob, outsider);
    expect(await outsider.next('error')).toMatchObject({ ref: 'outside', code: 'no_such_room', retryable: false });
    expect(node.reader.dump()).toEqual(before);
    expect((await ada.room(roster.room)).lastSeq).toBe(seq);
    for (const socket of [live, outsider]) {
      socket.send({ type: 'ping' });
      await socket.next('pong');
      socket.close();
    }
  });

  it('other paths, other origins, and what is no upgrade', async () => {
    const foreign = new TestSocket(server.url, { headers: { origin: 'https://evil.example' } });
    await foreign.ended();
    expect(foreign.refusedWith).toBe(403);
    const own = new TestSocket(server.url, { headers: { origin: server.url } });
    await own.next('hello');
    own.close();
    const wrongPath = new TestSocket(`${server.url}/v2`);
    await wrongPath.ended();
    expect(wrongPath.refusedWith).toBe(404);
  });
});

describe('the live feed', () => {
  let node: LocalChatNode;
  let server: TestServer;
  let ada: ApiPerson;
  let bob: ApiPerson;

  beforeAll(async () => {
    node = new LocalChatNode();
    const limits = {
      perAccount: { perSecond: 1e6, burst: 1e6 },
      perAddress: { perSecond: 1e6, burst: 1e6 },
      catchUpEventsMax: 16,
      catchUpPageEvents: 8,
      inFlightSendsMax: 8,
      socketQueueBytesMax: 512 * 1024,
    };
    server = await serveForTest(node, { limits });
    ada = await ApiPerson.join(server.url, 'ada');
    bob = await ApiPerson.join(server.url, 'bob');
  });
  afterAll(() => server.close(1_000));

  async function roomOf(...members: ApiPerson[]): Promise<RoomDetailJson> {
    return ada.room(
      await ada.createRoom(
        'group',
        members.map(({ account }) => account),
      ),
    );
  }

  /** Sends `count` messages over one socket, all at once, and resolves when all are acknowledged. */
  async function flood(sender: TestSocket, roster: RoomDetailJson, count: number, text = 'x'): Promise<void> {
    const before = sender.of('sent').length;
    for (let i = 0; i < count; i++) {
      const txnId = nextTxnId();
      sender.send({ type: 'send', ref: `${i}`, room: roster.room, txnId, envelope: ada.seal(roster, txnId, text) });
      if (i % 4 === 0) await new Promise(setImmediate);
    }
    await waitUntil(() => sender.of('sent').length + sender.of('error').length - before >= count, 20_000, 'all sent');
  }

  it('acknowledges every send in order, however many are under way', async () => {
    const roster = await roomOf();
    const socket = await ada.live();
    for (let i = 0; i < 200; i++) {
      const txnId = nextTxnId();
      socket.send({ type: 'send', ref: `${i}`, room: roster.room, txnId, envelope: ada.seal(roster, txnId, 'x') });
    }
    await waitUntil(() => socket.of('sent').length + socket.of('error').length === 200);
    const refused = socket.of('error');
    expect(refused.every(({ code, retryable }) => code === 'overloaded' && retryable)).toBe(true);
    expect(socket.of('sent').map(({ seq }) => seq)).toEqual(upTo(200 - refused.length));
    const refs = socket.of('sent').map(({ ref }) => Number(ref));
    expect(refs).toEqual(refs.toSorted((a, b) => a - b));
    socket.close();
  });

  it('resumes exactly, from any event, while others keep sending', async () => {
    const roster = await roomOf(bob);
    const sender = await ada.live();
    const first = await bob.live();
    await flood(sender, roster, 20);
    await waitUntil(() => first.seqs(roster.room).length === 20);
    const received = first.of('event');
    first.close();

    const flooding = flood(sender, roster, 120);
    const resumed = await Promise.all(
      [3, 7, 19].map(async (i) => {
        const { cursor, event } = received[i]!;
        return { from: (event as { seq: number }).seq, socket: await bob.live(cursor) };
      }),
    );
    await flooding;
    const last = (await ada.room(roster.room)).lastSeq;
    for (const { from, socket } of resumed) {
      await waitUntil(() => socket.seqs(roster.room).at(-1) === last, 20_000, 'everything');
      expect(socket.of('ready')[0]?.recovered).toBe(true);
      expect(socket.seqs(roster.room)).toEqual(upTo(last, from + 1));
      socket.close();
    }
    sender.close();
  });

  it('identify begins now and misses nothing of what follows', async () => {
    const roster = await roomOf(bob);
    const sender = await ada.live();
    const flooding = flood(sender, roster, 100);
    const socket = await bob.live();
    await flooding;
    const last = (await ada.room(roster.room)).lastSeq;
    await waitUntil(() => socket.seqs(roster.room).at(-1) === last, 20_000, 'everything');
    const seqs = socket.seqs(roster.room);
    expect(seqs).toEqual(upTo(last, seqs[0]));
    // What came before is behind the cursor of `ready`.
    const { cursor } = socket.of('ready')[0]!;
    const again = await bob.live(cursor);
    await waitUntil(() => again.seqs(roster.room).at(-1) === last);
    expect(again.seqs(roster.room)).toEqual(seqs);
    for (const open of [again, socket, sender]) open.close();
  });

  it('goes on without gap or double after the state was replaced by a snapshot', async () => {
    const roster = await roomOf(bob);
    const socket = await bob.live();
    for (let round = 0; round < 3; round++) {
      await ada.send(roster, 'seen');
      await node.replaceState(() => Promise.all([ada.send(roster, 'skipped'), ada.send(roster, 'skipped')]));
    }
    await ada.send(roster, 'seen');
    await waitUntil(() => socket.seqs(roster.room).at(-1) === 10);
    expect(socket.seqs(roster.room)).toEqual(upTo(10));
    socket.close();
  });

  it('follows membership: those who join hear what follows, those who leave nothing more', async () => {
    const roster = await roomOf();
    const { room } = roster;
    const socket = await bob.live();
    await ada.send(roster, 'before');
    await ada.call('PUT', `/v1/rooms/${room}/members/bob`, { txnId: nextTxnId() });
    expect((await socket.next('event')).event).toMatchObject({
      kind: 'members-added',
      room,
      members: [{ account: 'bob', accountId: bob.account }],
    });
    await ada.send(await ada.room(room), 'between');
    expect((await socket.next('event')).event).toMatchObject({ kind: 'message', seq: 2 });
    await ada.call('DELETE', `/v1/rooms/${room}/members/bob?txnId=${nextTxnId()}`);
    expect((await socket.next('event')).event).toMatchObject({ kind: 'member-removed', room });
    await ada.send(await ada.room(room), 'after');
    const other = await bob.directRoom(ada);
    expect((await socket.next('event')).event).toMatchObject({ kind: 'room-created', room: other });
    expect(socket.seqs(room)).toEqual([2]);
    socket.close();
  });

  it('tells those who share a room of new devices, in the order of the log', async () => {
    const roster = await roomOf(bob);
    const stranger = await ApiPerson.join(server.url, 'stranger');
    const [bobs, strangers] = [await bob.live(), await stranger.live()];
    const second = new ApiPerson(server.url, 'ada', { user: ada.user });
    const { signature: _unsigned, ...keys } = second.deviceRecord();
    await second.call('POST', '/v1/accounts/ada/device-requests', { ...keys, txnId: nextTxnId() });
    node.hold();
    const approving = ada.call('PUT', `/v1/devices/${second.deviceId}`, {
      record: second.deviceRecord(),
      sealedUserKey: 'AAAA',
      txnId: nextTxnId(),
    });
    const sending = ada.send(roster, 'in the same entry, for the old devices');
    const meanwhile = ada.send(roster, 'and another');
    await new Promise(setImmediate);
    node.release();
    await Promise.all([approving, sending, meanwhile]);
    await ada.send(await ada.room(roster.room), 'for the new ones');
    await waitUntil(() => bobs.seqs(roster.room).length > 0);
    const kinds = bobs.of('event').map(({ event }) => event.kind);
    expect(kinds.filter((kind) => kind === 'devices-changed')).toHaveLength(1);
    expect(kinds.at(-1)).toBe('message');
    const order = bobs.of('event').map(({ cursor }) => cursor);
    expect(order).toEqual(order.toSorted());
    expect(strangers.of('event')).toEqual([]);
    for (const open of [bobs, strangers]) open.close();
  });

  it('cuts off a reader that does not read, and loses nothing for it', async () => {
    const roster = await roomOf(bob);
    const slow = await bob.live();
    const fast = await bob.live();
    slow.ws.pause();
    const sender = await ada.live();
    const text = 'x'.repeat(40_000);
    // Beyond what the sockets' own buffers of this machine hold.
    for (let round = 0; round < 60 && server.stats.sockets > 2; round++) await flood(sender, roster, 8, text);
    await waitUntil(() => server.stats.sockets === 2, 10_000, 'the slow reader to be cut off');
    slow.ws.resume();
    await slow.ended();
    const seen = slow.of('event').at(-1)!;
    const last = (await ada.room(roster.room)).lastSeq;
    await waitUntil(() => fast.seqs(roster.room).at(-1) === last);
    expect(fast.seqs(roster.room)).toEqual(upTo(last));

    const resumed = await bob.live(seen.cursor);
    await waitUntil(() => resumed.seqs(roster.room).at(-1) === last, 20_000, 'what was missed');
    expect([...slow.seqs(roster.room), ...resumed.seqs(roster.room)]).toEqual(upTo(last));
    for (const open of [fast, resumed, sender]) open.close();
  });

  it('writes many events of one turn at once', async () => {
    const roster = await roomOf();
    let chunks: Buffer[] = [];
    const received = (): string => Buffer.concat(chunks).toString('latin1');
    const raw = connect(Number(new URL(server.url).port), '127.0.0.1');
    const handshake = [
      'GET /v1/ws HTTP/1.1',
      'Host: 127.0.0.1',
      'Connection: Upgrade',
      'Upgrade: websocket',
      'Sec-WebSocket-Version: 13',
      'Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==',
      '\r\n',
    ];
    raw.on('data', (chunk: Buffer) => chunks.push(chunk));
    raw.write(handshake.join('\r\n'));
    await waitUntil(() => received().includes('"hello"'));
    raw.write(maskedText(JSON.stringify({ type: 'identify', token: ada.token })));
    await waitUntil(() => received().includes('"ready"'));
    chunks = [];
    node.hold();
    const sends = upTo(10).map((i) => ada.send(roster, `${i}`));
    await waitUntil(() => node.waitingCount === 10);
    node.release();
    await Promise.all(sends);
    await waitUntil(() => received().split('"kind":"message"').length === 11);
    expect(chunks.length).toBeLessThan(5);
    raw.destroy();
  });
});

describe('a node that goes', () => {
  it('answers what it took, says where else to go, and closes', async () => {
    const node = new LocalChatNode({ neighbourUrl: () => 'http://127.0.0.1:1' });
    const server = await serveForTest(node);
    const ada = await ApiPerson.join(server.url, 'ada');
    const roster = await ada.room(await ada.createRoom('group', []));
    const socket = await ada.live();
    node.hold();
    const txnId = nextTxnId();
    socket.send({ type: 'send', ref: 'a', room: roster.room, txnId, envelope: ada.seal(roster, txnId, 'x') });
    await waitUntil(() => node.waitingCount === 1);
    const closing = server.close(5_000);
    expect(await socket.next('goaway')).toMatchObject({ alternatives: ['http://127.0.0.1:1'] });
    node.release();
    expect((await socket.next('sent')).seq).toBe(1);
    expect(await socket.ended()).toEqual({ code: 4504, reason: 'shutting_down' });
    await closing;
    await expect(fetch(`${server.url}/livez`)).rejects.toThrow('fetch failed');
  });

  it('cuts what is not done in time', async () => {
    const node = new LocalChatNode();
    const server = await serveForTest(node);
    const ada = await ApiPerson.join(server.url, 'ada');
    const roster = await ada.room(await ada.createRoom('group', []));
    const socket = await ada.live();
    socket.ws.pause();
    node.hold();
    const sending = ada.send(roster, 'x').catch((error: unknown) => error);
    await waitUntil(() => node.waitingCount === 1);
    await server.close(100);
    expect(await sending).toBeInstanceOf(Error);
    socket.ws.terminate();
    node.release();
  });

  it('sends its clients away when it is cut off from the cluster', async () => {
    const node = new LocalChatNode({ neighbourUrl: () => 'http://127.0.0.1:1' });
    const server = await serveForTest(node, { limits: { heartbeatMs: 50 } });
    const ada = await ApiPerson.join(server.url, 'ada');
    const socket = await ada.live();
    node.loseLeader(60_000);
    expect((await socket.next('goaway')).alternatives).toHaveLength(1);
    expect(await socket.ended()).toEqual({ code: 4503, reason: 'no_leader' });
    const again = await ada.connect();
    again.send({ type: 'identify', token: ada.token });
    expect((await again.next('error')).code).toBe('no_leader');
    node.loseLeader(0);
    (await ada.live()).close();
    await server.close(1_000);
  });

  it('ends sockets that answer no heartbeat', async () => {
    const server = await serveForTest(new LocalChatNode(), { limits: { heartbeatMs: 50 } });
    const ada = await ApiPerson.join(server.url, 'ada');
    const alive = await ada.live();
    const dead = await ada.live();
    dead.ws.pause();
    await waitUntil(() => server.stats.sockets === 1);
    alive.send({ type: 'ping' });
    expect(await alive.next('pong')).toEqual({ type: 'pong' });
    expect(alive.ws.readyState).toBe(alive.ws.OPEN);
    alive.close();
    dead.ws.terminate();
    await server.close(1_000);
  });
});

/** A client's frame, RFC 6455 section 5.2, for texts of 126 to 65,535 bytes. */
function maskedText(text: string): Buffer {
  const head = Buffer.from([0x81, 0x80 | 126, text.length >> 8, text.length & 0xff, 0, 0, 0, 0]);
  return Buffer.concat([head, Buffer.from(text)]);
}
