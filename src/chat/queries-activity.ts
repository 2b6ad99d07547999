import { spanOf } from './activity.ts';
import { afterPrefix, KEYS, scopeIn } from './keys.ts';
import { directRoomIdOf } from '../protocol/derive-ids.ts';
import { isOpenRoom } from '../protocol/ids.ts';
import { allMemberships, membershipIn } from './queries-rooms.ts';
import { readRow } from './queries-rows.ts';
import { countCodec } from './rows.ts';
import type { AccountId, RoomId } from '../protocol/ids.ts';
import type { StateReader } from './ports.ts';

/** Rooms of an account that are looked at one by one rather than searching the index. */
const FEW_ROOMS = 32;
const PAGE = 128;

/** What may have changed since, for one account to look at. */
export interface Changes {
  readonly rooms: ReadonlySet<RoomId>;
  /** Accounts whose devices changed, whoever shares a room with them. */
  readonly devices: ReadonlySet<AccountId>;
}

/**
 * Where something happened in the whole cluster from a log index on.
 *
 * @returns null where it is less to look at every room of this account: it has few, or much happened
 */
export async function changedSince(
  reader: StateReader,
  account: AccountId,
  sinceIndex: number,
): Promise<Changes | null> {
  const most = roomCount(reader, account);
  if (most <= FEW_ROOMS) return null;
  const [rooms, devices] = [new Set<RoomId>(), new Set<AccountId>()];
  const end = afterPrefix(KEYS.activities);
  let looked = 0;
  for (let from = KEYS.activity(spanOf(sinceIndex), ''); ;) {
    const rows = await reader.range({ gte: from, lt: end, limit: PAGE });
    for (const [key] of rows) {
      const scope = scopeIn(key).slice(2);
      if (scope.endsWith('/devices')) devices.add(scope.slice(0, -'/devices'.length) as AccountId);
      else rooms.add(scope as RoomId);
    }
    looked += rows.length;
    if (rows.length < PAGE) return { rooms, devices };
    if (looked >= most) return null;
    from = `${rows.at(-1)![0]}\0`;
  }
}

/** Whether two accounts are together in a room that is not open; costs what the one with fewer rooms costs. */
export async function shareRoom(reader: StateReader, a: AccountId, b: AccountId): Promise<boolean> {
  if (a === b || membershipIn(reader, a, directRoomIdOf(a, b)) !== undefined) return true;
  const [fewer, other] = roomCount(reader, a) <= roomCount(reader, b) ? [a, b] : [b, a];
  for await (const { room } of allMemberships(reader, fewer)) {
    if (!isOpenRoom(room) && membershipIn(reader, other, room) !== undefined) return true;
  }
  return false;
}

const roomCount = (reader: StateReader, account: AccountId): number =>
  readRow(reader, KEYS.roomCount(account), countCodec) ?? 0;
