import { pack, unpack } from './pack.ts';
import type { AccountId, DeviceId, LockName, SessionId, StampMs } from '../protocol/ids.ts';
import type { RowCodec } from './rows.ts';

export interface LockHolder {
  readonly account: AccountId;
  readonly device: DeviceId;
  readonly session: SessionId;
  /** Greater than that of every earlier grant of any lock. */
  readonly token: number;
  readonly expiresAt: StampMs;
}

export interface LockWaiter {
  readonly account: AccountId;
  readonly device: DeviceId;
  readonly session: SessionId;
  /** How long the lease lasts once it is granted. */
  readonly ttlMs: number;
  /** When it stops waiting. */
  readonly waitUntil: StampMs;
}

/** A lock that somebody holds; one that nobody holds has no row. */
export interface LockRow {
  readonly holder: LockHolder;
  /** In the order in which they asked. */
  readonly waiting: readonly LockWaiter[];
}

const V1 = 1;

export const lockCodec: RowCodec<LockRow> = {
  encode: ({ holder, waiting }) =>
    pack([
      V1,
      [holder.account, holder.device, holder.session, holder.token, holder.expiresAt],
      waiting.map((w) => [w.account, w.device, w.session, w.ttlMs, w.waitUntil]),
    ]),
  decode: (bytes) => {
    const [, [account, device, session, token, expiresAt], waiting] = unpack(bytes) as [
      number,
      [AccountId, DeviceId, SessionId, number, StampMs],
      [AccountId, DeviceId, SessionId, number, StampMs][],
    ];
    return {
      holder: { account, device, session, token, expiresAt },
      waiting: waiting.map(([who, on, through, ttlMs, waitUntil]) => ({
        account: who,
        device: on,
        session: through,
        ttlMs,
        waitUntil,
      })),
    };
  },
};

/** Locks that one session holds or waits for. */
export type SessionLocksRow = readonly LockName[];

export const sessionLocksCodec: RowCodec<SessionLocksRow> = {
  encode: (row) => pack([V1, row]),
  decode: (bytes) => (unpack(bytes) as [number, LockName[]])[1],
};

/** The greatest fencing token that was ever given. */
export const lockTokenCodec: RowCodec<number> = {
  encode: (row) => pack(row),
  decode: (bytes) => unpack(bytes) as number,
};
