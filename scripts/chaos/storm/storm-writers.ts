import { setTimeout as delay } from 'node:timers/promises';
import { requestJson } from '../../load/http.ts';
import { tokenOf } from '../../load/person.ts';
import { paddedText, sealText } from '../../load/sealed-texts.ts';
import type { Person } from '../../load/person.ts';
import type { RoomDetailJson } from '../../../src/protocol/http/schemas.ts';

const TEXT_BYTES = 100;
const RETRY_MS = 100;
/** Of one message, one after the other. */
const ATTEMPTS_MAX = 200;

export interface StormRoom {
  readonly room: RoomDetailJson;
  readonly members: readonly Person[];
}

/** Messages at a steady pace into rooms in turn; each is repeated, at one node after the other, until it is taken. */
export class StormWriters {
  readonly #rooms: readonly StormRoom[];
  readonly #urls: readonly string[];
  readonly #stopping = new AbortController();
  readonly #sending = new Set<Promise<void>>();
  readonly #pacing: Promise<void>;
  /** The newest seq that was acknowledged, by room. */
  readonly lastSeqs = new Map<string, number>();
  sent = 0;
  refused = 0;

  constructor(rooms: readonly StormRoom[], urls: readonly string[], everyMs: number) {
    this.#rooms = rooms;
    this.#urls = urls;
    this.#pacing = this.#pace(everyMs);
  }

  /** Resolves when everything that was begun is acknowledged. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#pacing;
    await Promise.all(this.#sending);
  }

  async #pace(everyMs: number): Promise<void> {
    const startedAtMs = performance.now();
    for (let number = 0; !this.#stopping.signal.aborted; number++) {
      await delay(Math.max(0, startedAtMs + number * everyMs - performance.now()));
      const sending = this.#send(number).finally(() => this.#sending.delete(sending));
      this.#sending.add(sending);
    }
  }

  async #send(number: number): Promise<void> {
    const { room, members } = this.#rooms[number % this.#rooms.length]!;
    const writer = members[0]!;
    const { txnId, envelope } = sealText(writer, room, paddedText(`${number} `, TEXT_BYTES), number + 1);
    for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt++) {
      const url = this.#urls[(number + attempt) % this.#urls.length]!;
      try {
        const token = await tokenOf(url, writer);
        const path = `/v1/rooms/${room.room}/messages/${txnId}`;
        const { seq } = await requestJson<{ seq: number }>(url, 'PUT', path, { token, body: { envelope } });
        this.lastSeqs.set(room.room, Math.max(seq, this.lastSeqs.get(room.room) ?? 0));
        this.sent += 1;
        return;
      } catch {
        this.refused += 1;
        await delay(RETRY_MS);
      }
    }
    throw new Error(`Message ${number} was taken by no node.`);
  }
}
