import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { serveForTest } from '../test-server.ts';
import { ApiPerson, nextTxnId } from '../../testing/api-person.ts';
import { LocalChatNode } from '../../testing/local-chat-node.ts';
import { waitUntil } from '../../testing/wait-until.ts';
import { encodeCursor, startOfEntry } from '../../chat/queries-cursor.ts';
import type { TestServer } from '../test-server.ts';

describe('a live feed and the session behind it', () => {
  const node = new LocalChatNode();
  let server: TestServer;
  let bob: ApiPerson;

  beforeAll(async () => {
    // No heartbeat looks after the sessions here.
    const limits = { identifyMs: 100, requestDeadlineMs: 1_000, heartbeatMs: 3_600_000 };
    server = await serveForTest(node, { limits });
    bob = await ApiPerson.join(server.url, 'bob');
  });
  afterAll(() => server.close(1_000));

  /** Behind what this node will have applied after so many further commands. */
  const cursorAhead = (commands: number): string =>
    encodeCursor(node.clusterId!, startOfEntry(node.reader.appliedIndex + commands));

  /** Ends the session of a token by another one of the same device. */
  async function revoke(): Promise<{ token: string; end: () => Promise<unknown> }> {
    const { token, session } = await bob.login();
    await bob.login();
    return { token, end: () => bob.call('DELETE', `/v1/sessions/${session}?txnId=${nextTxnId()}`) };
  }

  it('does not open when the session ended while the node was catching up', async () => {
    const { token, end } = await revoke();
    const socket = await bob.connect();
    socket.send({ type: 'resume', token, cursor: cursorAhead(2) });
    await end();
    await bob.createRoom('group', []);
    expect(await socket.ended()).toEqual({ code: 4403, reason: 'session_revoked' });
    expect(socket.of('ready')).toEqual([]);
  });

  it('closes when the end of the session came in a snapshot', async () => {
    const { token, end } = await revoke();
    const socket = await bob.connect();
    socket.send({ type: 'identify', token });
    await socket.next('ready');
    await node.replaceState(end);
    expect(await socket.ended()).toEqual({ code: 4403, reason: 'session_revoked' });
  });

  it('says that the node is behind when it does not catch up, however short the time to identify', async () => {
    const socket = await bob.connect();
    socket.send({ type: 'resume', token: bob.token, cursor: cursorAhead(1_000) });
    expect(await socket.next('error')).toMatchObject({ code: 'behind', retryable: true });
    expect(await socket.ended()).toEqual({ code: 4503, reason: 'behind' });
  });

  it('answers pings while the node catches up', async () => {
    const socket = await bob.connect();
    socket.send({ type: 'resume', token: bob.token, cursor: cursorAhead(1) });
    socket.send({ type: 'ping', ref: 'p' });
    expect(await socket.next('pong')).toEqual({ type: 'pong', ref: 'p' });
    expect(socket.of('ready')).toEqual([]);
    await bob.createRoom('group', []);
    await socket.next('ready');
    socket.close();
  });

  it('limits pings like requests', async () => {
    const perAccount = { perSecond: 0.001, burst: 2 };
    const tight = await serveForTest(new LocalChatNode(), { limits: { perAccount } });
    const ada = await ApiPerson.join(tight.url, 'ada');
    const socket = await ada.live();
    socket.send({ type: 'ping', ref: '1' });
    socket.send({ type: 'ping', ref: '2' });
    expect(await socket.next('pong')).toMatchObject({ ref: '1' });
    expect(await socket.next('error')).toMatchObject({ ref: '2', code: 'rate_limited', retryable: true });
    socket.close();
    await tight.close(1_000);
  });

  it('takes no further sends once its node is going, and answers those it took', async () => {
    const going = new LocalChatNode();
    const own = await serveForTest(going);
    const ada = await ApiPerson.join(own.url, 'ada');
    const roster = await ada.room(await ada.createRoom('group', []));
    const socket = await ada.live();
    const send = (ref: string): void => {
      const txnId = nextTxnId();
      socket.send({ type: 'send', ref, room: roster.room, txnId, envelope: ada.seal(roster, txnId, ref) });
    };
    going.hold();
    send('taken');
    await waitUntil(() => going.waitingCount === 1);
    const closing = own.close(10_000);
    await socket.next('goaway');
    send('late');
    expect(await socket.next('error')).toMatchObject({ ref: 'late', code: 'shutting_down', retryable: true });
    going.release();
    expect(await socket.next('sent')).toMatchObject({ ref: 'taken', seq: 1 });
    expect((await socket.ended()).code).toBe(4504);
    await closing;
  });
});
