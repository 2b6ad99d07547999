import { ParleyError } from '../protocol/errors.ts';
import { messagesOf } from './answers.ts';
import type { Static } from '@sinclair/typebox';
import type { MessageJsonT, MessagesReply } from '../protocol/http/schemas.ts';
import type { RoomId } from '../protocol/ids.ts';
import type { ClientContext } from './context.ts';

const READ_MS_MAX = 30_000;
/** A read as new as the whole cluster waits so long for a leader, or for a node that has caught up. */
const NEWEST_MS_MAX = 3_000;
const PAGE = 200;
const READ_LAST = 50;

export interface ReadOptions {
  /** Messages behind this seq. Without it: the last ones. */
  readonly after?: number | undefined;
  /** How many; without it: the last 50, or all behind `after`. */
  readonly limit?: number | undefined;
}

export interface HistoryPage {
  /** Ascending and without gaps, also from page to page. */
  readonly messages: readonly MessageJsonT[];
  /** Null, or why newer messages may exist than the answering node knows. */
  readonly stale: ParleyError | null;
}

interface PageAsk {
  readonly after?: number;
  readonly before?: number;
  readonly limit: number;
}

type Reply = Static<typeof MessagesReply>;

interface Answer {
  readonly reply: Reply;
  readonly stale: ParleyError | null;
}

/** What was written in one room. */
export class History {
  readonly #context: ClientContext;

  constructor(context: ClientContext) {
    this.#context = context;
  }

  /** Pages, ascending. @throws ParleyError `no_such_room`, `behind` when only nodes answer that leave something out */
  async *pages(room: RoomId, { after, limit }: ReadOptions): AsyncGenerator<HistoryPage> {
    let left = limit ?? (after === undefined ? READ_LAST : Number.MAX_SAFE_INTEGER);
    let at: number | null = null;
    while (left > 0) {
      const from: number | undefined = at ?? after;
      const { reply, stale }: Answer =
        from === undefined
          ? await this.#last(room, left)
          : await this.#newest(room, { after: from, limit: Math.min(left, PAGE) });
      const [first] = reply.messages;
      // Only before the first page may there be messages that are not for this reader, because it joined later.
      if (at !== null && first !== undefined && first.seq !== at + 1) throw withGap();
      const last = reply.messages.at(-1);
      if (last === undefined) return;
      yield { messages: reply.messages, stale };
      if (last.seq >= reply.lastSeq) return;
      left -= reply.messages.length;
      at = last.seq;
    }
  }

  /** The last `count` messages. */
  async #last(room: RoomId, count: number): Promise<Answer> {
    const { reply, stale } = await this.#newest(room, { limit: Math.min(count, PAGE) });
    const messages = [...reply.messages];
    while (messages.length > 0 && messages.length < count && messages[0]!.seq > 1) {
      const before = messages[0]!.seq;
      const ask = { before, limit: Math.min(count - messages.length, PAGE) };
      const older = await this.#older(room, ask, reply.cursor);
      const last = older.messages.at(-1);
      if (last === undefined) break;
      if (last.seq !== before - 1) throw withGap();
      messages.unshift(...older.messages);
    }
    return { reply: { ...reply, messages }, stale };
  }

  /**
   * As new as the whole cluster, where that can be had; else not older than what this client has caused; else what one
   * node knows: without a majority it may never learn that its newest messages were acknowledged.
   */
  async #newest(room: RoomId, ask: PageAsk): Promise<Answer> {
    const path = pathOf(room, ask);
    const answer = messagesOf(room, ask);
    try {
      return { reply: await this.#context.readNewest(path, answer, NEWEST_MS_MAX), stale: null };
    } catch (error) {
      if (!(error instanceof ParleyError) || !error.retryable) throw error;
      const reply = await this.#context
        .read(path, answer, NEWEST_MS_MAX)
        .catch(ifRetryable(() => this.#context.readAny(path, answer, READ_MS_MAX)));
      return { reply, stale: error };
    }
  }

  /** What stands before a page that was read: `since` is where that one was. */
  #older(room: RoomId, ask: PageAsk, since: string): Promise<Reply> {
    const path = pathOf(room, ask);
    const answer = messagesOf(room, ask);
    return this.#context
      .readSince(path, answer, since, NEWEST_MS_MAX)
      .catch(ifRetryable(() => this.#context.readAny(path, answer, READ_MS_MAX)));
  }
}

function pathOf(room: RoomId, ask: PageAsk): string {
  const query = Object.entries(ask).map(([name, value]) => `${name}=${value}`);
  return `/v1/rooms/${room}/messages?${query.join('&')}`;
}

function ifRetryable<T>(otherwise: () => Promise<T>): (error: unknown) => Promise<T> {
  return (error) => {
    if (error instanceof ParleyError && error.retryable) return otherwise();
    throw error;
  };
}

function withGap(): ParleyError {
  return new ParleyError('behind', 'A node left out messages that this client knows of: try another.');
}
