import type { AccountId, AccountName, DeviceId, SessionId, StampMs } from '../protocol/ids.ts';
import type { DeviceRecord } from '../protocol/device-record.ts';
import { pack, unpack } from './pack.ts';

/** What stands in a row, and how. Rows are values: a change puts a new one. */
export interface RowCodec<Row> {
  encode(row: Row): Uint8Array;
  decode(bytes: Uint8Array): Row;
}

const V1 = 1;

/** Who is deactivated may come back; of who was deleted nothing but the name is left. */
export type AccountState = 'active' | 'deactivated' | 'deleted';
const ACCOUNT_STATES: readonly AccountState[] = ['active', 'deactivated', 'deleted'];

export interface AccountRow {
  readonly name: AccountName;
  readonly userKey: Uint8Array;
  readonly createdAt: StampMs;
  /** Grows with every change of the devices; summed over a room's members it is part of the roster version. */
  readonly deviceVersion: number;
  /** Log index of the last such change after registration, 0 for none. */
  readonly devicesChangedIndex: number;
  /** The device it was registered with, enrolled or not by now. */
  readonly firstDevice: DeviceId;
  /** Enrolled now, in order of enrolment. */
  readonly devices: readonly DeviceRecord[];
  readonly state: AccountState;
}

export const accountCodec: RowCodec<AccountRow> = {
  encode: (row) =>
    pack([
      V1,
      row.name,
      row.userKey,
      row.createdAt,
      row.deviceVersion,
      row.devicesChangedIndex,
      row.firstDevice,
      row.devices.flatMap((d) => [d.device, d.signingKey, d.sealingKey, d.signature]),
      ACCOUNT_STATES.indexOf(row.state),
    ]),
  decode: (bytes) => {
    const [, name, userKey, createdAt, deviceVersion, devicesChangedIndex, firstDevice, flat, state = 0] = unpack(
      bytes,
    ) as [number, AccountName, Uint8Array, StampMs, number, number, DeviceId, (string | Uint8Array)[], number?];
    const devices: DeviceRecord[] = [];
    for (let i = 0; i < flat.length; i += 4) {
      devices.push({
        device: flat[i] as DeviceId,
        signingKey: flat[i + 1] as Uint8Array,
        sealingKey: flat[i + 2] as Uint8Array,
        signature: flat[i + 3] as Uint8Array,
      });
    }
    const known = { name, userKey, createdAt, deviceVersion, devicesChangedIndex, firstDevice, devices };
    return { ...known, state: ACCOUNT_STATES[state]! };
  },
};

/** Rows that are one id. */
export const idCodec = <Id extends string>(): RowCodec<Id> => ({
  encode: (id) => pack(id),
  decode: (bytes) => unpack(bytes) as Id,
});

export interface DeviceRow {
  readonly account: AccountId;
  readonly revoked: boolean;
}

export const deviceCodec: RowCodec<DeviceRow> = {
  encode: (row) => pack([V1, row.account, row.revoked]),
  decode: (bytes) => {
    const [, account, revoked] = unpack(bytes) as [number, AccountId, boolean];
    return { account, revoked };
  },
};

export interface GlobalsRow {
  /** Counts changes of enrolled devices in the whole cluster. */
  readonly deviceEpoch: number;
  /** Log index of the last one. */
  readonly deviceIndex: number;
}

export const globalsCodec: RowCodec<GlobalsRow> = {
  encode: (row) => pack([V1, row.deviceEpoch, row.deviceIndex]),
  decode: (bytes) => {
    const [, deviceEpoch, deviceIndex] = unpack(bytes) as [number, number, number];
    return { deviceEpoch, deviceIndex };
  },
};

export interface PendingRequest {
  readonly device: DeviceId;
  readonly signingKey: Uint8Array;
  readonly sealingKey: Uint8Array;
  readonly expiresAt: StampMs;
}

/** All that wait for one account, oldest first. */
export type RequestsRow = readonly PendingRequest[];

export const requestsCodec: RowCodec<RequestsRow> = {
  encode: (row) => pack([V1, row.map((r) => [r.device, r.signingKey, r.sealingKey, r.expiresAt])]),
  decode: (bytes) => {
    const [, list] = unpack(bytes) as [number, [DeviceId, Uint8Array, Uint8Array, StampMs][]];
    return list.map(([device, signingKey, sealingKey, expiresAt]) => ({ device, signingKey, sealingKey, expiresAt }));
  },
};

export interface AnswerRow {
  readonly account: AccountId;
  readonly sealedUserKey: Uint8Array;
  readonly expiresAt: StampMs;
}

export const answerCodec: RowCodec<AnswerRow> = {
  encode: (row) => pack([V1, row.account, row.sealedUserKey, row.expiresAt]),
  decode: (bytes) => {
    const [, account, sealedUserKey, expiresAt] = unpack(bytes) as [number, AccountId, Uint8Array, StampMs];
    return { account, sealedUserKey, expiresAt };
  },
};

export interface SessionRow {
  readonly account: AccountId;
  readonly device: DeviceId;
  readonly accessHash: Uint8Array;
  readonly refreshHash: Uint8Array;
  /** Hash of the refresh secret spent last; null before the first refresh. */
  readonly previousHash: Uint8Array | null;
  readonly createdAt: StampMs;
  readonly accessExpiresAt: StampMs;
  /** Fixed when the session is made. */
  readonly expiresAt: StampMs;
  /** Ended before its time; the row stays until `expiresAt`. */
  readonly ended: boolean;
}

export const sessionCodec: RowCodec<SessionRow> = {
  encode: (row) =>
    pack([
      V1,
      row.account,
      row.device,
      row.accessHash,
      row.refreshHash,
      row.previousHash,
      row.createdAt,
      row.accessExpiresAt,
      row.expiresAt,
      row.ended,
    ]),
  decode: (bytes) => {
    const [, account, device, accessHash, refreshHash, previousHash, createdAt, accessExpiresAt, expiresAt, ended] =
      unpack(bytes) as [
        number,
        AccountId,
        DeviceId,
        Uint8Array,
        Uint8Array,
        Uint8Array | null,
        StampMs,
        StampMs,
        StampMs,
        boolean,
      ];
    return { account, device, accessHash, refreshHash, previousHash, createdAt, accessExpiresAt, expiresAt, ended };
  },
};

/** Sessions of one device that have not ended, oldest first. */
export type DeviceSessionsRow = readonly SessionId[];

export const deviceSessionsCodec: RowCodec<DeviceSessionsRow> = {
  encode: (row) => pack([V1, row]),
  decode: (bytes) => (unpack(bytes) as [number, SessionId[]])[1],
};

/** Rows that only remember a time: challenges, invitations, spent secrets. */
export const timeCodec: RowCodec<StampMs> = {
  encode: (row) => pack(row),
  decode: (bytes) => unpack(bytes) as StampMs,
};

export const countCodec: RowCodec<number> = {
  encode: (row) => pack(row),
  decode: (bytes) => unpack(bytes) as number,
};

/** Counters of a feed of stored events. */
export interface FeedRow {
  /** Events ever stored; the next one gets this number. */
  readonly count: number;
  /** Log index of the newest event. */
  readonly lastIndex: number;
  /** Place of the newest event that is no longer kept; before all others for none. */
  readonly pruned: { readonly index: number; readonly order: number };
}

export const feedCodec: RowCodec<FeedRow> = {
  encode: (row) => pack([V1, row.count, row.lastIndex, row.pruned.index, row.pruned.order]),
  decode: (bytes) => {
    const [, count, lastIndex, index, order] = unpack(bytes) as [number, number, number, number, number];
    return { count, lastIndex, pruned: { index, order } };
  },
};
