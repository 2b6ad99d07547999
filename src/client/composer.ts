import { CONTENT_LIMITS, encodeContent } from '../protocol/content.ts';
import { ParleyError } from '../protocol/errors.ts';
import { messageIdOf } from '../protocol/ids.ts';
import { messageDeleted } from './answers.ts';
import type { Content, FileContent } from '../protocol/content.ts';
import type { EnvelopeExtensions, Relation } from '../protocol/envelope-extensions.ts';
import type { AccountName, MessageId, RoomId, Seq, TxnId } from '../protocol/ids.ts';
import type { ClientContext } from './context.ts';
import type { Flushed, Outbox } from './outbox.ts';
import type { Rooms } from './rooms.ts';
import type { Upload } from './rows.ts';

export interface SendOptions {
  /** Makes a repetition the same message. */
  readonly txnId?: TxnId | undefined;
  /** How long to try; then it stays queued. */
  readonly timeoutMs: number;
  /** Only takes it down: whoever flushes the outbox sends it. */
  readonly later?: boolean | undefined;
  /** Told how far the upload of a file is. */
  readonly onUploaded?: (sentBytes: number, totalBytes: number) => void;
}

export interface TextOptions extends SendOptions {
  /** The message that this one answers. */
  readonly replyTo?: number | undefined;
  /** The message that began the thread to which this one belongs. */
  readonly thread?: number | undefined;
  /** Nodes remove it so long after they took it. */
  readonly ttlMs?: number | undefined;
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

export interface Posted {
  readonly result: SendResult;
  /** What became of all that waited; null when no node was reached. */
  readonly others: Flushed | null;
}

type Said = Exclude<Content, { readonly type: 'room-meta' }>;

const MENTION = /(?<![a-z0-9._-])@([a-z0-9._-]{2,32})/gi;

/** All that people put into rooms: texts, edits, reactions; and what they take out again. */
export class Composer {
  readonly #context: ClientContext;
  readonly #rooms: Rooms;
  readonly #outbox: Outbox;

  constructor(context: ClientContext, parts: { readonly rooms: Rooms; readonly outbox: Outbox }) {
    this.#context = context;
    this.#rooms = parts.rooms;
    this.#outbox = parts.outbox;
  }

  /** A message. Whoever this client knows and the text calls `@name` is mentioned. */
  text(target: string, text: string, { replyTo, thread, ttlMs, ...options }: TextOptions): Promise<Posted> {
    const answers = { ...(replyTo === undefined ? {} : { replyTo }), ...(thread === undefined ? {} : { thread }) };
    return this.#post(target, { type: 'text', text, ...answers }, ttlMs === undefined ? {} : { ttlMs }, options);
  }

  /** A file whose ciphertext is in the spool. */
  file(target: string, content: FileContent, upload: Upload, options: SendOptions): Promise<Posted> {
    return this.#post(target, content, { blobs: [upload.blob] }, options, upload);
  }

  /** @throws ParleyError when there is no such room or person */
  async resolve(target: string, timeoutMs: number): Promise<void> {
    await this.#rooms.resolve(target, timeoutMs);
  }

  /** Another text for one's own message. */
  edit(target: string, seq: number, text: string, options: SendOptions): Promise<Posted> {
    return this.#post(target, { type: 'edit', text }, relationTo('edit', seq), options);
  }

  react(target: string, seq: number, reaction: string, options: SendOptions): Promise<Posted> {
    return this.#post(target, { type: 'reaction', reaction }, relationTo('reaction', seq), options);
  }

  /**
   * @returns the seqs that hold nothing now: the message, its edits and reactions
   * @throws ParleyError `no_such_message`, `forbidden`
   */
  async delete(target: string, seq: number, deadlineMs: number): Promise<{ room: RoomId; seqs: readonly number[] }> {
    const { room } = await this.#rooms.resolve(target, deadlineMs);
    const path = `/v1/rooms/${room}/deletions/${this.#context.newTxnId()}`;
    const request = { method: 'PUT', path, body: { seq }, answer: messageDeleted(room, seq) } as const;
    const { seqs } = await this.#context.write(request, deadlineMs);
    return { room, seqs };
  }

  /**
   * Writes it down, then sends it with whatever waited before it. A failure that may pass leaves it queued.
   * @param target as `Rooms.resolve` takes it
   * @throws ParleyError when it can never be sent as it is; then it is not queued
   */
  async #post(
    target: string,
    what: Said,
    extensions: EnvelopeExtensions,
    { txnId = this.#context.newTxnId(), timeoutMs, onUploaded, later = false }: SendOptions,
    upload?: Upload,
  ): Promise<Posted> {
    const { nowMs } = this.#context.platform;
    const deadline = nowMs() + timeoutMs;
    const { keys } = await this.#context.own();
    encodeContent(what);
    const to = await this.#rooms.resolve(target, timeoutMs);
    const content = encodeContent({ ...what, ...(await this.#mentionsIn(what)) });
    await this.#outbox.add(to, { content, extensions, ...(upload && { upload }) }, txnId);
    const queued = { room: to.room, id: messageIdOf(txnId, keys.device), seq: null, state: 'queued' } as const;
    if (later) return { result: queued, others: null };
    let flushed: Flushed;
    try {
      flushed = await this.#outbox.flush(deadline - nowMs(), { onUploaded });
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

  /** Whom the target brings along is known by now. */
  async #mentionsIn(said: Said): Promise<{ mentions?: readonly string[] }> {
    const text = said.type === 'reaction' ? '' : (said.text ?? '');
    const names = new Set(Array.from(text.matchAll(MENTION), ([, name]) => name!.toLowerCase() as AccountName));
    const accounts: string[] = [];
    for (const name of [...names].slice(0, CONTENT_LIMITS.mentionsMax)) {
      const account = await this.#context.people.pinned(name);
      if (account !== undefined) accounts.push(account);
    }
    return accounts.length === 0 ? {} : { mentions: accounts };
  }
}

const relationTo = (type: Relation['type'], seq: number): EnvelopeExtensions => ({
  relation: { type, seq: seq as Seq },
});
