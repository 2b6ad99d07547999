import { setTimeout as delay } from 'node:timers/promises';
import { FeedSocket } from '../../load/feed-socket.ts';
import { tokenOf } from '../../load/person.ts';
import { BackOff, reconnectPauseMs } from '../../../src/client/back-off.ts';
import type { Person } from '../../load/person.ts';
import type { SeenSeqs } from './seen-seqs.ts';

export interface StormSocketParts {
  readonly person: Person;
  /** Where it connects first; then the next one, as it comes. */
  readonly urls: readonly string[];
  readonly seen: SeenSeqs;
}

/**
 * One live feed that is opened again whenever it ends, from where it stood, with the pauses of the client engine. It is
 * much lighter than an engine, so that one process can be thousands of them.
 */
export class StormSocket {
  readonly seen: SeenSeqs;
  readonly #person: Person;
  readonly #urls: readonly string[];
  #at = 0;
  #feed: FeedSocket | null = null;
  #cursor: string | null = null;
  #isOver = false;
  #attempts = 0;
  /** By the clock of this process; when it was last told `ready`. */
  readyAtMs = 0;
  /** Why the last attempt failed. */
  trouble = 'not tried yet';

  constructor({ person, urls, seen }: StormSocketParts) {
    this.#person = person;
    this.#urls = urls;
    this.seen = seen;
  }

  get isOpen(): boolean {
    return this.#feed?.isOpen === true;
  }

  get url(): string {
    return this.#urls[this.#at % this.#urls.length]!;
  }

  /** Connections that did not come about since it was last there. */
  get attempts(): number {
    return this.#attempts;
  }

  /** Tries until it is there. */
  async open(): Promise<void> {
    const backOff = new BackOff(Math.random);
    this.#attempts = 0;
    while (!this.#isOver) {
      try {
        const token = await tokenOf(this.url, this.#person);
        await this.#connect(token);
        return;
      } catch (error) {
        this.trouble = (error as Error).message;
        this.#attempts += 1;
        this.#at += 1;
        if (this.#attempts % this.#urls.length === 0) await delay(backOff.next());
      }
    }
  }

  /** As a network does that goes away: nobody is told. */
  cut(): void {
    const feed = this.#feed;
    this.#feed = null;
    feed?.close();
    void this.#comeBack();
  }

  close(): void {
    this.#isOver = true;
    this.#feed?.close();
  }

  async #connect(token: string): Promise<void> {
    const feed = await FeedSocket.connect(this.url, token, this.#cursor, {
      onEvent: ({ event, cursor }) => {
        if (event.kind === 'message') this.seen.take(event.room, event.seq);
        this.#cursor = cursor;
      },
      onClose: (code, reason) => {
        if (this.#feed !== feed || this.#isOver) return;
        this.trouble = `closed with ${code} ${reason}`;
        this.#at += 1;
        void this.#comeBack();
      },
    });
    if (this.#cursor !== null && !feed.recovered) throw new Error('the cursor was not taken up');
    this.#cursor ??= feed.cursor;
    this.#feed = feed;
    this.readyAtMs = performance.now();
    if (this.#isOver) feed.close();
  }

  async #comeBack(): Promise<void> {
    await delay(reconnectPauseMs(Math.random));
    await this.open();
  }
}
