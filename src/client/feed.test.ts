import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { serveForTest } from '../api/test-server.ts';
import { TestClient } from '../testing/client/test-client.ts';
import { problemOf } from '../testing/client/test-network.ts';
import { LocalChatNode } from '../testing/local-chat-node.ts';
import { ManualClock } from '../testing/manual-clock.ts';
import { waitUntil } from '../testing/wait-until.ts';
import type { TestServer } from '../api/test-server.ts';
import type { ParleyError } from '../protocol/errors.ts';
import type { TestLine } from '../testing/client/test-network.ts';
import type { FeedListener } from './feed.ts';
import type { MessageLine } from './reader.ts';

const MS_MAX = 10_000;
const LIST = /^\/v1\/rooms\?/;
const PAGE = /\/messages\?/;

/** Somebody who listens, and all that was heard. */
class Ear implements FeedListener {
  readonly heard: MessageLine[] = [];
  readonly endpoints: string[] = [];
  readonly losses: ParleyError[] = [];
  readonly person: TestClient;
  readonly ended: Promise<unknown>;
  readonly #stopping = new AbortController();

  constructor(person: TestClient, target: string | null = null) {
    this.person = person;
    this.ended = person.client.follow(target, this, this.#stopping.signal).catch((error: unknown) => error);
  }

  static async live(person: TestClient, target: string | null = null): Promise<Ear> {
    const ear = new Ear(person, target);
    await waitUntil(() => ear.endpoints.length > 0, MS_MAX, 'the feed to be live');
    return ear;
  }

  messages(lines: readonly MessageLine[]): void {
    this.heard.push(...lines);
  }

  connected(endpoint: string): void {
    this.endpoints.push(endpoint);
  }

  disconnected(reason: ParleyError): void {
    this.losses.push(reason);
  }

  get texts(): string[] {
    return this.heard.map(({ text, unreadable }) => text ?? `(${unreadable})`);
  }

  get line(): TestLine {
    return this.person.network.sockets.at(-1)!;
  }

  /** Everything that was heard, once it is so many messages. */
  async hears(count: number): Promise<string[]> {
    await waitUntil(() => this.heard.length >= count, MS_MAX, `to hear ${count} messages`);
    return this.texts;
  }

  async reconnected(times = 2): Promise<void> {
    await waitUntil(() => this.endpoints.length >= times, MS_MAX, 'to be live again');
  }

  stop(): Promise<unknown> {
    this.#stopping.abort();
    return this.ended;
  }
}

describe('the live feed', () => {
  let node: LocalChatNode;
  let servers: TestServer[];
  let endpoints: string[];
  let ann: TestClient;
  let bob: TestClient;
  let ear: Ear | undefined;

  beforeEach(async () => {
    node = new LocalChatNode();
    servers = [await serveForTest(node), await serveForTest(node)];
    endpoints = servers.map(({ url }) => url);
    ann = await TestClient.registered('ann', { endpoints });
    bob = await TestClient.registered('bob', { endpoints });
    await ann.say('@bob', 'before');
  });
  afterEach(async () => {
    await ear?.stop();
    ear = undefined;
    await Promise.all(servers.map((server) => server.close(0)));
  });
  const say = async (...texts: string[]): Promise<void> => {
    for (const text of texts) await ann.say('@bob', text);
  };

  it('brings what is written from now on, in all rooms or in one', async () => {
    await ann.client.rooms.createGroup('garden', ['bob'], MS_MAX);
    ear = await Ear.live(bob);
    const second = await TestClient.open({ endpoints, store: bob.store });
    const only = await Ear.live(second, 'garden');
    await say('one');
    await ann.say('garden', 'two');
    await say('three');
    expect(await ear.hears(3)).toEqual(['one', 'two', 'three']);
    expect(await only.hears(1)).toEqual(['two']);
    expect(ear.heard.map(({ seq }) => seq)).toEqual([2, 1, 3]);
    await only.stop();
  });

  it('brings what one writes oneself, also on another device', async () => {
    ear = await Ear.live(ann);
    await say('one');
    expect(await ear.hears(1)).toEqual(['one']);
  });

  it('brings rooms that did not exist at first', async () => {
    ear = await Ear.live(bob);
    const carl = await TestClient.registered('carl', { endpoints });
    await carl.say('@bob', 'hello');
    await carl.client.rooms.createGroup('yard', ['bob'], MS_MAX);
    await carl.say('yard', 'hello all');
    expect(await ear.hears(2)).toEqual(['hello', 'hello all']);
  });

  it('brings what was written between the beginning and the list of rooms', async () => {
    bob.network.interpose((request) => (LIST.test(request.path) ? say('early').then(request.deliver) : undefined));
    ear = await Ear.live(bob);
    await say('late');
    expect(await ear.hears(2)).toEqual(['early', 'late']);
    expect(ear.heard.map(({ seq }) => seq)).toEqual([2, 3]);
  });

  it('is at peace with a list that is older than the first event', async () => {
    bob.network.interpose((request) =>
      LIST.test(request.path) ? request.deliver().then(async (answer) => (await say('early'), answer)) : undefined,
    );
    ear = await Ear.live(bob);
    await say('late');
    expect(await ear.hears(2)).toEqual(['early', 'late']);
  });

  it('brings every message once and in order, however often the connection dies', async () => {
    await ann.client.rooms.createGroup('garden', ['bob'], MS_MAX);
    ear = await Ear.live(bob);
    const expected: string[] = [];
    for (let i = 0; i < 60; i++) {
      const target = i % 3 === 0 ? 'garden' : '@bob';
      await ann.say(target, String(i));
      expected.push(String(i));
      if (i % 7 === 3) ear.line.cut();
      if (i % 11 === 5) ear.line.hold();
      if (i % 11 === 8) ear.line.release();
    }
    await waitUntil(() => ear!.heard.length >= expected.length);
    const inRoom = (room: string): string[] => ear!.heard.filter((line) => line.room === room).map((l) => l.text!);
    const rooms = new Set(ear.heard.map(({ room }) => room));
    expect(rooms.size).toBe(2);
    for (const room of rooms) expect(inRoom(room)).toEqual(expected.filter((text) => inRoom(room).includes(text)));
    expect(ear.texts.toSorted()).toEqual(expected.toSorted());
    expect(ear.losses.length).toBeGreaterThan(3);
    expect(new Set(ear.endpoints)).toEqual(new Set(endpoints));
  });

  it('moves to another node when one goes down, without a gap', async () => {
    ear = await Ear.live(bob);
    await say('one');
    expect(await ear.hears(1)).toEqual(['one']);
    const index = endpoints.indexOf(ear.endpoints[0]!);
    await servers[index]!.close(100);
    await say('two');
    expect(await ear.hears(2)).toEqual(['one', 'two']);
    expect(ear.endpoints).toEqual([endpoints[index], endpoints[1 - index]]);
  });

  it('begins where it stood when nodes are back', async () => {
    const [server] = servers;
    const lonely = await TestClient.open({ endpoints: [server!.url], store: bob.store });
    ear = await Ear.live(lonely);
    await say('one');
    expect(await ear.hears(1)).toEqual(['one']);
    await server!.close(0);
    ann.network.cut(server!.url);
    await say('two');
    const { port } = new URL(server!.url);
    await waitUntil(() => lonely.network.sockets.length > 3);
    servers[0] = await serveForTest(node, { config: { port: Number(port) } });
    expect(await ear.hears(2)).toEqual(['one', 'two']);
  });

  describe('when what was missed is not replayed', () => {
    /** The connection is lost; what happens meanwhile is not replayed by the next one, which says so. */
    const missing = async (meanwhile: () => Promise<unknown>): Promise<void> => {
      const { network } = bob;
      network.socketsFail = true;
      ear!.line.cut();
      await meanwhile();
      network.socketsFail = false;
      const tried = network.sockets.length;
      await waitUntil(() => network.sockets.length > tried);
      network.sockets.at(-1)!.change = (frame) => {
        if (frame['type'] === 'ready') return { ...frame, recovered: false };
        return isMessage(frame) && ear!.endpoints.length === 1 ? null : frame;
      };
      await ear!.reconnected();
    };

    it('reads it from the rooms', async () => {
      ear = await Ear.live(bob);
      await say('one');
      expect(await ear.hears(1)).toEqual(['one']);
      await missing(() => say('two', 'three'));
      await say('four');
      expect(await ear.hears(4)).toEqual(['one', 'two', 'three', 'four']);
    });

    it('reads rooms that were joined meanwhile from their first message', async () => {
      ear = await Ear.live(bob);
      const carl = await TestClient.registered('carl', { endpoints });
      const room = await carl.client.rooms.createGroup('yard', [], MS_MAX);
      await carl.say('yard', 'before bob');
      await missing(async () => {
        await carl.client.rooms.add(room, 'bob', MS_MAX);
        await carl.say('yard', 'one');
        await carl.say('@bob', 'hello');
      });
      expect((await ear.hears(2)).toSorted()).toEqual(['hello', 'one']);
      await carl.say('yard', 'two');
      expect((await ear.hears(3)).at(-1)).toBe('two');
    });

    it('does so also in a room whose events never came', async () => {
      ear = await Ear.live(bob);
      await missing(() => say('one'));
      await say('two');
      expect(await ear.hears(2)).toEqual(['one', 'two']);
    });
  });

  it('reads what an event leaves out, and brings nothing twice after it', async () => {
    ear = await Ear.live(bob);
    await say('one');
    expect(await ear.hears(1)).toEqual(['one']);
    let dropped = 0;
    ear.line.change = (frame) => (isMessage(frame) && dropped++ < 2 ? null : frame);
    ear.line.hold();
    await say('two', 'three', 'four', 'five', 'six');
    ear.line.release();
    expect(await ear.hears(6)).toEqual(['one', 'two', 'three', 'four', 'five', 'six']);
    await say('seven');
    expect(await ear.hears(7)).toEqual(['one', 'two', 'three', 'four', 'five', 'six', 'seven']);
    expect(dropped).toBe(6);
  });

  it('brings nothing twice that a node repeats', async () => {
    ear = await Ear.live(bob);
    const frames: Record<string, unknown>[] = [];
    ear.line.change = (frame) => {
      if (isMessage(frame)) frames.push(frame);
      return frame;
    };
    await say('one', 'two');
    expect(await ear.hears(2)).toEqual(['one', 'two']);
    for (const frame of frames) ear.line.inject(JSON.stringify(frame));
    await say('three');
    expect(await ear.hears(3)).toEqual(['one', 'two', 'three']);
  });

  it('starts afresh where its cursor is refused, and misses nothing', async () => {
    ear = await Ear.live(bob);
    ear.line.change = (frame) => (isMessage(frame) ? { ...frame, cursor: 'AAAA' } : frame);
    await say('one');
    expect(await ear.hears(1)).toEqual(['one']);
    const cutOff = ear.line;
    ear.line.hold();
    await say('two', 'three');
    cutOff.cut();
    await ear.reconnected();
    await say('four');
    expect(await ear.hears(4)).toEqual(['one', 'two', 'three', 'four']);
  });

  it('leaves a node that falls silent', async () => {
    const clock = new ManualClock();
    const startMs = Date.now();
    const network = bob.network;
    const patient = await TestClient.open({ endpoints, store: bob.store, network, clock, aheadMs: () => startMs });
    ear = await Ear.live(patient);
    ear.line.silence();
    await say('one');
    await waitUntil(() => {
      clock.advance(1_000);
      return ear!.losses.length > 0;
    });
    await waitUntil(() => {
      clock.advance(50);
      return ear!.endpoints.length > 1;
    });
    expect(await ear.hears(1)).toEqual(['one']);
    expect(ear.losses.map(({ code }) => code)).toEqual(['cannot_connect']);
    expect(ear.endpoints[1]).not.toBe(ear.endpoints[0]);
  });

  it('stays with a node that has nothing to say but is there', async () => {
    const clock = new ManualClock();
    const startMs = Date.now();
    const network = bob.network;
    const patient = await TestClient.open({ endpoints, store: bob.store, network, clock, aheadMs: () => startMs });
    ear = await Ear.live(patient);
    let [pings, pongs] = [0, 0];
    const { line } = ear;
    const send = line.send.bind(line);
    line.send = (text) => {
      pings += 1;
      send(text);
    };
    line.change = (frame) => {
      if (frame['type'] === 'pong') pongs += 1;
      return frame;
    };
    while (pongs < 5) {
      clock.advance(15_000);
      await new Promise(setImmediate);
      await waitUntil(() => pongs === pings);
    }
    expect(ear.losses).toEqual([]);
  });

  it('ends at once when it is told to, connected or not', async () => {
    ear = await Ear.live(bob);
    expect(await ear.stop()).toBeUndefined();
    const silent = await TestClient.open({ endpoints, store: bob.store });
    const openSocket = silent.network.openSocket;
    Object.assign(silent.platform, {
      openSocket: (url: string) => {
        const line = openSocket(url) as TestLine;
        line.silence();
        return line;
      },
    });
    const waiting = new Ear(silent);
    await waitUntil(() => silent.network.sockets.length === 1);
    expect(await waiting.stop()).toBeUndefined();
    const nobody = await TestClient.open({ endpoints: ['http://127.0.0.1:1'], store: bob.store });
    const trying = new Ear(nobody);
    await trying.stop();
    expect(await trying.ended).toBeUndefined();
  });

  it('survives that one is removed from a room', async () => {
    await ann.client.rooms.createGroup('garden', ['bob'], MS_MAX);
    await ann.say('garden', 'one');
    ear = await Ear.live(bob);
    await ann.say('garden', 'two');
    expect(await ear.hears(1)).toEqual(['two']);
    const { room } = await ann.client.rooms.resolve('garden', MS_MAX);
    ear.line.hold();
    await ann.say('garden', 'three');
    await ann.say('garden', 'four');
    await ann.call('DELETE', `/v1/rooms/${room}/members/bob?txnId=${ann.newTxnId()}`);
    let dropped = 0;
    ear.line.change = (frame) => (isMessage(frame) && dropped++ === 0 ? null : frame);
    ear.line.release();
    await say('five');
    await waitUntil(() => ear!.texts.includes('five'));
    expect(ear.texts).toEqual(['two', 'four', 'five']);
    await ann.client.rooms.add(room, 'bob', MS_MAX);
    await ann.say('garden', 'six');
    expect(await ear.hears(4)).toEqual(['two', 'four', 'five', 'six']);
  });

  it('takes another session when its own was ended', async () => {
    ear = await Ear.live(bob);
    const other = await TestClient.open({ endpoints, store: bob.store.copy() });
    await other.client.logOut(MS_MAX);
    await ear.reconnected();
    await say('one');
    expect(await ear.hears(1)).toEqual(['one']);
    expect(ear.losses.map(({ code }) => code)).toEqual(['session_revoked']);
  });

  it('ends with what no other node mends', async () => {
    bob.network.answer('POST', /^\/v1\/sessions/, () => problemOf('no_such_device', 404));
    await bob.store.transaction(async (tx) => tx.delete('session'));
    ear = new Ear(bob);
    expect(await ear.ended).toMatchObject({ code: 'no_such_device', exitCode: 6 });
  });

  it('shows what cannot be read at its place', async () => {
    ear = await Ear.live(bob);
    ear.line.change = (frame) => {
      const event = frame['event'] as { id: string; device: string } | undefined;
      return isMessage(frame) ? { ...frame, event: { ...event, id: `x-${event!.device}` } } : frame;
    };
    await say('one');
    expect(await ear.hears(1)).toEqual(['(wrong_id)']);
  });

  it.each<[string, (line: TestLine) => void]>([
    ['no JSON', (line) => line.inject('{')],
    ['no object', (line) => line.inject('7')],
    ['null', (line) => line.inject('null')],
    ['bytes', (line) => line.inject(Buffer.from('{}'))],
    ['an event without a cursor', (line) => line.inject('{"type":"event","event":{"kind":"message"}}')],
    ['an event that is none', (line) => line.inject('{"type":"event","cursor":"AAAA"}')],
    [
      'a message without anything',
      (line) => line.inject('{"type":"event","cursor":"AAAA","event":{"kind":"message"}}'),
    ],
    ['a heartbeat of nonsense', (line) => line.inject('{"type":"hello","heartbeatMs":"often"}')],
  ])('leaves a node that says %s', async (_what, say_) => {
    ear = await Ear.live(bob);
    say_(ear.line);
    await ear.reconnected();
    await say('one');
    expect(await ear.hears(1)).toEqual(['one']);
    expect(ear.losses[0]!.message).toContain('does not speak as a Parley node does');
  });

  it('minds nothing that a newer node may say', async () => {
    ear = await Ear.live(bob);
    ear.line.inject('{"type":"presence","who":"ann"}');
    ear.line.inject('{"type":"error","code":"brand_new","detail":"?"}');
    ear.line.change = (frame) =>
      isMessage(frame) ? { ...frame, more: 1, event: { ...(frame['event'] as object), more: 2 } } : frame;
    await say('one');
    expect(await ear.hears(1)).toEqual(['one']);
    expect(ear.losses).toEqual([]);
  });

  it('is not driven mad by a heartbeat of zero', async () => {
    ear = await Ear.live(bob);
    const sent: string[] = [];
    const send = ear.line.send.bind(ear.line);
    ear.line.send = (text) => {
      sent.push(text);
      send(text);
    };
    ear.line.inject('{"type":"hello","heartbeatMs":0}');
    await say('one', 'two', 'three');
    expect(await ear.hears(3)).toEqual(['one', 'two', 'three']);
    expect(sent.length).toBeLessThan(20);
  });

  it('ends a connection whose events nobody takes, and resumes it', async () => {
    ear = await Ear.live(bob);
    const stop = bob.network.interpose((request) => (PAGE.test(request.path) ? request.swallow() : undefined));
    const { cursor } = await oneEvent(ear);
    const event = JSON.stringify({ type: 'event', cursor, event: { kind: 'room-meta', room: 'R', at: 'now' } });
    for (let i = 0; i < 6_000; i++) ear.line.inject(event);
    stop();
    await ear.reconnected();
    expect(ear.losses.map(({ code }) => code)).toEqual(['slow_consumer']);
    await say('two');
    expect(await ear.hears(2)).toEqual(['one', 'two']);
  });

  const oneEvent = async (listening: Ear): Promise<{ cursor: string }> => {
    const events: { cursor: string }[] = [];
    const { line } = listening;
    line.change = (frame) => {
      if (isMessage(frame)) events.push(frame as { cursor: string });
      return frame;
    };
    await say('one');
    expect(await listening.hears(1)).toEqual(['one']);
    return events[0]!;
  };
});

function isMessage(frame: Record<string, unknown>): boolean {
  return frame['type'] === 'event' && (frame['event'] as { kind: string }).kind === 'message';
}
