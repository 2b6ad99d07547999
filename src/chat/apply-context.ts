import { verifyDeviceRecord, verifyUserSignature } from '../crypto/verify.ts';
import { RosterMemo } from './roster-memo.ts';
import type { DeviceRecord } from '../protocol/device-record.ts';
import type { AccountId, ClusterId, StampMs } from '../protocol/ids.ts';

/** What `applyBatch` needs beside rows and commands; the same on every node of a cluster, for as long as it runs. */
export interface ApplyContext {
  readonly cluster: ClusterId;
  readonly verifyDeviceRecord: (account: AccountId, userKey: Uint8Array, record: DeviceRecord) => boolean;
  /** Of a statement that the user key signed. */
  readonly verifyUserSignature: (userKey: Uint8Array, message: Uint8Array, signature: Uint8Array) => boolean;
  /** Only a memory of what the rows say; an empty one gives the same results. */
  readonly rosters: RosterMemo;
}

/** One per state store: two stores with different histories must not share a memory of rosters. */
export function createApplyContext(
  cluster: ClusterId,
  options: Partial<Pick<ApplyContext, 'verifyDeviceRecord' | 'verifyUserSignature'>> = {},
): ApplyContext {
  return {
    cluster,
    verifyDeviceRecord: options.verifyDeviceRecord ?? verifyDeviceRecord,
    verifyUserSignature: options.verifyUserSignature ?? verifyUserSignature,
    rosters: new RosterMemo(),
  };
}

/** One log entry: its index, the leader's time and the commands in their order. */
export interface ApplyBatch {
  readonly index: number;
  /** Never less than that of an earlier entry. */
  readonly stampMs: StampMs;
  readonly commands: readonly Uint8Array[];
}
