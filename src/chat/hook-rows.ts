import { pack, unpack } from './pack.ts';
import type { AccountId, DeviceId, StampMs } from '../protocol/ids.ts';
import type { RowCodec } from './rows.ts';

const V1 = 1;

/** A webhook into an open room. The secret behind its key is not here. */
export interface HookRow {
  readonly hook: DeviceId;
  readonly name: string;
  /** Who made it, vouches for it, and whose quotas its messages count against. */
  readonly account: AccountId;
  readonly signingKey: Uint8Array;
  readonly signature: Uint8Array;
  readonly createdAt: StampMs;
  /** It speaks no more; it is remembered so that what it said can still be verified. */
  readonly removed: boolean;
}

/** Of one room, in the order in which they were made. */
export type RoomHooksRow = readonly HookRow[];

export const roomHooksCodec: RowCodec<RoomHooksRow> = {
  encode: (row) =>
    pack([V1, row.map((it) => [it.hook, it.name, it.account, it.signingKey, it.signature, it.createdAt, it.removed])]),
  decode: (bytes) => {
    const [, list] = unpack(bytes) as [
      number,
      [DeviceId, string, AccountId, Uint8Array, Uint8Array, StampMs, boolean][],
    ];
    return list.map(([hook, name, account, signingKey, signature, createdAt, removed]) => ({
      hook,
      name,
      account,
      signingKey,
      signature,
      createdAt,
      removed,
    }));
  },
};
