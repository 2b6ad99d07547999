import { receipts as receiptsAnswer } from './answers.ts';
import type { AccountName, RoomId } from '../protocol/ids.ts';
import type { ClientContext } from './context.ts';

const ASK_MS_MAX = 15_000;
/** Rooms with more members show no marks: nobody could look through them. */
const PAGES_MAX = 4;

export interface Mark {
  readonly delivered: number;
  readonly read: number;
}

/** How far others have got in a room, by account; of very large rooms only the first few hundred. */
export async function marksIn(context: ClientContext, room: RoomId): Promise<Map<AccountName, Mark>> {
  const marks = new Map<AccountName, Mark>();
  let after = '';
  for (let page = 0; page < PAGES_MAX; page++) {
    const path = `/v1/rooms/${room}/receipts${after}`;
    const { receipts, next } = await context.read(path, receiptsAnswer, ASK_MS_MAX);
    for (const { account, delivered, read } of receipts) marks.set(account as AccountName, { delivered, read });
    if (next === null) break;
    after = `?after=${next}`;
  }
  return marks;
}

/** How one's own message stands with the others of a room. */
export type Reach = 'sent' | 'delivered' | 'read';

/** As far as all of the others have got. A room of nobody else has got nowhere. */
export function reachOf(seq: number, marks: ReadonlyMap<AccountName, Mark>, own: AccountName): Reach {
  const others = [...marks].filter(([account]) => account !== own).map(([, mark]) => mark);
  if (others.length === 0) return 'sent';
  if (others.every(({ read }) => read >= seq)) return 'read';
  return others.every(({ delivered, read }) => Math.max(delivered, read) >= seq) ? 'delivered' : 'sent';
}
