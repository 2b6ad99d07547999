import { isOpenRoom } from '../protocol/ids.ts';
import { KEYS } from './keys.ts';
import { accept, reject } from './results.ts';
import { checkActor } from './sessions.ts';
import type { ReceiptMark } from '../protocol/commands.ts';
import type { Handler } from './results.ts';
import type { ReceiptRow } from './room-rows.ts';
import type { Work } from './work.ts';

/** By the node that the accounts told. Who is no member any more, or is further already, is passed over. */
export const markReceipts: Handler<'receipt.mark'> = (work, { actor, body }) => {
  if (actor !== null) return reject('forbidden');
  const changed = body.marks.filter((mark) => advance(work, mark)).length;
  return accept<'receipt.mark'>({ changed });
};

/** @returns whether it got further */
function advance(work: Work, { account, room, delivered, read }: ReceiptMark): boolean {
  const row = work.rooms.get(room);
  if (row === undefined || work.view.get(KEYS.membership(account, room)) === undefined) return false;
  const before = work.receipts.get([room, account]) ?? NOTHING;
  // What is read was delivered, and nobody has read what is not written yet.
  const now: ReceiptRow = {
    delivered: Math.max(before.delivered, Math.min(Math.max(delivered, read), row.lastSeq)),
    read: Math.max(before.read, Math.min(read, row.lastSeq)),
    at: work.stampMs,
  };
  if (now.delivered === before.delivered && now.read === before.read) return false;
  work.receipts.put([room, account], now);
  // In an open room each message would bring as many receipts to as many sockets as there are members.
  const shared = !isOpenRoom(room) && work.view.get(KEYS.receiptsHidden(account)) === undefined;
  work.emit({ kind: 'receipt', room, account, delivered: now.delivered, read: now.read, shared, at: now.at });
  return true;
}

const NOTHING = { delivered: 0, read: 0 };
const HIDDEN = new Uint8Array(0);

export const shareReceipts: Handler<'receipt.share'> = (work, { actor, body }) => {
  const refusal = checkActor(work, actor);
  if (refusal !== undefined) return refusal;
  const key = KEYS.receiptsHidden(actor!.account);
  if (body.share) work.view.delete(key);
  else work.view.put(key, HIDDEN);
  return accept<'receipt.share'>({ share: body.share });
};
