import { setTimeout as delay } from 'node:timers/promises';
import { FeedSocket } from '../load/feed-socket.ts';
import { hashEnvelope, paddedText, sealText } from '../load/sealed-texts.ts';
import { fromBase64Url } from '../../src/protocol/base64url.ts';
import type { HistoryRecorder } from './history.ts';
import { tokenOf, type Person } from '../load/person.ts';
import type { SealedText } from '../load/sealed-texts.ts';
import type { RoomDetailJson } from '../../src/protocol/http/schemas.ts';

const TEXT_BYTES = 64;
const OUTSTANDING_MAX = 200;
const RECONNECT_MS = 50;
/** A send that is not answered by then is given up as unknown. */
const GIVE_UP_MS = 30_000;

export interface WriterPlace {
  readonly name: string;
  readonly url: string;
}

/**
 * One person who writes at a steady pace, whatever the cluster does, and listens: an open loop over the public API.
 * Hangs on one node, moves on when that fails, and repeats what was not answered under the same transaction id.
 */
export class Writer {
  readonly #person: Person;
  readonly #room: RoomDetailJson;
  readonly #places: readonly WriterPlace[];
  readonly #history: HistoryRecorder;
  readonly #outstanding = new Set<Promise<void>>();
  readonly #stopping = new AbortController();
  #at: number;
  #socket: FeedSocket | null = null;
  #cursor: string | null = null;
  #counter = 0;
  #connecting: Promise<void> | null = null;
  /** Sends that were due but not made, because too many were unanswered. */
  skipped = 0;

  #heard = 0;
  #pacing: Promise<void> = Promise.resolve();

  constructor(
    person: Person,
    room: RoomDetailJson,
    places: readonly WriterPlace[],
    at: number,
    history: HistoryRecorder,
  ) {
    this.#person = person;
    this.#room = room;
    this.#places = places;
    this.#at = at % places.length;
    this.#history = history;
  }

  async start(everyMs: number): Promise<void> {
    await this.#connect();
    this.#pacing = this.#pace(everyMs);
  }

  /** No new sends; resolves when every made one is answered or given up. */
  async finish(): Promise<void> {
    this.#stopping.abort();
    await this.#pacing;
    await Promise.all(this.#outstanding);
  }

  /** Waits until the feed has shown `seq` of the room, or the deadline. */
  async listenUntil(seq: number, timeoutMs: number): Promise<void> {
    const deadline = performance.now() + timeoutMs;
    while (this.#heard < seq && performance.now() < deadline) {
      if (this.#socket?.isOpen !== true) await this.#connect();
      await delay(20);
    }
  }

  close(): void {
    this.#socket?.close();
    this.#socket = null;
  }

  async #pace(everyMs: number): Promise<void> {
    let due = performance.now();
    while (!this.#stopping.signal.aborted) {
      due += everyMs;
      await delay(Math.max(0, due - performance.now()));
      if (this.#stopping.signal.aborted) return;
      if (this.#outstanding.size >= OUTSTANDING_MAX) {
        this.skipped++;
        continue;
      }
      const send = this.#send(this.#seal());
      this.#outstanding.add(send);
      void send.finally(() => this.#outstanding.delete(send));
    }
  }

  #seal(): SealedText {
    const counter = ++this.#counter;
    return sealText(this.#person, this.#room, paddedText(`${this.#person.name} ${counter} `, TEXT_BYTES), counter);
  }

  async #send(text: SealedText): Promise<void> {
    const history = this.#history;
    const op = history.nextOp();
    const invokedAt = history.now();
    const call = { kind: 'send', room: text.room, txnId: text.txnId, body: text.hash } as const;
    history.add({ type: 'invoke', t: invokedAt, op, call, node: this.#place.name });
    let code = 'lost';
    while (history.now() - invokedAt < GIVE_UP_MS) {
      if (this.#socket?.isOpen !== true) await this.#connect();
      const node = this.#place.name;
      const outcome = (await this.#socket?.send(text.room, text.txnId, text.envelope)) ?? { kind: 'lost' as const };
      if (outcome.kind === 'ok') {
        history.add({ type: 'ok', t: history.now(), op, node, seq: outcome.seq });
        return;
      }
      if (outcome.kind === 'error') {
        ({ code } = outcome);
        if (!outcome.retryable) break;
        await delay(RECONNECT_MS);
      }
    }
    history.add({ type: 'info', t: history.now(), op, node: this.#place.name, code });
  }

  get #place(): WriterPlace {
    return this.#places[this.#at]!;
  }

  /** One attempt at a time, whoever asks; moves to the next node after each failure. */
  #connect(): Promise<void> {
    this.#connecting ??= this.#tryNodes().finally(() => {
      this.#connecting = null;
    });
    return this.#connecting;
  }

  async #tryNodes(): Promise<void> {
    try {
      const place = this.#place;
      const token = await tokenOf(place.url, this.#person);
      this.#socket = await FeedSocket.connect(place.url, token, this.#cursor, {
        onEvent: ({ cursor, event }) => {
          this.#cursor = cursor;
          if (event.kind !== 'message' || event.room !== this.#room.room) return;
          this.#heard = event.seq;
          this.#history.add({
            type: 'delivered',
            t: this.#history.now(),
            feed: this.#person.name,
            node: place.name,
            room: event.room,
            seq: event.seq,
            txnId: event.id.slice(0, 26),
            body: hashEnvelope(fromBase64Url(event.envelope ?? '')),
          });
        },
        onClose: () => this.#moveOn(),
      });
      this.#cursor ??= this.#socket.cursor;
    } catch {
      this.#moveOn();
      await delay(RECONNECT_MS);
    }
  }

  #moveOn(): void {
    this.#at = (this.#at + 1) % this.#places.length;
  }
}
