import { afterPrefix, KEYS } from './keys.ts';
import { readRow } from './queries-rows.ts';
import { messageBitsCodec, receiptCodec } from './room-rows.ts';
import { blockOf, countFrom } from './unread.ts';
import type { AccountId, RoomId } from '../protocol/ids.ts';
import type { StateReader } from './ports.ts';
import type { ReceiptRow } from './room-rows.ts';

/** Whoever has more unread than stand in so many blocks is told so many. */
const UNREAD_BLOCKS_MAX = 8;

/** How many messages there are from one seq to another. */
export function countUnread(
  reader: StateReader,
  room: RoomId,
  { from, to }: { readonly from: number; readonly to: number },
): number {
  if (from > to) return 0;
  const last = blockOf(to);
  let count = 0;
  for (let block = Math.max(blockOf(from), last - UNREAD_BLOCKS_MAX + 1); block <= last; block++) {
    const bits = readRow(reader, KEYS.messageBits(room, block), messageBitsCodec);
    if (bits !== undefined) count += countFrom(bits, block, from);
  }
  return count;
}

export interface ReceiptInfo extends ReceiptRow {
  readonly account: AccountId;
}

/** A page of how far the members of a room have got, in the order of their ids; without those who hide it. */
export async function receiptsIn(
  reader: StateReader,
  room: RoomId,
  ask: { readonly account: AccountId; readonly after?: AccountId; readonly limit: number },
): Promise<{ readonly receipts: readonly ReceiptInfo[]; readonly next: AccountId | null }> {
  const prefix = KEYS.receipt(room, '');
  const rows = await reader.range({
    gte: ask.after === undefined ? prefix : `${KEYS.receipt(room, ask.after)}\0`,
    lt: afterPrefix(prefix),
    limit: ask.limit + 1,
  });
  const all = rows.map(([key, bytes]) => ({
    account: key.slice(prefix.length) as AccountId,
    ...receiptCodec.decode(bytes),
  }));
  const page = all.slice(0, ask.limit);
  const isShown = ({ account }: ReceiptInfo): boolean =>
    account === ask.account || reader.get(KEYS.receiptsHidden(account)) === undefined;
  return { receipts: page.filter(isShown), next: all.length > ask.limit ? page.at(-1)!.account : null };
}
