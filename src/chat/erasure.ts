import { KEYS } from './keys.ts';
import { announceGone, removeMessage } from './removal.ts';
import { messageAt } from './relations.ts';
import { dropMember, giveAwayRoom } from './room-members.ts';
import { membershipCodec } from './room-rows.ts';
import type { AccountId, RoomId, Seq } from '../protocol/ids.ts';
import type { ErasureRow } from './admin-rows.ts';
import type { Work } from './work.ts';

/** Places of a room that one command looks at. */
const PLACES_MAX = 256;

/**
 * One step of what follows the deletion of an account: what it wrote in one room goes, where that was wished, and then
 * it leaves that room.
 *
 * @param key of the membership that the leader found
 * @returns how much was done; 0 where nothing is to be done
 */
export function eraseIn(work: Work, key: string): number {
  const [, account, room] = key.split('/') as [string, AccountId, RoomId];
  const job = work.erasures.get(account);
  const bytes = work.view.get(key);
  if (job === undefined || bytes === undefined) return 0;
  // One room after the other: there is one note of how far it is done.
  if (job.room !== null && job.room !== room && isMember(work, account, job.room)) return 0;
  const { joinedSeq } = membershipCodec.decode(bytes);
  const looked = job.messages ? eraseMessages(work, account, room, { job, joinedSeq }) : 0;
  if (looked >= PLACES_MAX) return looked;
  leave(work, account, room);
  if (job.messages) work.erasures.put(account, { ...job, room: null });
  return looked + 1;
}

function isMember(work: Work, account: AccountId, room: RoomId): boolean {
  return work.view.get(KEYS.membership(account, room)) !== undefined;
}

/** The leader found no membership any more. @returns whether there was something to end */
export function endErasure(work: Work, account: AccountId): boolean {
  const isThere = work.erasures.get(account) !== undefined;
  work.erasures.delete(account);
  return isThere;
}

/** @returns how many places were looked at; less than `PLACES_MAX` where none is left */
function eraseMessages(
  work: Work,
  account: AccountId,
  room: RoomId,
  { job, joinedSeq }: { readonly job: ErasureRow; readonly joinedSeq: Seq },
): number {
  const first = job.room === room ? job.next : joinedSeq;
  const end = Math.min(first + PLACES_MAX, work.rooms.get(room)!.lastSeq + 1);
  const gone: Seq[] = [];
  for (let seq = first; seq < end; seq = (seq + 1) as Seq) {
    if (messageAt(work, room, seq)?.from === account) gone.push(...removeMessage(work, room, seq, 'deleted'));
  }
  announceGone(work, { room, seqs: gone.toSorted((a, b) => a - b), reason: 'deleted', by: account });
  work.erasures.put(account, { ...job, room, next: end as Seq });
  return end - first;
}

/** A direct room keeps its two members, and is written in no more. */
function leave(work: Work, account: AccountId, room: RoomId): void {
  const row = work.rooms.get(room)!;
  if (row.kind !== 'direct') {
    giveAwayRoom(work, room, account);
    dropMember(work, room, account, account);
    return;
  }
  if (!row.archived) {
    work.rooms.put(room, { ...row, archived: true });
    work.emit({ kind: 'room-archived', room, archived: true, by: account, at: work.stampMs }, room);
  }
  work.view.delete(KEYS.membership(account, room));
  work.receipts.delete([room, account]);
}
