import { connect } from 'node:net';
import { randomBytes } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { adminTargetOf } from './final-state.ts';
import { distributionOf } from './percentiles.ts';
import { FeedSocket } from '../load/feed-socket.ts';
import { joinOpenRoom, makeOpenRoom } from '../load/open-room.ts';
import { createPerson, tokenOf } from '../load/person.ts';
import { paddedText, sealText } from '../load/sealed-texts.ts';
import { startScratchCluster } from '../load/scratch-cluster.ts';
import { apiUrl } from '../../src/cli/local-cluster/layout.ts';
import { scrape } from '../../src/testing/scrape.ts';
import type { Socket } from 'node:net';
import type { Distribution } from './percentiles.ts';
import type { Person } from '../load/person.ts';
import type { SealedText } from '../load/sealed-texts.ts';
import type { RoomDetailJson } from '../../src/protocol/http/schemas.ts';

const READERS = 8;
const TEXT_BYTES = 16 * 1024;
const PHASE_MS = 10_000;
const LOOK_EVERY_MS = 100;
const MASKED_LENGTH_16 = 0xfe;
const FIN_TEXT = 0x81;

export interface SlowReaderOptions {
  /** Sockets that never read. */
  readonly slow: number;
  readonly rounds: number;
  /** Messages per second. */
  readonly rate: number;
  readonly say: (sentence: string) => void;
  readonly chatdFile?: string;
}

export interface SlowReaderReport {
  /** Milliseconds from sending until everybody else has it: alone, and beside those that never read. */
  readonly alone: Distribution;
  readonly beside: Distribution;
  /** Milliseconds from the first message that it does not read until the last of them was cut off; null for never. */
  readonly cutMs: readonly (number | null)[];
  /** The most that waited for one of them. */
  readonly queuedBytesEachMax: number;
  /** By how much more the memory of their node grew at most than without them, for each of them. */
  readonly grewBytesEach: number;
}

/** Clients that say who they are and then never read, in a room in which much is written, beside others that do. */
export async function slowReader(options: SlowReaderOptions): Promise<SlowReaderReport> {
  const { slow, rounds, rate, say } = options;
  const cluster = await startScratchCluster({
    nodes: 3,
    restart: false,
    say: () => {},
    ...(options.chatdFile === undefined ? {} : { chatdFile: options.chatdFile }),
  });
  try {
    const [url, senderUrl] = [apiUrl(cluster.layout.nodes[0]!), apiUrl(cluster.layout.nodes[1]!)];
    const people: Person[] = [];
    for (let i = 0; i <= READERS + slow; i++) people.push(await createPerson(url, `p${i}`));
    const room = await makeOpenRoom(url, people[0]!, 'busy');
    for (const person of people.slice(1)) await joinOpenRoom(url, person, room.room);
    const look = async (): Promise<Look> => lookAt(url, adminTargetOf(cluster.layout).token!);
    const crowd = await Crowd.open({ url, senderUrl, people: people.slice(0, READERS + 1), room });
    const seen = { alone: [] as number[], beside: [] as number[], cutMs: [] as (number | null)[] };
    let [queuedEach, grewEach] = [0, 0];
    await crowd.write(rate, PHASE_MS / 2, () => {});
    for (let round = 0; round < rounds; round++) {
      const before = await crowd.watched(rate, look, null);
      seen.alone.push(...before.latenciesMs);
      const sockets = await Promise.all(people.slice(READERS + 1).map((person) => openAndPause(url, person)));
      const during = await crowd.watched(rate, look, before.feeds);
      for (const socket of sockets) socket.destroy();
      seen.beside.push(...during.latenciesMs);
      seen.cutMs.push(during.cutMs);
      queuedEach = Math.max(queuedEach, during.queuedBytes / slow);
      grewEach = Math.max(grewEach, (during.residentBytes - before.residentBytes) / slow);
      say(`round ${round + 1}: cut after ${during.cutMs === null ? 'never' : `${during.cutMs.toFixed(0)} ms`}`);
    }
    crowd.close();
    return {
      alone: distributionOf(seen.alone),
      beside: distributionOf(seen.beside),
      cutMs: seen.cutMs,
      queuedBytesEachMax: Math.round(queuedEach),
      grewBytesEach: Math.round(grewEach),
    };
  } finally {
    await cluster.close();
  }
}

interface Look {
  readonly feeds: number;
  readonly queuedBytes: number;
  readonly residentBytes: number;
}

async function lookAt(url: string, token: string): Promise<Look> {
  const metrics = await scrape(url, token);
  return {
    feeds: metrics.value('parley_feeds{kind="websocket"}')!,
    queuedBytes: metrics.value('parley_socket_queued_bytes')!,
    residentBytes: metrics.value('process_resident_memory_bytes')!,
  };
}

interface Watched extends Look {
  readonly latenciesMs: readonly number[];
  readonly cutMs: number | null;
}

/** Those who read, and one who writes through another node. */
class Crowd {
  readonly #room: RoomDetailJson;
  readonly #writer: Person;
  readonly #readers: FeedSocket[] = [];
  #sender: FeedSocket | null = null;
  #counter = 0;
  readonly #waiting = new Map<string, { readonly atMs: number; left: number }>();
  #latenciesMs: number[] = [];

  private constructor(room: RoomDetailJson, writer: Person) {
    this.#room = room;
    this.#writer = writer;
  }

  static async open(parts: {
    readonly url: string;
    readonly senderUrl: string;
    readonly people: readonly Person[];
    readonly room: RoomDetailJson;
  }): Promise<Crowd> {
    const { url, senderUrl, people, room } = parts;
    const crowd = new Crowd(room, people[0]!);
    crowd.#sender = await FeedSocket.connect(senderUrl, await tokenOf(senderUrl, people[0]!), null, {});
    for (const person of people.slice(1)) {
      const onEvent = ({ event }: { event: { kind: string; id?: string } }): void => {
        if (event.kind === 'message') crowd.#arrived(event.id!.slice(0, 26));
      };
      crowd.#readers.push(await FeedSocket.connect(url, await tokenOf(url, person), null, { onEvent }));
    }
    return crowd;
  }

  /** Open loop for so long; `turn` is called with the time since the first. Resolves when all is everywhere. */
  async write(rate: number, forMs: number, turn: (sinceMs: number) => void): Promise<void> {
    const texts = Array.from({ length: Math.round((rate * forMs) / 1_000) }, () => this.#seal());
    const startedAtMs = performance.now();
    for (const [number, text] of texts.entries()) {
      await delay(Math.max(0, startedAtMs + (number * 1_000) / rate - performance.now()));
      this.#waiting.set(text.txnId, { atMs: performance.now(), left: this.#readers.length });
      void this.#sender!.send(text.room, text.txnId, text.envelope);
      turn(performance.now() - startedAtMs);
    }
    while (this.#waiting.size > 0 && performance.now() < startedAtMs + 3 * forMs) await delay(LOOK_EVERY_MS);
    if (this.#waiting.size > 0) throw new Error(`${this.#waiting.size} messages are not with all who read`);
  }

  /** @param without feeds that there are when those that never read are gone; null when there are none of them */
  async watched(rate: number, look: () => Promise<Look>, without: number | null): Promise<Watched> {
    this.#latenciesMs = [];
    const peak = { queuedBytes: 0, residentBytes: 0 };
    let cutMs: number | null = null;
    let nextMs = 0;
    let feeds = 0;
    const looks: Promise<void>[] = [];
    await this.write(rate, PHASE_MS, (sinceMs) => {
      if (sinceMs < nextMs) return;
      nextMs = sinceMs + LOOK_EVERY_MS;
      const looking = look().then((seen) => {
        peak.queuedBytes = Math.max(peak.queuedBytes, seen.queuedBytes);
        peak.residentBytes = Math.max(peak.residentBytes, seen.residentBytes);
        feeds = seen.feeds;
        if (feeds === without) cutMs ??= sinceMs;
      });
      looks.push(looking);
    });
    await Promise.all(looks);
    return { ...peak, feeds, latenciesMs: this.#latenciesMs, cutMs };
  }

  close(): void {
    for (const feed of [...this.#readers, this.#sender!]) feed.close();
  }

  #seal(): SealedText {
    this.#counter += 1;
    const text = paddedText(`${this.#counter} `, TEXT_BYTES);
    return sealText(this.#writer, this.#room, text, this.#counter);
  }

  #arrived(txnId: string): void {
    const waiting = this.#waiting.get(txnId);
    if (waiting === undefined) return;
    waiting.left -= 1;
    if (waiting.left > 0) return;
    this.#latenciesMs.push(performance.now() - waiting.atMs);
    this.#waiting.delete(txnId);
  }
}

/** A WebSocket, in so far as a client needs one that reads nothing after it was told `ready`. */
async function openAndPause(url: string, person: Person): Promise<Socket> {
  const { hostname, port } = new URL(url);
  const token = await tokenOf(url, person);
  const socket = connect(Number(port), hostname);
  socket.on('error', () => {});
  socket.write(
    `GET /v1/ws HTTP/1.1\r\nHost: ${hostname}:${port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n` +
      `Sec-WebSocket-Key: ${randomBytes(16).toString('base64')}\r\nSec-WebSocket-Version: 13\r\n\r\n`,
  );
  const payload = Buffer.from(JSON.stringify({ type: 'identify', token }));
  const head = Buffer.from([FIN_TEXT, MASKED_LENGTH_16, payload.length >> 8, payload.length & 0xff, 0, 0, 0, 0]);
  // A mask of zeros is a mask: RFC 6455 section 5.3 asks for one, and its bytes change nothing.
  socket.write(Buffer.concat([head, payload]));
  await new Promise<void>((resolve, reject) => {
    let told = '';
    socket.on('close', () => reject(new Error('closed before ready')));
    socket.on('data', (chunk: Buffer) => {
      told += chunk.toString('latin1');
      if (told.includes('"type":"ready"')) resolve();
    });
  });
  socket.pause();
  return socket;
}
