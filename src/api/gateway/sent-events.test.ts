import { once } from 'node:events';
import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { serveForTest } from '../test-server.ts';
import { ApiPerson, nextTxnId } from '../../testing/api-person.ts';
import { LocalChatNode } from '../../testing/local-chat-node.ts';
import { waitUntil } from '../../testing/wait-until.ts';
import { encodeCursor, startOfEntry } from '../../chat/queries-cursor.ts';
import type { TestServer } from '../test-server.ts';
import type { EventFrameJson } from '../../protocol/http/frames.ts';

interface Sent {
  readonly event: string;
  readonly id: string | undefined;
  readonly data: Record<string, unknown>;
}

/** Reads a stream of server-sent events to its end, or until it is stopped. */
class Listening {
  readonly sent: Sent[] = [];
  ended = false;
  headers = new Headers();
  readonly #stop = new AbortController();

  static async open(url: string, token: string, query = '', headers: Record<string, string> = {}): Promise<Listening> {
    const listening = new Listening();
    const { signal } = listening.#stop;
    const all = { authorization: `Bearer ${token}`, ...headers };
    const response = await fetch(`${url}/v1/events${query}`, { headers: all, signal });
    listening.headers = response.headers;
    void listening.#read(response.body!);
    return listening;
  }

  stop(): void {
    this.#stop.abort();
  }

  seqs(): number[] {
    return this.sent.flatMap(({ event, data }) => {
      const content = event === 'event' ? (data as EventFrameJson).event : null;
      return content?.kind === 'message' ? [content.seq] : [];
    });
  }

  async #read(body: ReadableStream<Uint8Array>): Promise<void> {
    let text = '';
    try {
      for await (const chunk of body.pipeThrough(new TextDecoderStream())) {
        const blocks = (text + chunk).split('\n\n');
        text = blocks.pop()!;
        for (const block of blocks) this.#take(block);
      }
    } catch {
      // stopped
    }
    this.ended = true;
  }

  #take(block: string): void {
    const fields = Object.fromEntries(block.split('\n').map((line) => line.split(/: (.*)/s, 2))) as Record<
      string,
      string
    >;
    if (fields['data'] === undefined) return;
    this.sent.push({ event: fields['event']!, id: fields['id'], data: JSON.parse(fields['data']) as Sent['data'] });
  }
}

describe('server-sent events', () => {
  const node = new LocalChatNode();
  let server: TestServer;
  let ada: ApiPerson;

  beforeAll(async () => {
    server = await serveForTest(node);
    ada = await ApiPerson.join(server.url, 'ada');
  });
  afterAll(() => server.close(1_000));

  it('brings the same feed as a WebSocket, and goes on from Last-Event-ID', async () => {
    const roster = await ada.room(await ada.createRoom('group', []));
    const first = await Listening.open(server.url, ada.token);
    await waitUntil(() => first.sent[0]?.event === 'ready');
    expect(first.headers.get('content-type')).toBe('text/event-stream; charset=utf-8');
    expect(first.headers.get('cache-control')).toBe('no-store');
    for (let i = 0; i < 3; i++) await ada.send(roster, `${i}`);
    await waitUntil(() => first.seqs().length === 3);
    const socket = await ada.live(first.sent[0]!.data['cursor'] as string);
    await waitUntil(() => socket.of('event').length === 3);
    expect(first.sent.slice(1).map(({ data }) => data)).toEqual(socket.of('event'));
    socket.close();
    first.stop();

    await ada.send(roster, 'missed');
    const second = await Listening.open(server.url, ada.token, '', { 'last-event-id': first.sent[2]!.id! });
    await waitUntil(() => second.seqs().length === 2);
    expect(second.sent[0]!.data).toMatchObject({ type: 'ready', recovered: true });
    expect(second.seqs()).toEqual([3, 4]);
    const third = await Listening.open(server.url, ada.token, `?cursor=${first.sent[3]!.id}`);
    await ada.send(roster, 'live');
    await waitUntil(() => third.seqs().length === 2 && second.seqs().length === 3);
    expect([second.seqs(), third.seqs()]).toEqual([
      [3, 4, 5],
      [4, 5],
    ]);
    second.stop();
    third.stop();
  });

  it('ends with its session, saying so', async () => {
    const bob = await ApiPerson.join(server.url, 'bob');
    const listening = await Listening.open(server.url, bob.token);
    await waitUntil(() => listening.sent.length === 1);
    await bob.call('DELETE', `/v1/sessions/current?txnId=${nextTxnId()}`);
    await waitUntil(() => listening.ended);
    expect(listening.sent.at(-1)).toMatchObject({ event: 'error', data: { code: 'session_revoked' } });
  });

  it('goes on from Last-Event-ID, not from the cursor that the address began with', async () => {
    const roster = await ada.room(await ada.createRoom('group', []));
    const first = await Listening.open(server.url, ada.token);
    await waitUntil(() => first.sent[0]?.event === 'ready');
    for (let i = 0; i < 2; i++) await ada.send(roster, `${i}`);
    await waitUntil(() => first.seqs().length === 2);
    first.stop();
    const query = `?cursor=${first.sent[0]!.data['cursor'] as string}`;
    const again = await Listening.open(server.url, ada.token, query, { 'last-event-id': first.sent[1]!.id! });
    await waitUntil(() => again.seqs().length > 0);
    expect(again.seqs()).toEqual([2]);
    again.stop();
  });

  it.each([
    ['strangers', '', () => '', 401, 'unauthenticated'],
    ['a cursor that is none', '?cursor=AAAA', () => ada.token, 410, 'cursor_invalid'],
    ['unknown fields', '?since=yesterday', () => ada.token, 400, 'invalid_field'],
  ])('refuses %s before the stream begins', async (_what, query, token, status, code) => {
    const headers = token() === '' ? {} : { authorization: `Bearer ${token()}` };
    const answer = await fetch(`${server.url}/v1/events${query}`, { headers });
    expect(answer.headers.get('content-type')).toBe('application/problem+json; charset=utf-8');
    expect([answer.status, ((await answer.json()) as { code: string }).code]).toEqual([status, code]);
    expect(server.stats.sockets).toBe(0);
  });

  it('has no answer to HEAD, which would never end', async () => {
    const headers = { authorization: `Bearer ${ada.token}` };
    const answer = await fetch(`${server.url}/v1/events`, { method: 'HEAD', headers });
    expect([answer.status, answer.headers.get('allow')]).toEqual([405, 'GET']);
  });

  it('counts like sockets, against the same bounds', async () => {
    const own = await serveForTest(new LocalChatNode(), { limits: { socketsPerAccountMax: 2 } });
    const eve = await ApiPerson.join(own.url, 'eve');
    const socket = await eve.live();
    const listening = await Listening.open(own.url, eve.token);
    await waitUntil(() => listening.sent.length === 1);
    expect(own.stats.sockets).toBe(2);
    const refused = await fetch(`${own.url}/v1/events`, { headers: { authorization: `Bearer ${eve.token}` } });
    expect([refused.status, ((await refused.json()) as { code: string }).code]).toEqual([429, 'rate_limited']);
    listening.stop();
    await waitUntil(() => own.stats.sockets === 1);
    const again = await Listening.open(own.url, eve.token);
    await waitUntil(() => again.sent.length === 1);
    again.stop();
    socket.close();
    await own.close(1_000);
  });

  it('forgets whoever leaves while the node catches up', async () => {
    const own = new LocalChatNode();
    const slow = await serveForTest(own);
    const eve = await ApiPerson.join(slow.url, 'eve');
    const leaving = new AbortController();
    const ahead = encodeCursor(own.clusterId!, startOfEntry(own.reader.appliedIndex + 1));
    const headers = { authorization: `Bearer ${eve.token}` };
    const asking = fetch(`${slow.url}/v1/events?cursor=${ahead}`, { headers, signal: leaving.signal });
    await waitUntil(() => slow.stats.sockets === 1);
    leaving.abort();
    await expect(asking).rejects.toThrow('aborted');
    await eve.createRoom('group', []);
    await waitUntil(() => slow.stats.sockets === 0);
    await slow.close(1_000);
  });

  it('does not begin on a node that goes down while it catches up', async () => {
    const own = new LocalChatNode();
    const going = await serveForTest(own);
    const staying = await serveForTest(own);
    const eve = await ApiPerson.join(staying.url, 'eve');
    const ahead = encodeCursor(own.clusterId!, startOfEntry(own.reader.appliedIndex + 1));
    const listening = Listening.open(going.url, eve.token, `?cursor=${ahead}`);
    await waitUntil(() => going.stats.sockets === 1);
    const closing = going.close(60_000);
    await waitUntil(async () => (await fetch(`${going.url}/livez`).catch(() => null)) === null);
    await eve.createRoom('group', []);
    const { sent } = await listening;
    await waitUntil(() => sent.length > 0);
    expect(sent).toMatchObject([{ event: 'error', data: { code: 'shutting_down' } }]);
    await closing;
    await staying.close(1_000);
  });

  it('cuts off a reader that does not read, who goes on from the last event', async () => {
    const limits = { perAccount: { perSecond: 1e6, burst: 1e6 }, socketQueueBytesMax: 256 * 1024 };
    const own = await serveForTest(new LocalChatNode(), { limits });
    const eve = await ApiPerson.join(own.url, 'eve');
    const roster = await eve.room(await eve.createRoom('group', []));
    const { port } = new URL(own.url);
    const raw = connect(Number(port), '127.0.0.1');
    let received = '';
    raw.on('data', (chunk: Buffer) => (received += chunk.toString('latin1')));
    raw.write(`GET /v1/events HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${eve.token}\r\n\r\n`);
    await waitUntil(() => received.includes('event: ready'));
    raw.pause();
    let sent = 0;
    // Beyond what the sockets' own buffers of this machine hold.
    for (; sent < 2_000 && own.stats.sockets === 1; sent++) await eve.send(roster, 'x'.repeat(40_000));
    await waitUntil(() => own.stats.sockets === 0, 10_000, 'the slow reader to be cut off');
    raw.resume();
    await once(raw, 'close');
    const seen = Array.from(received.matchAll(/"seq":(\d+),/g), ([, seq]) => Number(seq));
    const last = [...received.matchAll(/^id: (.+)$/gm)].at(-1)![1]!;
    const resumed = await Listening.open(own.url, eve.token, `?cursor=${last}`);
    await waitUntil(() => resumed.seqs().at(-1) === sent);
    const all = Array.from({ length: sent }, (_, i) => i + 1);
    expect([...new Set([...seen, ...resumed.seqs()])]).toEqual(all);
    resumed.stop();
    await own.close(1_000);
  });

  it('ends when the node goes', async () => {
    const own = await serveForTest(new LocalChatNode());
    const eve = await ApiPerson.join(own.url, 'eve');
    const listening = await Listening.open(own.url, eve.token);
    await waitUntil(() => listening.sent.length === 1);
    await own.close(5_000);
    await waitUntil(() => listening.ended);
    expect(listening.sent.at(-1)).toMatchObject({ event: 'error', data: { code: 'shutting_down' } });
  });
});
