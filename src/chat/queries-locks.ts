import { lockCodec, sessionLocksCodec } from './lock-rows.ts';
import { KEYS } from './keys.ts';
import { readRow } from './queries-rows.ts';
import type { AccountId, DeviceId, LockName, SessionId, StampMs } from '../protocol/ids.ts';
import type { StateReader } from './ports.ts';

export interface LockInfo {
  readonly name: LockName;
  readonly holder: {
    readonly account: AccountId;
    readonly device: DeviceId;
    readonly session: SessionId;
    readonly token: number;
    readonly expiresAt: StampMs;
  };
  /** Sessions that wait, in their order. */
  readonly waiting: readonly SessionId[];
}

/** Undefined for a lock that nobody holds, by the leader's time `stampMs`. */
export function lockByName(reader: StateReader, name: LockName, stampMs: StampMs): LockInfo | undefined {
  const row = readRow(reader, KEYS.lock(name), lockCodec);
  if (row === undefined || row.holder.expiresAt <= stampMs) return undefined;
  const waiting = row.waiting.filter(({ waitUntil }) => waitUntil > stampMs).map(({ session }) => session);
  return { name, holder: row.holder, waiting };
}

/** What a session holds and waits for. */
export function locksOf(reader: StateReader, session: SessionId, stampMs: StampMs): readonly LockInfo[] {
  const names = readRow(reader, KEYS.sessionLocks(session), sessionLocksCodec) ?? [];
  return names.flatMap((name) => lockByName(reader, name, stampMs) ?? []);
}
