import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { serveForTest } from '../test-server.ts';
import { ApiPerson, nextTxnId } from '../../testing/api-person.ts';
import { LocalChatNode } from '../../testing/local-chat-node.ts';
import { waitUntil } from '../../testing/wait-until.ts';
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

  it('refuses strangers before the stream begins', async () => {
    const answer = await fetch(`${server.url}/v1/events`);
    expect([answer.status, ((await answer.json()) as { code: string }).code]).toEqual([401, 'unauthenticated']);
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
