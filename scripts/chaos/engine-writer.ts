import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { ulid } from '../load/ulid.ts';
import { hashEnvelope } from '../load/sealed-texts.ts';
import { nodePlatform } from '../../src/cli/node-platform.ts';
import { LevelStore } from '../../src/cli/store/level-store.ts';
import { ParleyClient } from '../../src/client/client.ts';
import { fromBase64Url } from '../../src/protocol/base64url.ts';
import { ParleyError } from '../../src/protocol/errors.ts';
import type { HistoryRecorder } from './history.ts';
import type { WriterPlace } from './writer.ts';
import type { Platform } from '../../src/client/platform.ts';
import type { MessageLine } from '../../src/client/reader.ts';
import type { RoomId, TxnId } from '../../src/protocol/ids.ts';

const SEND_MS_MAX = 30_000;
const SETUP_MS_MAX = 30_000;
/** The first sends of a program take longer, whatever the cluster does: they are not counted. */
const WARM_UP_SENDS = 5;
const BEARER = 'Bearer ';
const SEND_PATH = /^\/v1\/rooms\/[^/]+\/messages\/([^/]+)$/;

export interface EngineWriterParts {
  readonly name: string;
  /** In the order in which the client tries them. */
  readonly places: readonly WriterPlace[];
  /** For its home. */
  readonly folder: string;
  readonly history: HistoryRecorder;
}

/**
 * One person who writes and reads through the client engine, as a program of ours does: what the engine cannot get
 * sent has failed for the person. Writes at a steady pace whatever the cluster does; what is due while a send takes
 * long goes out after it, and its time counts from when it was due.
 */
export class EngineWriter {
  readonly name: string;
  readonly #parts: EngineWriterParts;
  readonly #store: LevelStore;
  readonly #stopping = new AbortController();
  readonly #leaving = new AbortController();
  readonly #ops = new Map<string, number>();
  #client: ParleyClient | null = null;
  #token = '';
  #answered: string;
  #hangsOn: string;
  #room: RoomId | null = null;
  #pacing: Promise<void> = Promise.resolve();
  #following: Promise<void> = Promise.resolve();
  #heard = 0;
  /** Milliseconds from when each send was due until it was acknowledged, or given up. */
  readonly latenciesMs: number[] = [];

  private constructor(parts: EngineWriterParts) {
    this.name = parts.name;
    this.#parts = parts;
    this.#store = new LevelStore(join(parts.folder, parts.name));
    this.#answered = this.#hangsOn = parts.places[0]!.name;
  }

  static async register(parts: EngineWriterParts): Promise<EngineWriter> {
    const writer = new EngineWriter(parts);
    const endpoints = parts.places.map(({ url }) => url);
    writer.#client = await ParleyClient.open(writer.#platform(), { endpoints, fallback: [] });
    await writer.#client.account.register(parts.name, undefined);
    return writer;
  }

  /** Writes to another person from now on, and follows what both write. @returns their room */
  async start(peer: string, everyMs: number): Promise<RoomId> {
    const client = this.#client!;
    const target = `@${peer}`;
    const { room } = await client.rooms.resolve(target, SETUP_MS_MAX);
    this.#room = room;
    await new Promise<void>((connected, failed) => {
      const listener = {
        messages: (lines: readonly MessageLine[]) => this.#onLines(lines),
        connected: (endpoint: string) => {
          this.#hangsOn = this.#nameOf(endpoint);
          connected();
        },
        disconnected: () => {},
      };
      this.#following = client.follow(null, listener, this.#leaving.signal);
      this.#following.catch(failed);
    });
    for (let sends = 0; sends < WARM_UP_SENDS; sends++) await this.#send(target);
    this.#pacing = this.#pace(target, everyMs);
    return room;
  }

  /** No new sends; resolves when every one that was due is acknowledged or given up. */
  async finish(): Promise<void> {
    this.#stopping.abort();
    await this.#pacing;
  }

  /** Waits until the feed has shown `seq` of the room, or the deadline. */
  async listenUntil(seq: number, timeoutMs: number): Promise<void> {
    const deadline = performance.now() + timeoutMs;
    while (this.#heard < seq && performance.now() < deadline) await delay(20);
  }

  /** A token that the cluster took a moment ago. */
  get token(): string {
    return this.#token;
  }

  async close(): Promise<void> {
    this.#stopping.abort();
    this.#leaving.abort();
    await Promise.allSettled([this.#pacing, this.#following]);
    await this.#client?.close();
  }

  async #pace(target: string, everyMs: number): Promise<void> {
    for (let due = performance.now() + everyMs; !this.#stopping.signal.aborted; due += everyMs) {
      await delay(Math.max(0, due - performance.now()));
      await this.#send(target);
      this.latenciesMs.push(performance.now() - due);
    }
  }

  async #send(target: string): Promise<void> {
    const { history } = this.#parts;
    const [op, txnId] = [history.nextOp(), ulid()];
    this.#ops.set(txnId, op);
    const call = { kind: 'send', room: this.#room!, txnId, body: null } as const;
    history.add({ type: 'invoke', t: history.now(), op, call, node: this.#answered });
    const outcome = await this.#trySend(target, txnId);
    const [t, node] = [history.now(), this.#answered];
    if (typeof outcome === 'number') {
      history.add({ type: 'ok', t, op, node, seq: outcome });
    } else {
      history.add({ type: 'info', t, op, node, code: outcome });
    }
  }

  /** @returns where it stands, or the code of why that is not known */
  async #trySend(target: string, txnId: TxnId): Promise<number | string> {
    try {
      const { result } = await this.#client!.send(target, textOf(txnId), { txnId, timeoutMs: SEND_MS_MAX });
      return result.seq ?? result.reason?.code ?? 'queued';
    } catch (error) {
      if (error instanceof ParleyError) return error.code;
      throw error;
    }
  }

  #onLines(lines: readonly MessageLine[]): void {
    const { history } = this.#parts;
    for (const { room, seq, id, text } of lines) {
      if (room !== this.#room) continue;
      this.#heard = Math.max(this.#heard, seq);
      const txnId = id.slice(0, 26);
      const body = text === textOf(txnId) ? null : `the text ${text}`;
      const [t, feed, node] = [history.now(), this.name, this.#hangsOn];
      history.add({ type: 'delivered', t, feed, node, room, seq, txnId, body });
    }
  }

  /** Tells what goes over the wire: envelopes on their way out, and which node answered last. */
  #platform(): Platform {
    const { history } = this.#parts;
    const platform = nodePlatform(this.#store);
    return {
      ...platform,
      fetch: async (url, init) => {
        const { pathname, origin } = new URL(url);
        const op = init.method === 'PUT' ? this.#ops.get(SEND_PATH.exec(pathname)?.[1] ?? '') : undefined;
        if (op !== undefined) {
          const { envelope } = JSON.parse(init.body as string) as { envelope: string };
          history.add({ type: 'sealed', t: history.now(), op, body: hashEnvelope(fromBase64Url(envelope)) });
        }
        const response = await platform.fetch(url, init);
        const authorization = new Headers(init.headers).get('authorization');
        if (response.ok && authorization?.startsWith(BEARER) === true) {
          this.#token = authorization.slice(BEARER.length);
        }
        if (response.ok) this.#answered = this.#nameOf(origin);
        return response;
      },
    };
  }

  #nameOf(url: string): string {
    return this.#parts.places.find((place) => place.url === url)?.name ?? url;
  }
}

/** Whoever reads it can tell whether it is right. */
const textOf = (txnId: string): string => `This is what I wrote as ${txnId}.`;
