import { toBase64Url } from '../protocol/base64url.ts';
import { ParleyError } from '../protocol/errors.ts';
import { isOpenRoom, messageIdOf } from '../protocol/ids.ts';
import { LIMITS } from '../protocol/limits.ts';
import { txnTimeMs } from '../protocol/txn-id.ts';
import { messagesOf, messageSent } from './answers.ts';
import { openRosterOf, rosterOf } from './rosters.ts';
import { KEY, pack, readRow, unpack, writeRow } from './rows.ts';
import type { EnvelopeExtensions } from '../protocol/envelope-extensions.ts';
import type { ErrorCode } from '../protocol/errors.ts';
import type { MessageId, RoomId, TxnId } from '../protocol/ids.ts';
import type { ClientContext } from './context.ts';
import type { Rooms, Target } from './rooms.ts';
import type { Roster } from './rosters.ts';
import type { OutboxRow, Upload } from './rows.ts';
import type { StoreTransaction } from './store.ts';
import { Uploads } from './uploads.ts';
import type { Patience } from './uploads.ts';

const STALE_DEVICES_TRIES_MAX = 8;
const SEARCH_PAGE = 500;
const UPLOAD_TRIES_MAX = 3;

/** What says that a message can never be sent as it is; anything else may yet pass. */
const REFUSALS: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'invalid_field',
  'invalid_envelope',
  'payload_too_large',
  'forbidden',
  'no_such_room',
  'no_such_message',
  'message_full',
  'muted',
  'blocked',
  'room_archived',
  'no_such_user',
  'txn_reused',
  'txn_expired',
  'room_too_large',
  'user_key_changed',
  'invalid_signature',
  'file_too_large',
  'quota_exceeded',
  'file_unreadable',
  'blob_taken',
  'blob_mismatch',
]);

/** What is to be sent. */
export interface Draft {
  /** As `encodeContent` makes it. */
  readonly content: Uint8Array;
  readonly extensions?: EnvelopeExtensions;
  /** The file that it brings. */
  readonly upload?: Upload;
}

export interface FlushOptions {
  /** What `pending` gave: for who tells of each of them what became of it. Without it, what waits by now. */
  readonly waiting?: readonly OutboxRow[] | undefined;
  /** Told how far an upload is; each piece that comes through gives it the whole time again. */
  readonly onUploaded?: ((sentBytes: number, totalBytes: number, txnId: TxnId) => void) | undefined;
}

export interface Sent {
  readonly room: RoomId;
  readonly seq: number;
  readonly id: MessageId;
  readonly sentAt: string;
}

export interface Flushed {
  readonly sent: ReadonlyMap<TxnId, Sent>;
  /** Given up, and out of the outbox: they can never be sent. */
  readonly refused: ReadonlyMap<TxnId, ParleyError>;
  /** Still in the outbox, after what happened to the first of each room. */
  readonly kept: ReadonlyMap<TxnId, ParleyError>;
}

/**
 * What was written and is not acknowledged yet. A message is on this disk before it is first sent, keeps its
 * transaction id and its r, and leaves only once a node has said where it stands, so it is sent exactly once however
 * often it takes. Several programs may flush at the same time: a repetition is the same message.
 */
export class Outbox {
  readonly #context: ClientContext;
  readonly #rooms: Rooms;
  readonly #uploads: Uploads;
  readonly #rosters = new Map<RoomId, Roster>();

  constructor(context: ClientContext, rooms: Rooms) {
    this.#context = context;
    this.#rooms = rooms;
    this.#uploads = new Uploads(context);
  }

  /**
   * @param txnId also that of a message that was added before, which is then this very message
   * @throws ParleyError `txn_reused` when that one has other content
   */
  async add({ room, peer }: Target, { content, extensions = {}, upload }: Draft, txnId: TxnId): Promise<void> {
    const { platform } = this.#context;
    await platform.store.transaction(async (tx) => {
      const known = await tx.get(KEY.outbox(txnId));
      if (known !== undefined) {
        const row = unpack<OutboxRow>(known);
        const isSame = row.room === room && toBase64Url(row.content) === toBase64Url(content);
        if (isSame && JSON.stringify(row.extensions ?? {}) === JSON.stringify(extensions)) return;
        throw new ParleyError('txn_reused', 'This transaction id waits in the outbox with other content.');
      }
      const counter = ((await readRow(tx, 'counter')) ?? 0) + 1;
      writeRow(tx, 'counter', counter);
      const r = await rememberedSalt(tx, txnId, () => platform.random(32));
      const row: OutboxRow = { txnId, room, peer, content, extensions, r, counter, ...(upload && { upload }) };
      tx.put(KEY.outbox(txnId), pack(row));
    });
  }

  /** Messages that wait, in the order in which they were written. */
  async pending(): Promise<readonly OutboxRow[]> {
    const rows = await this.#context.platform.store.transaction((tx) => tx.list(KEY.outboxPrefix));
    return rows.map(([, bytes]) => unpack<OutboxRow>(bytes)).toSorted((a, b) => a.counter - b.counter);
  }

  /**
   * Sends what waits, in order. What was refused is told of only here, so a failure behind it is told with it, in `kept`.
   * @throws ParleyError when no node can take any message before the deadline; what was not sent stays
   */
  async flush(deadlineMs: number, { waiting, onUploaded }: FlushOptions = {}): Promise<Flushed> {
    const { nowMs, store } = this.#context.platform;
    let deadline = nowMs() + deadlineMs;
    const patienceFor = (txnId: TxnId): Patience => ({
      leftMs: () => deadline - nowMs(),
      progressed: (sentBytes, totalBytes) => {
        if (onUploaded !== undefined) deadline = nowMs() + deadlineMs;
        onUploaded?.(sentBytes, totalBytes, txnId);
      },
    });
    const flushed = { sent: new Map<TxnId, Sent>(), refused: new Map<TxnId, ParleyError>() };
    const kept = new Map<TxnId, ParleyError>();
    const stuck = new Map<RoomId, ParleyError>();
    let ended: ParleyError | undefined;
    for (const row of uploadsLast(waiting ?? (await this.pending()))) {
      const stopped = ended ?? stuck.get(row.room);
      if (stopped !== undefined) {
        kept.set(row.txnId, stopped);
        continue;
      }
      try {
        flushed.sent.set(row.txnId, await this.#sendWithFile(row, patienceFor(row.txnId)));
      } catch (error) {
        if (!(error instanceof ParleyError)) throw error;
        // That an upload does not get on says nothing of what was sent before it.
        const mayPass = error.retryable || error.code === 'unauthenticated';
        const endsAll = mayPass && row.upload === undefined;
        if (endsAll && flushed.sent.size + flushed.refused.size === 0) throw error;
        if (!endsAll && REFUSALS.has(error.code)) {
          flushed.refused.set(row.txnId, error);
        } else {
          if (endsAll) ended = error;
          kept.set(row.txnId, error);
          stuck.set(row.room, error);
          continue;
        }
      }
      await store.transaction(async (tx) => tx.delete(KEY.outbox(row.txnId)));
      if (row.upload !== undefined) await this.#uploads.drop(row.upload);
    }
    if (onUploaded !== undefined) await this.#tidySpool();
    return { ...flushed, kept };
  }

  async #tidySpool(): Promise<void> {
    const waiting = (await this.pending()).flatMap(({ upload }) => (upload === undefined ? [] : [upload.spool]));
    await this.#uploads.tidy(new Set(waiting));
  }

  /** What nodes have forgotten, because the message came so late, is uploaded again. */
  async #sendWithFile(row: OutboxRow, patience: Patience): Promise<Sent> {
    for (let attempt = 1; ; attempt++) {
      if (row.upload !== undefined) await this.#uploads.finish(row.upload, patience);
      try {
        return await this.#send(row, patience.leftMs);
      } catch (error) {
        const isGone = error instanceof ParleyError && error.code === 'blob_missing' && row.upload !== undefined;
        if (!isGone || attempt >= UPLOAD_TRIES_MAX) throw error;
      }
    }
  }

  async #send(row: OutboxRow, leftMs: () => number): Promise<Sent> {
    const { keys } = await this.#context.own();
    const answer = messageSent(row.room, messageIdOf(row.txnId, keys.device));
    for (let attempt = 1; ; attempt++) {
      const envelope = await this.#seal(row, await this.#roster(row, leftMs, { newest: attempt > 1 }));
      const path = `/v1/rooms/${row.room}/messages/${row.txnId}`;
      try {
        const { room, seq, id, sentAt } = await this.#context.write(
          { method: 'PUT', path, body: { envelope }, answer },
          leftMs(),
        );
        return { room: room as RoomId, seq, id: id as MessageId, sentAt };
      } catch (error) {
        if (!(error instanceof ParleyError)) throw error;
        if (error.code === 'txn_expired') return this.#find(row, leftMs, error);
        this.#rosters.delete(row.room);
        if (error.code !== 'stale_devices' || attempt >= STALE_DEVICES_TRIES_MAX) throw error;
      }
    }
  }

  async #seal(row: OutboxRow, roster: Roster): Promise<string> {
    const { keys } = await this.#context.own();
    const envelope = this.#context.conversation.seal({
      purpose: 'message',
      cluster: await this.#context.cluster(),
      room: row.room,
      rosterVersion: roster.rosterVersion,
      sender: { device: keys.device, signingSecret: keys.signing.secretKey },
      txnId: row.txnId,
      recipients: roster.devices,
      content: row.content,
      ...(row.extensions === undefined ? {} : { extensions: row.extensions }),
      r: row.r,
      senderCounter: row.counter,
    });
    return toBase64Url(envelope);
  }

  /** @param newest the one that was known is out of date, and what one node knows may be so too */
  async #roster(
    { room, peer }: OutboxRow,
    leftMs: () => number,
    { newest }: { readonly newest: boolean },
  ): Promise<Roster> {
    if (isOpenRoom(room)) return openRosterOf(room);
    const known = this.#rosters.get(room);
    if (known !== undefined) return known;
    const ask = (): Promise<Roster> => rosterOf(this.#context, room, leftMs(), { peer, newest });
    const roster = await ask().catch(async (error: unknown) => {
      if (peer === null || !(error instanceof ParleyError) || error.code !== 'no_such_room') throw error;
      await this.#rooms.openDirect(peer, leftMs());
      return ask();
    });
    this.#rosters.set(room, roster);
    return roster;
  }

  /** The nodes have forgotten this transaction: it is either in the room, or was never sent. */
  async #find(row: OutboxRow, leftMs: () => number, expired: ParleyError): Promise<Sent> {
    const { keys } = await this.#context.own();
    const id = messageIdOf(row.txnId, keys.device);
    // The clock that is in the id may have been ahead of that of the nodes.
    const oldestMs = txnTimeMs(row.txnId) - LIMITS.txnFutureMs;
    for (let before = Number.MAX_SAFE_INTEGER; ;) {
      const path = `/v1/rooms/${row.room}/messages?before=${before}&limit=${SEARCH_PAGE}`;
      const answer = messagesOf(row.room, { before, limit: SEARCH_PAGE });
      const { messages } = await this.#context.readNewest(path, answer, leftMs());
      const found = messages.find((message) => message.id === id);
      if (found !== undefined) return { room: row.room, seq: found.seq, id, sentAt: found.sentAt };
      const first = messages[0];
      if (first === undefined || Date.parse(first.sentAt) < oldestMs) break;
      before = first.seq;
    }
    throw new ParleyError('txn_expired', 'This message was not sent in time; write it again.', { cause: expired });
  }
}

/** In the order of each room; rooms in which nothing has to be uploaded come first, so that no text waits for a file. */
function uploadsLast(rows: readonly OutboxRow[]): readonly OutboxRow[] {
  const slow = new Set(rows.flatMap(({ upload, room }) => (upload === undefined ? [] : [room])));
  return [...rows.filter(({ room }) => !slow.has(room)), ...rows.filter(({ room }) => slow.has(room))];
}

/** A transaction that is sent again later, by its id, must have the same tag: its r is kept beyond the outbox. */
async function rememberedSalt(tx: StoreTransaction, txnId: TxnId, draw: () => Uint8Array): Promise<Uint8Array> {
  const known = await tx.get(KEY.salt(txnId));
  if (known !== undefined) return known;
  const r = draw();
  tx.put(KEY.salt(txnId), r);
  return r;
}
