import { encodeContent } from '../protocol/content.ts';
import { ParleyError } from '../protocol/errors.ts';
import { messageIdOf } from '../protocol/ids.ts';
import { Account } from './account.ts';
import { messagesOf } from './answers.ts';
import { ClientContext } from './context.ts';
import { Enrolment } from './enrolment.ts';
import { Feed } from './feed.ts';
import { Outbox } from './outbox.ts';
import { Reader } from './reader.ts';
import { Rooms } from './rooms.ts';
import { readRow, writeRow } from './rows.ts';
import type { MessagesReply } from '../protocol/http/schemas.ts';
import type { AccountName, ClusterId, DeviceId, MessageId, RoomId, TxnId } from '../protocol/ids.ts';
import type { Static } from '@sinclair/typebox';
import type { FeedListener } from './feed.ts';
import type { Flushed } from './outbox.ts';
import type { Platform } from './platform.ts';
import type { MessageLine } from './reader.ts';

const READ_MS_MAX = 30_000;
/** A read as new as the whole cluster waits so long for a leader, or for a node that has caught up. */
const NEWEST_MS_MAX = 3_000;
const PAGE = 200;
const READ_LAST = 50;

export interface ClientOptions {
  /** Base URLs of nodes in the order in which to try them. Null: those that were remembered, else `fallback`. */
  readonly endpoints: readonly string[] | null;
  readonly fallback: readonly string[];
}

export interface SendResult {
  readonly room: RoomId;
  /** Known before the message is sent. */
  readonly id: MessageId;
  /** Null while it is queued. */
  readonly seq: number | null;
  readonly state: 'sent' | 'queued';
  /** Why it is queued. */
  readonly reason?: ParleyError;
}

export interface ReadOptions {
  /** Messages behind this seq. Without it: the last ones. */
  readonly after?: number | undefined;
  /** How many; without it: the last 50, or all behind `after`. */
  readonly limit?: number | undefined;
}

export interface ReadPage {
  readonly lines: readonly MessageLine[];
  /** Null, or why newer messages may exist than the answering node knows. */
  readonly stale: ParleyError | null;
}

/** A person's device: all that a client program needs. Programs that share a store may run at the same time. */
export class ParleyClient {
  readonly account: Account;
  readonly enrolment: Enrolment;
  readonly rooms: Rooms;
  readonly #context: ClientContext;
  readonly #outbox: Outbox;
  readonly #reader: Reader;

  private constructor(context: ClientContext) {
    this.#context = context;
    this.account = new Account(context);
    this.enrolment = new Enrolment(context);
    this.rooms = new Rooms(context);
    this.#outbox = new Outbox(context, this.rooms);
    this.#reader = new Reader(context, this.rooms);
  }

  /** Endpoints that are given are remembered. */
  static async open(platform: Platform, { endpoints, fallback }: ClientOptions): Promise<ParleyClient> {
    const [given, learned] = await platform.store.transaction(async (tx) => {
      if (endpoints !== null) writeRow(tx, 'endpoints', endpoints);
      return [endpoints ?? (await readRow(tx, 'endpoints')), await readRow(tx, 'nodes')];
    });
    const context = new ClientContext(platform, given ?? fallback);
    context.api.learn(learned ?? []);
    return new ParleyClient(context);
  }

  /**
   * Writes a message down, then sends it with whatever waited before it. A failure that may pass leaves it queued.
   * @param target as `Rooms.resolve` takes it
   * @throws ParleyError when it can never be sent as it is; then it is not queued
   */
  async send(
    target: string,
    text: string,
    { txnId = this.#context.newTxnId(), timeoutMs }: { readonly txnId?: TxnId | undefined; readonly timeoutMs: number },
  ): Promise<{ readonly result: SendResult; readonly others: Flushed | null }> {
    const { nowMs } = this.#context.platform;
    const deadline = nowMs() + timeoutMs;
    const { keys } = await this.#context.own();
    const content = encodeContent({ type: 'text', text });
    const to = await this.rooms.resolve(target, timeoutMs);
    await this.#outbox.add(to, content, txnId);
    const queued = { room: to.room, id: messageIdOf(txnId, keys.device), seq: null, state: 'queued' } as const;
    let flushed: Flushed;
    try {
      flushed = await this.#outbox.flush(deadline - nowMs());
    } catch (error) {
      if (!(error instanceof ParleyError)) throw error;
      return { result: { ...queued, reason: error }, others: null };
    }
    const refusal = flushed.refused.get(txnId);
    if (refusal !== undefined) throw refusal;
    const sent = flushed.sent.get(txnId);
    if (sent !== undefined) return { result: { ...queued, seq: sent.seq, state: 'sent' }, others: flushed };
    const reason = flushed.kept.get(txnId) ?? new ParleyError('deadline_exceeded');
    return { result: { ...queued, reason }, others: flushed };
  }

  /** Sends what waits. @throws ParleyError when no node takes it */
  async flush(timeoutMs: number): Promise<Flushed> {
    return this.#outbox.flush(timeoutMs);
  }

  /** Pages of one conversation, ascending. A direct one that nobody has begun has none. */
  async *read(target: string, { after, limit }: ReadOptions): AsyncGenerator<ReadPage> {
    const { room, peer } = await this.rooms.resolve(target, READ_MS_MAX);
    let left = limit ?? (after === undefined ? READ_LAST : Number.MAX_SAFE_INTEGER);
    let at = after ?? null;
    let isFirst = true;
    while (left > 0) {
      const page = at === null ? await this.#last(room, left) : await this.#after(room, at, left);
      // Only before the first may there be messages that are not for this reader, because it joined later.
      if (!isFirst && at !== null && (page?.reply.messages[0]?.seq ?? at + 1) !== at + 1) throw withGap();
      isFirst = false;
      if (page === null) {
        if (peer !== null) return;
        throw new ParleyError('no_such_room');
      }
      const { messages, lastSeq } = page.reply;
      if (messages.length > 0) yield { lines: await this.#reader.read(messages), stale: page.stale };
      left -= messages.length;
      const last = messages.at(-1)?.seq;
      if (last === undefined || last >= lastSeq) return;
      at = last;
    }
  }

  /** What is written from now on, in all rooms or the target's, until `signal` aborts. */
  async follow(target: string | null, listener: FeedListener, signal: AbortSignal): Promise<void> {
    const only = target === null ? null : (await this.rooms.resolve(target, READ_MS_MAX)).room;
    const parts = { rooms: this.rooms, reader: this.#reader };
    await new Feed(this.#context, parts, { only, listener }).run(signal);
  }

  async whoAmI(): Promise<{
    account: AccountName;
    device: DeviceId;
    cluster: ClusterId;
    endpoints: readonly string[];
  }> {
    const { row } = await this.#context.own();
    const cluster = await this.#context.cluster();
    return { account: row.name, device: row.device, cluster, endpoints: this.#context.api.endpoints };
  }

  /** Ends this device's session. The account stays in this home; whatever comes next opens another session. */
  async logOut(timeoutMs: number): Promise<void> {
    await this.#context.own();
    await this.#context.session.logOut(timeoutMs);
  }

  close(): Promise<void> {
    return this.#context.platform.store.close();
  }

  /** The last `count` messages, ascending; null where there is no such room. */
  async #last(room: RoomId, count: number): Promise<Page | null> {
    const newest = await this.#page(room, { limit: Math.min(count, PAGE) });
    if (newest === null) return null;
    const messages = [...newest.reply.messages];
    while (messages.length > 0 && messages.length < count && messages[0]!.seq > 1) {
      const before = messages[0]!.seq;
      const ask = { before, limit: Math.min(count - messages.length, PAGE) };
      const older = await this.#olderPage(room, ask, newest.reply.cursor);
      const last = older.messages.at(-1);
      if (last === undefined) break;
      if (last.seq !== before - 1) throw withGap();
      messages.unshift(...older.messages);
    }
    return { ...newest, reply: { ...newest.reply, messages } };
  }

  #after(room: RoomId, after: number, left: number): Promise<Page | null> {
    return this.#page(room, { after, limit: Math.min(left, PAGE) });
  }

  async #page(room: RoomId, ask: PageAsk): Promise<Page | null> {
    try {
      return await this.#newestPage(room, ask);
    } catch (error) {
      if (error instanceof ParleyError && error.code === 'no_such_room') return null;
      throw error;
    }
  }

  /**
   * As new as the whole cluster, where that can be had; else not older than what this client has caused; else what one
   * node knows: without a majority it may never learn that its newest messages were acknowledged.
   */
  async #newestPage(room: RoomId, ask: PageAsk): Promise<Page> {
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

  /** What stands before a page that was read, as `since` showed it. */
  #olderPage(room: RoomId, ask: PageAsk, since: string): Promise<MessagesJson> {
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

interface PageAsk {
  readonly after?: number;
  readonly before?: number;
  readonly limit: number;
}

type MessagesJson = Static<typeof MessagesReply>;

interface Page {
  readonly reply: MessagesJson;
  readonly stale: ParleyError | null;
}
