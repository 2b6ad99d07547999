import { invariant } from './invariant.ts';
import { pack, unpack } from './pack.ts';
import type { AccountId, Seq } from '../protocol/ids.ts';
import type { RoomRow } from './room-rows.ts';
import type { RowCodec } from './rows.ts';

const V1 = 1;

/** One member of a room, in the list of all. */
export interface PlaceRow {
  readonly account: AccountId;
  /** The first seq that this member may read. */
  readonly joinedSeq: Seq;
  /** Log index of the entry that made it a member. */
  readonly joinedIndex: number;
  /** The places beside it; 0 at the ends. */
  readonly before: number;
  readonly after: number;
}

export const placeCodec: RowCodec<PlaceRow> = {
  encode: (row) => pack([V1, row.account, row.joinedSeq, row.joinedIndex, row.before, row.after]),
  decode: (bytes) => {
    const [, account, joinedSeq, joinedIndex, before, after] = unpack(bytes) as [
      number,
      AccountId,
      Seq,
      number,
      number,
      number,
    ];
    return { account, joinedSeq, joinedIndex, before, after };
  },
};

/** All members in the order in which they joined, read one by one: not for rooms that may be large. */
export function* walkPlaces(
  row: RoomRow | undefined,
  read: (place: number) => PlaceRow | undefined,
): Generator<PlaceRow> {
  for (let place = row?.places.first ?? 0; place !== 0;) {
    const at = read(place);
    invariant(at !== undefined, 'every place leads to the next one');
    yield at;
    place = at.after;
  }
}

/** In the index of an account's rooms: what reading needs. */
export interface MembershipRow {
  readonly joinedSeq: Seq;
  readonly joinedIndex: number;
  /** The other account of a direct room. */
  readonly peer: AccountId | null;
  readonly place: number;
}

export const membershipCodec: RowCodec<MembershipRow> = {
  encode: (row) => pack([V1, row.joinedSeq, row.joinedIndex, row.peer, row.place]),
  decode: (bytes) => {
    const [, joinedSeq, joinedIndex, peer, place] = unpack(bytes) as [number, Seq, number, AccountId | null, number];
    return { joinedSeq, joinedIndex, peer, place };
  },
};

/** Who is more than a member, in the order of their places. */
export type StaffRow = readonly Staff[];

export interface Staff {
  readonly account: AccountId;
  readonly place: number;
  readonly role: 'owner' | 'admin';
}

export const staffCodec: RowCodec<StaffRow> = {
  encode: (row) => pack([V1, row.flatMap(({ account, place, role }) => [account, place, role === 'owner'])]),
  decode: (bytes) => {
    const [, flat] = unpack(bytes) as [number, (string | number | boolean)[]];
    const staff: Staff[] = [];
    for (let i = 0; i < flat.length; i += 3) {
      const role = flat[i + 2] === true ? 'owner' : 'admin';
      staff.push({ account: flat[i] as AccountId, place: flat[i + 1] as number, role });
    }
    return staff;
  },
};
