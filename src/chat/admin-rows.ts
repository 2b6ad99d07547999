import { pack, unpack } from './pack.ts';
import type { AddressRange } from '../protocol/address-range.ts';
import type { RegistrationPolicy } from '../protocol/commands.ts';
import type { AccountId, RoomId, Seq, StampMs } from '../protocol/ids.ts';
import type { RowCodec } from './rows.ts';

const V1 = 1;

export const policyCodec: RowCodec<RegistrationPolicy> = {
  encode: (row) => pack([V1, row]),
  decode: (bytes) => (unpack(bytes) as [number, RegistrationPolicy])[1],
};

/** Accounts that administer the server, in the order in which they were made admins. */
export type ServerAdminsRow = readonly AccountId[];

export const serverAdminsCodec: RowCodec<ServerAdminsRow> = {
  encode: (row) => pack([V1, row]),
  decode: (bytes) => (unpack(bytes) as [number, AccountId[]])[1],
};

export interface BanRow {
  /** Null for an operator. */
  readonly by: AccountId | null;
  readonly reason: string;
  readonly at: StampMs;
  /** Null: until it is lifted. */
  readonly until: StampMs | null;
}

export const banCodec: RowCodec<BanRow> = {
  encode: ({ by, reason, at, until }) => pack([V1, by, reason, at, until]),
  decode: (bytes) => {
    const [, by, reason, at, until] = unpack(bytes) as [number, AccountId | null, string, StampMs, StampMs | null];
    return { by, reason, at, until };
  },
};

export interface AddressBan extends BanRow {
  readonly range: AddressRange;
}

/** In the order of their text. */
export const addressBansCodec: RowCodec<readonly AddressBan[]> = {
  encode: (bans) => pack([V1, ...bans.map(({ range, by, reason, at, until }) => [range, by, reason, at, until])]),
  decode: (bytes) => {
    const [, ...bans] = unpack(bytes) as [number, ...AddressBanFields[]];
    return bans.map(([range, by, reason, at, until]) => ({ range, by, reason, at, until }));
  },
};
type AddressBanFields = [AddressRange, AccountId | null, string, StampMs, StampMs | null];

/** What is left to do for an account that was deleted. */
export interface ErasureRow {
  /** What it wrote goes too. */
  readonly messages: boolean;
  /** Up to where that is done in the room that is being looked through. */
  readonly room: RoomId | null;
  readonly next: Seq;
}

export const erasureCodec: RowCodec<ErasureRow> = {
  encode: ({ messages, room, next }) => pack([V1, messages, room, next]),
  decode: (bytes) => {
    const [, messages, room, next] = unpack(bytes) as [number, boolean, RoomId | null, Seq];
    return { messages, room, next };
  },
};
