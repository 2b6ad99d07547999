import { KEYS } from './keys.ts';
import type { LockName, SessionId, StampMs } from '../protocol/ids.ts';
import type { LockHolder, LockRow, LockWaiter } from './lock-rows.ts';
import type { Work } from './work.ts';

/**
 * Named locks with a lease: whoever holds one has it until the lease ends by the leader's time, and then the next in
 * the queue has it, whatever the former holder believes. What the lock protects is safe all the same when it refuses
 * a fencing token that is smaller than one it has seen (Kleppmann, “How to do distributed locking”, 2016; the
 * sequencer of Burrows, “The Chubby lock service”, OSDI 2006, section 2.4).
 */

/** The row as it stands at this batch's time: a lease that is over has gone to the next. */
export function standingLock(work: Work, name: LockName): LockRow | undefined {
  const row = work.locks.get(name);
  if (row === undefined || row.holder.expiresAt > work.stampMs) return row;
  return passOn(work, name, row, 'expired');
}

/** Gives a free lock away. */
export function grant(
  work: Work,
  name: LockName,
  to: Omit<LockWaiter, 'waitUntil'>,
  waiting: readonly LockWaiter[],
): LockHolder {
  const token = (work.lockTokens.get('locks') ?? 0) + 1;
  work.lockTokens.put('locks', token);
  const { account, device, session, ttlMs } = to;
  const holder = { account, device, session, token, expiresAt: (work.stampMs + ttlMs) as StampMs };
  putLock(work, name, { holder, waiting });
  return holder;
}

/** Writes the row, and when its lease has to be looked at. */
export function putLock(work: Work, name: LockName, row: LockRow): void {
  const before = work.locks.get(name);
  if (before !== undefined && before.holder.expiresAt !== row.holder.expiresAt) {
    work.cancelExpiry(before.holder.expiresAt, KEYS.lock(name));
  }
  work.locks.put(name, row);
  work.expireAt(row.holder.expiresAt, KEYS.lock(name));
}

/** The holder is done, or is taken to be; whoever asked first and still waits is next. */
export function passOn(
  work: Work,
  name: LockName,
  row: LockRow,
  why: 'released' | 'expired' | 'session-ended',
): LockRow | undefined {
  const { holder } = row;
  unlist(work, holder.session, name);
  if (why !== 'released') {
    const { account, session, token } = holder;
    work.emit({ kind: 'lock-lost', account, session, name, token, reason: why, at: work.stampMs }, account);
  }
  const waiting = [...row.waiting];
  for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
    if (next.waitUntil <= work.stampMs) {
      unlist(work, next.session, name);
      continue;
    }
    const { account, session } = next;
    const { token, expiresAt } = grant(work, name, next, waiting);
    work.emit({ kind: 'lock-granted', account, session, name, token, expiresAt, at: work.stampMs }, account);
    return work.locks.get(name);
  }
  work.cancelExpiry(holder.expiresAt, KEYS.lock(name));
  work.locks.delete(name);
  return undefined;
}

/** A session that is over holds nothing and waits for nothing. */
export function releaseLocksOf(work: Work, session: SessionId): void {
  for (const name of work.sessionLocks.get(session) ?? []) {
    const row = work.locks.get(name);
    if (row === undefined) continue;
    if (row.holder.session === session) passOn(work, name, row, 'session-ended');
    else putLock(work, name, { ...row, waiting: row.waiting.filter((waiter) => waiter.session !== session) });
  }
  work.sessionLocks.delete(session);
}

export function enlistLock(work: Work, session: SessionId, name: LockName): void {
  const names = work.sessionLocks.get(session) ?? [];
  if (!names.includes(name)) work.sessionLocks.put(session, [...names, name]);
}

export function unlist(work: Work, session: SessionId, name: LockName): void {
  const rest = (work.sessionLocks.get(session) ?? []).filter((other) => other !== name);
  if (rest.length === 0) work.sessionLocks.delete(session);
  else work.sessionLocks.put(session, rest);
}
