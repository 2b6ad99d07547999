import { audit } from './audit.ts';
import { dropHooks } from './hooks.ts';
import { KEYS } from './keys.ts';
import { dropMeta } from './room-meta.ts';
import { announceGone, removeMessage, removeSome } from './removal.ts';
import { messageAt } from './relations.ts';
import { accept, reject } from './results.ts';
import { checkAdmin } from './server-admin.ts';
import type { RoomId, Seq } from '../protocol/ids.ts';
import type { Handler } from './results.ts';
import type { Work } from './work.ts';

/** What admins of the server do where they are no members: they read nothing, but remove it. */
export const purgeMessage: Handler<'message.purge'> = (work, command) => {
  const refusal = checkAdmin(work, command);
  if (refusal !== undefined) return refusal;
  const { room, seq } = command.body;
  const message = messageAt(work, room, seq);
  if (message === undefined || message.gone !== null) return reject('no_such_message');
  const seqs = removeMessage(work, room, seq, 'purged');
  announceGone(work, { room, seqs, reason: 'purged', by: command.actor?.account ?? null });
  audit(work, 'message.purged', { room, accounts: [message.from], value: `message ${seq}` });
  return accept<'message.purge'>({ room, seqs });
};

/** From here on nothing is written in it, nobody is let in, its name and webhooks are gone; what was written goes in steps. */
export const purgeRoom: Handler<'room.purge'> = (work, command) => {
  const refusal = checkAdmin(work, command);
  if (refusal !== undefined) return refusal;
  const { room } = command.body;
  const row = work.rooms.get(room);
  if (row === undefined) return reject('no_such_room');
  const by = command.actor?.account ?? null;
  if (!row.purged) {
    work.rooms.put(room, { ...row, archived: true, purged: true });
    dropMeta(work, room);
    dropHooks(work, room);
    if (!row.archived) work.emit({ kind: 'room-archived', room, archived: true, by, at: work.stampMs }, room);
    work.purges.put(room, 1 as Seq);
    work.expireAt(work.stampMs, KEYS.purge(room));
    audit(work, 'room.purged', { room });
  }
  return accept<'room.purge'>({ room });
};

/** @returns how many places were looked at; what is left is found by the next sweep */
export function purgeStep(work: Work, room: RoomId): number {
  const first = work.purges.get(room);
  if (first === undefined) return 0;
  const next = removeSome(work, room, { first, reason: 'purged', by: null, isToGo: () => true });
  if (next <= work.rooms.get(room)!.lastSeq) {
    work.purges.put(room, next);
    work.expireAt(work.stampMs, KEYS.purge(room));
  } else work.purges.delete(room);
  return next - first + 1;
}
