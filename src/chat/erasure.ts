import { KEYS } from './keys.ts';
import { countRoom } from './quotas.ts';
import { removeSome } from './removal.ts';
import { memberIn } from './members.ts';
import { dropMember, giveAwayRoom } from './room-members.ts';
import type { AccountId, RoomId, Seq } from '../protocol/ids.ts';
import type { MessageRow } from './room-rows.ts';
import type { ErasureRow } from './admin-rows.ts';
import type { Work } from './work.ts';

/**
 * One step of what follows the deletion of an account: what it wrote in one room goes, where that was wished, and then
 * it leaves that room.
 *
 * @param key of the membership that the leader found
 * @returns 0 where there was nothing to be done, else 1
 */
export function eraseIn(work: Work, key: string): number {
  const [, account, room] = key.split('/') as [string, AccountId, RoomId];
  const job = work.erasures.get(account);
  if (job === undefined || work.view.get(key) === undefined) return 0;
  // One room after the other: there is one note of how far it is done.
  if (job.room !== null && job.room !== room && isMember(work, account, job.room)) return 0;
  if (job.messages && !eraseMessages(work, account, room, job)) return 1;
  leave(work, account, room);
  if (job.messages) work.erasures.put(account, { ...job, room: null });
  return 1;
}

/** The same for somebody whom the account had blocked. */
export function eraseBlock(work: Work, key: string): number {
  const [, account, other] = key.split('/') as [string, AccountId, AccountId];
  const pair = [account, other] as const;
  if (work.erasures.get(account) === undefined || work.blocks.get(pair) === undefined) return 0;
  work.blocks.delete(pair);
  return 1;
}

function isMember(work: Work, account: AccountId, room: RoomId): boolean {
  return work.view.get(KEYS.membership(account, room)) !== undefined;
}

/** The leader found nothing else that is left. @returns whether there was something to end */
export function endErasure(work: Work, account: AccountId): boolean {
  const isThere = work.erasures.get(account) !== undefined;
  work.erasures.delete(account);
  return isThere;
}

/** @returns whether all that it wrote there is gone */
function eraseMessages(work: Work, account: AccountId, room: RoomId, job: ErasureRow): boolean {
  // From the beginning: it may have left, and come back.
  const first = job.room === room ? job.next : (1 as Seq);
  const isToGo = ({ from }: MessageRow): boolean => from === account;
  const next = removeSome(work, room, { first, reason: 'deleted', by: account, isToGo });
  work.erasures.put(account, { ...job, room, next });
  return next > work.rooms.get(room)!.lastSeq;
}

/** A direct room keeps its two members, and is written in no more. */
function leave(work: Work, account: AccountId, room: RoomId): void {
  const row = work.rooms.get(room)!;
  if (row.kind !== 'direct') {
    const member = memberIn(work, room, account)!;
    giveAwayRoom(work, room, member);
    dropMember(work, room, member, account);
    return;
  }
  if (!row.archived) {
    work.rooms.put(room, { ...row, archived: true });
    work.emit({ kind: 'room-archived', room, archived: true, by: account, at: work.stampMs }, room);
  }
  work.view.delete(KEYS.membership(account, room));
  countRoom(work, account, -1);
  work.receipts.delete([room, account]);
}
