import { LIMITS } from '../protocol/limits.ts';
import { audit } from './audit.ts';
import { KEYS } from './keys.ts';
import { messageAt } from './relations.ts';
import { removeSome } from './removal.ts';
import { accept, reject } from './results.ts';
import { enter } from './room-entry.ts';
import { checkAdmin } from './server-admin.ts';
import type { RoomId, Seq } from '../protocol/ids.ts';
import type { Handler, Rejection } from './results.ts';
import type { RoomRow } from './room-rows.ts';
import type { Work } from './work.ts';

/**
 * How long messages are kept, whenever they were written: by the leader's time, so that they go from every node at the
 * same index. A room notes when its oldest message is due, and that is all that is kept for it; what is due goes in steps.
 */
export const setRoomRetention: Handler<'room.set-retention'> = (work, { actor, body }) => {
  const { room, retentionMs } = body;
  const place = enter(work, actor, room);
  if (!place.ok) return place;
  const { row, self } = place;
  if (row.kind !== 'direct' && self.role === 'member') return reject('forbidden');
  const wrong = checkTime(retentionMs);
  if (wrong !== undefined) return wrong;
  if (row.retentionMs !== retentionMs) {
    work.rooms.put(room, { ...row, retentionMs });
    reschedule(work, room);
    audit(work, 'room.retention-set', { room, value: retentionMs === 0 ? 'none' : `${retentionMs} ms` });
  }
  return accept<'room.set-retention'>({ room });
};

/** Rooms follow in steps. */
export const setServerRetention: Handler<'server.set-retention'> = (work, command) => {
  const { retentionMs } = command.body;
  const refusal = checkAdmin(work, command) ?? checkTime(retentionMs);
  if (refusal !== undefined) return refusal;
  if (work.serverLimits.retentionMs !== retentionMs) {
    work.serverLimits = { ...work.serverLimits, retentionMs };
    const before = work.retentionJob.get('job');
    if (before !== undefined) work.cancelExpiry(before.since, KEYS.retentionJob);
    work.retentionJob.put('job', { since: work.stampMs, after: '' });
    work.expireAt(work.stampMs, KEYS.retentionJob);
    audit(work, 'server.retention-set', { value: retentionMs === 0 ? 'none' : `${retentionMs} ms` });
  }
  return accept<'server.set-retention'>({ retentionMs });
};

function checkTime(retentionMs: number): Rejection | undefined {
  if (retentionMs === 0 || retentionMs >= LIMITS.retentionMsMin) return undefined;
  return reject('invalid_field', 'Messages are kept for a second at least.');
}

/** The first message after a while has to be noted. */
export function noteWritten(work: Work, room: RoomId): void {
  if (work.rooms.get(room)!.keptUntil === 0) reschedule(work, room);
}

/**
 * One step of the removal of what is due in a room.
 *
 * @returns how many places were looked at; what is left is found by the next sweep
 */
export function retentionStep(work: Work, room: RoomId): number {
  const row = work.rooms.get(room);
  if (row === undefined || row.keptUntil === 0 || row.keptUntil > work.stampMs) return 0;
  const end = firstKept(work, room, row);
  const next = removeSome(work, room, {
    first: row.keptFrom,
    end,
    reason: 'expired',
    by: null,
    isToGo: () => true,
  });
  work.rooms.put(room, { ...work.rooms.get(room)!, keptFrom: next, keptUntil: 0 });
  reschedule(work, room);
  return next - row.keptFrom + 1;
}

/** One room of a job that the leader found. @returns how much was done */
export function retentionOfRoom(work: Work, since: number, room: RoomId): number {
  const job = work.retentionJob.get('job');
  if (job?.since !== since || room <= job.after || work.rooms.get(room) === undefined) return 0;
  reschedule(work, room);
  work.retentionJob.put('job', { ...job, after: room });
  return 1;
}

/** The leader found no room that is left. @returns whether there was something to end */
export function endRetentionJob(work: Work): boolean {
  const isThere = work.retentionJob.get('job') !== undefined;
  work.retentionJob.delete('job');
  return isThere;
}

/** Notes when the oldest message is due. */
function reschedule(work: Work, room: RoomId): void {
  const row = work.rooms.get(room)!;
  const keptMs = keptFor(row.retentionMs, work.serverLimits.retentionMs);
  const isEmpty = row.keptFrom > row.lastSeq;
  const keptUntil = keptMs === 0 || isEmpty ? 0 : messageAt(work, room, row.keptFrom)!.sentAt + keptMs;
  if (keptUntil === row.keptUntil) return;
  if (row.keptUntil !== 0) work.cancelExpiry(row.keptUntil, KEYS.retained(room));
  if (keptUntil !== 0) work.expireAt(keptUntil, KEYS.retained(room));
  work.rooms.put(room, { ...row, keptUntil });
}

/** The shorter of two times counts; 0 is none. */
export function keptFor(roomMs: number, serverMs: number): number {
  return roomMs === 0 || serverMs === 0 ? Math.max(roomMs, serverMs) : Math.min(roomMs, serverMs);
}

/** Stamps never go back, so the places that are due come before all others. */
function firstKept(work: Work, room: RoomId, row: RoomRow): Seq {
  const keptMs = keptFor(row.retentionMs, work.serverLimits.retentionMs);
  let low: number = row.keptFrom;
  let high = row.lastSeq + 1;
  while (low < high && keptMs > 0) {
    const middle = Math.floor((low + high) / 2);
    if (messageAt(work, room, middle as Seq)!.sentAt + keptMs <= work.stampMs) low = middle + 1;
    else high = middle;
  }
  return low as Seq;
}
