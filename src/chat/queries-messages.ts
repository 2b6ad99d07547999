import { messageIdOf } from '../protocol/ids.ts';
import { KEYS, numberAtEnd } from './keys.ts';
import { accountName } from './queries-accounts.ts';
import { membershipIn } from './queries-rooms.ts';
import { readRow } from './queries-rows.ts';
import { messageCodec, roomCodec } from './room-rows.ts';
import type { GoneReason } from '../protocol/events.ts';
import type { AccountId, AccountName, DeviceId, MessageId, RoomId, Seq, StampMs } from '../protocol/ids.ts';
import type { StateReader } from './ports.ts';
import type { MessageRow } from './room-rows.ts';

export interface MessageInfo {
  readonly room: RoomId;
  readonly seq: Seq;
  readonly id: MessageId;
  readonly from: AccountId;
  readonly fromName: AccountName;
  readonly device: DeviceId;
  readonly sentAt: StampMs;
  /** Empty when it is gone. */
  readonly envelope: Uint8Array;
  readonly gone: GoneReason | null;
  /** Where it stands in the log. */
  readonly index: number;
  readonly order: number;
}

export interface MessagesPage {
  /** Ascending and gap-free. */
  readonly messages: readonly MessageInfo[];
  /** Of the whole room. */
  readonly lastSeq: Seq;
}

/**
 * Envelopes of a room, from the reader's join on. `after`: those that follow this seq; `before`: the last ones below
 * it; neither: the last ones of all. With both, those that follow `after`, below `before`.
 *
 * @returns undefined when there is no such room, or the account is no member
 */
export async function messagesPage(
  reader: StateReader,
  ask: {
    readonly account: AccountId;
    readonly room: RoomId;
    readonly after?: number;
    readonly before?: number;
    readonly limit: number;
  },
): Promise<MessagesPage | undefined> {
  const { account, room, limit } = ask;
  const membership = membershipIn(reader, account, room);
  const row = readRow(reader, KEYS.room(room), roomCodec);
  if (membership === undefined || row === undefined) return undefined;
  const first = Math.max(membership.joinedSeq, (ask.after ?? 0) + 1);
  // Rows that are applied while this reads are for the next page.
  const end = Math.min(row.lastSeq + 1, ask.before ?? Infinity);
  const from = ask.after === undefined ? Math.max(first, end - limit) : first;
  const to = Math.min(end, from + limit);
  return { messages: await messagesBetween(reader, room, from, to), lastSeq: row.lastSeq };
}

/** @param from first seq @param to the seq behind the last */
export async function messagesBetween(
  reader: StateReader,
  room: RoomId,
  from: number,
  to: number,
): Promise<readonly MessageInfo[]> {
  if (from >= to) return [];
  const rows = await reader.range({ gte: KEYS.message(room, from), lt: KEYS.message(room, to), limit: to - from });
  const names = new Map<AccountId, AccountName>();
  return rows.map(([key, bytes]) => infoOf(reader, names, room, numberAtEnd(key) as Seq, messageCodec.decode(bytes)));
}

function infoOf(
  reader: StateReader,
  names: Map<AccountId, AccountName>,
  room: RoomId,
  seq: Seq,
  row: MessageRow,
): MessageInfo {
  const { index, order, from, device, txnId, sentAt, envelope, gone } = row;
  const fromName = names.get(from) ?? accountName(reader, from)!;
  names.set(from, fromName);
  return { room, seq, id: messageIdOf(txnId, device), from, fromName, device, sentAt, envelope, gone, index, order };
}

/** @returns log position of an envelope that exists */
export function messagePosition(
  reader: StateReader,
  room: RoomId,
  seq: number,
): { readonly index: number; readonly order: number } | undefined {
  return readRow(reader, KEYS.message(room, seq), messageCodec);
}
