import { lockRoomOf } from '../protocol/ids.ts';
import { LIMITS } from '../protocol/limits.ts';
import { KEYS } from './keys.ts';
import { enlistLock, grant, passOn, putLock, standingLock, unlist } from './locks.ts';
import { accept, reject } from './results.ts';
import { checkActor } from './sessions.ts';
import type { Actor, CommandBodies, CommandResult } from '../protocol/commands.ts';
import type { LockName, StampMs } from '../protocol/ids.ts';
import type { LockHolder, LockRow } from './lock-rows.ts';
import type { Handler, Rejection } from './results.ts';
import type { Work } from './work.ts';

/** Takes a lock, or a place in its queue. Asking again while holding it renews the lease. */
export const acquireLock: Handler<'lock.acquire'> = (work, { actor, body }) => {
  const refusal = checkActor(work, actor) ?? checkRoom(work, actor!, body.name);
  if (refusal !== undefined) return refusal;
  const { name, ttlMs } = body;
  const row = standingLock(work, name);
  if (row?.holder.session === actor!.session) return renewed(work, name, row, ttlMs);
  const mine = work.sessionLocks.get(actor!.session) ?? [];
  if (!mine.includes(name) && mine.length >= LIMITS.locksPerSessionMax) {
    return reject('too_many', `A session holds, and waits for, at most ${LIMITS.locksPerSessionMax} locks.`);
  }
  if (row !== undefined) return queued(work, row, actor!, body);
  const holder = grant(work, name, { ...actor!, ttlMs }, []);
  enlistLock(work, actor!.session, name);
  return held(name, holder);
};

/** Extends the lease, from now on. */
export const renewLock: Handler<'lock.renew'> = (work, { actor, body }) => {
  const refusal = checkActor(work, actor);
  if (refusal !== undefined) return refusal;
  const row = standingLock(work, body.name);
  if (row === undefined || !holds(row, actor!, body.token)) return reject('lock_lost');
  const { expiresAt } = extend(work, body.name, row, body.ttlMs);
  return accept<'lock.renew'>({ name: body.name, token: body.token, expiresAt });
};

/** Gives back what is held, or leaves the queue. What is neither is free of this session already. */
export const releaseLock: Handler<'lock.release'> = (work, { actor, body }) => {
  const refusal = checkActor(work, actor);
  if (refusal !== undefined) return refusal;
  const { name, token } = body;
  const row = standingLock(work, name);
  if (row !== undefined && token !== undefined) {
    if (!holds(row, actor!, token)) return reject('lock_lost');
    passOn(work, name, row, 'released');
  } else if (row !== undefined) {
    if (row.holder.session === actor!.session) passOn(work, name, row, 'released');
    else {
      putLock(work, name, { ...row, waiting: row.waiting.filter(({ session }) => session !== actor!.session) });
      unlist(work, actor!.session, name);
    }
  } else if (token !== undefined) return reject('lock_lost');
  return accept<'lock.release'>({ name });
};

const holds = ({ holder }: LockRow, actor: Actor, token: number): boolean =>
  holder.session === actor.session && holder.token === token;

/** Locks that are named after a room are for its members. */
function checkRoom(work: Work, actor: Actor, name: LockName): Rejection | undefined {
  const room = lockRoomOf(name);
  if (room === null || work.view.get(KEYS.membership(actor.account, room)) !== undefined) return undefined;
  return reject('no_such_room');
}

function extend(work: Work, name: LockName, row: LockRow, ttlMs: number): LockHolder {
  const holder = { ...row.holder, expiresAt: (work.stampMs + ttlMs) as StampMs };
  putLock(work, name, { ...row, holder });
  return holder;
}

function held(name: LockName, { token, expiresAt }: LockHolder): CommandResult<'lock.acquire'> {
  return accept<'lock.acquire'>({ name, state: 'held', token, expiresAt, position: 0 });
}

function renewed(work: Work, name: LockName, row: LockRow, ttlMs: number): CommandResult<'lock.acquire'> {
  return held(name, extend(work, name, row, ttlMs));
}

function queued(
  work: Work,
  row: LockRow,
  actor: Actor,
  { name, ttlMs, waitMs }: CommandBodies['lock.acquire'],
): CommandResult<'lock.acquire'> {
  const waiting = row.waiting.filter(({ waitUntil }) => waitUntil > work.stampMs);
  for (const { session } of row.waiting.filter((waiter) => !waiting.includes(waiter))) unlist(work, session, name);
  const { expiresAt } = row.holder;
  if (waitMs === 0) return reject('lock_held', undefined, { leftMs: expiresAt - work.stampMs });
  const waiter = { ...actor, ttlMs, waitUntil: (work.stampMs + waitMs) as StampMs };
  const at = waiting.findIndex(({ session }) => session === actor.session);
  if (at >= 0) waiting[at] = waiter;
  else if (waiting.length >= LIMITS.lockWaitersMax) return reject('too_many', 'The queue of this lock is full.');
  else waiting.push(waiter);
  putLock(work, name, { ...row, waiting });
  enlistLock(work, actor.session, name);
  const position = at >= 0 ? at + 1 : waiting.length;
  return accept<'lock.acquire'>({ name, state: 'waiting', token: null, expiresAt: waiter.waitUntil, position });
}
