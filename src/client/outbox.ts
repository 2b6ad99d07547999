import { toBase64Url } from '../protocol/base64url.ts';
import { ParleyError } from '../protocol/errors.ts';
import { txnTimeMs } from '../protocol/txn-id.ts';
import { KEY, pack, readRow, unpack, writeRow } from './rows.ts';
import type { MessageJsonT } from '../protocol/http/schemas.ts';
import type { MessageId, RoomId, TxnId } from '../protocol/ids.ts';
import type { ClientContext } from './context.ts';
import type { Rooms, Roster } from './rooms.ts';
import type { OutboxRow } from './rows.ts';

const STALE_DEVICES_TRIES_MAX = 8;
const SEARCH_PAGE = 500;

export interface Sent {
  readonly room: RoomId;
  readonly seq: number;
  readonly id: MessageId;
  readonly sentAt: string;
}

export interface Flushed {
  readonly sent: ReadonlyMap<TxnId, Sent>;
  /** Given up: a node refused them for good. */
  readonly refused: ReadonlyMap<TxnId, ParleyError>;
}

/**
 * What was written and is not acknowledged yet. A message is on this disk before it is first sent, keeps its
 * transaction id and its r, and leaves only once a node has said where it stands, so it is sent exactly once however
 * often it takes. Several programs may flush at the same time: a repetition is the same message.
 */
export class Outbox {
  readonly #context: ClientContext;
  readonly #rooms: Rooms;
  readonly #rosters = new Map<RoomId, Roster>();

  constructor(context: ClientContext, rooms: Rooms) {
    this.#context = context;
    this.#rooms = rooms;
  }

  /**
   * @param txnId given: this very message, already in the outbox or not
   * @throws ParleyError `txn_reused` when it is there with other content
   */
  async add(room: RoomId, content: Uint8Array, txnId: TxnId): Promise<void> {
    const { platform } = this.#context;
    await platform.store.transaction(async (tx) => {
      const known = await tx.get(KEY.outbox(txnId));
      if (known !== undefined) {
        const row = unpack<OutboxRow>(known);
        if (row.room === room && toBase64Url(row.content) === toBase64Url(content)) return;
        throw new ParleyError('txn_reused', 'This transaction id waits in the outbox with other content.');
      }
      const counter = ((await readRow(tx, 'counter')) ?? 0) + 1;
      writeRow(tx, 'counter', counter);
      const r = await rememberedSalt(tx, txnId, () => platform.random(32));
      tx.put(KEY.outbox(txnId), pack({ txnId, room, content, r, counter } satisfies OutboxRow));
    });
  }

  /** Messages that wait, oldest first. */
  async pending(): Promise<readonly OutboxRow[]> {
    const rows = await this.#context.platform.store.transaction((tx) => tx.list(KEY.outboxPrefix));
    return rows.map(([, bytes]) => unpack<OutboxRow>(bytes));
  }

  /**
   * Sends what waits, in order.
   * @throws ParleyError when the deadline passes first; what was not sent stays
   */
  async flush(deadlineMs: number): Promise<Flushed> {
    const { nowMs } = this.#context.platform;
    const deadline = nowMs() + deadlineMs;
    const sent = new Map<TxnId, Sent>();
    const refused = new Map<TxnId, ParleyError>();
    for (const row of await this.pending()) {
      try {
        sent.set(row.txnId, await this.#send(row, () => deadline - nowMs()));
      } catch (error) {
        if (!(error instanceof ParleyError) || error.retryable || error.code === 'unauthenticated') throw error;
        refused.set(row.txnId, error);
      }
      await this.#context.platform.store.transaction(async (tx) => tx.delete(KEY.outbox(row.txnId)));
    }
    return { sent, refused };
  }

  async #send(row: OutboxRow, leftMs: () => number): Promise<Sent> {
    for (let attempt = 1; ; attempt++) {
      const roster = await this.#roster(row.room, leftMs());
      const envelope = await this.#seal(row, roster);
      try {
        return await this.#context.write<Sent & { cursor: string }>(
          { method: 'PUT', path: `/v1/rooms/${row.room}/messages/${row.txnId}`, body: { envelope } },
          leftMs(),
        );
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
      r: row.r,
      senderCounter: row.counter,
    });
    return toBase64Url(envelope);
  }

  async #roster(room: RoomId, deadlineMs: number): Promise<Roster> {
    const known = this.#rosters.get(room) ?? (await this.#rooms.roster(room, deadlineMs));
    this.#rosters.set(room, known);
    return known;
  }

  /** The nodes have forgotten this transaction: it is either in the room, or was never sent. */
  async #find(row: OutboxRow, leftMs: () => number, expired: ParleyError): Promise<Sent> {
    const { keys } = await this.#context.own();
    const id = `${row.txnId}-${keys.device}`;
    const oldestMs = txnTimeMs(row.txnId);
    for (let before = Number.MAX_SAFE_INTEGER; ;) {
      const path = `/v1/rooms/${row.room}/messages?before=${before}&limit=${SEARCH_PAGE}`;
      const { messages } = await this.#context.read<{ messages: MessageJsonT[] }>(path, leftMs());
      const found = messages.find((message) => message.id === id);
      if (found !== undefined) return found as unknown as Sent;
      const first = messages[0];
      if (first === undefined || Date.parse(first.sentAt) < oldestMs) break;
      before = first.seq;
    }
    throw new ParleyError('txn_expired', 'This message was not sent in time; write it again.', { cause: expired });
  }
}

/** A transaction that is sent again later, by its id, must have the same tag: its r is kept beyond the outbox. */
async function rememberedSalt(
  tx: Parameters<Parameters<ClientContext['platform']['store']['transaction']>[0]>[0],
  txnId: TxnId,
  draw: () => Uint8Array,
): Promise<Uint8Array> {
  const known = await tx.get(KEY.salt(txnId));
  if (known !== undefined) return known;
  const r = draw();
  tx.put(KEY.salt(txnId), r);
  return r;
}
