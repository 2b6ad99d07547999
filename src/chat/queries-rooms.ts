import { LIMITS } from '../protocol/limits.ts';
import { isOpenRoom } from '../protocol/ids.ts';
import { afterPrefix, KEYS, linksOf, numberAtEnd, placesOf } from './keys.ts';
import { roleIn } from './members.ts';
import { accountName } from './queries-accounts.ts';
import { serverRetentionMs } from './queries-quotas.ts';
import { readRow } from './queries-rows.ts';
import { keptFor } from './retention.ts';
import { rosterVersion } from './roster.ts';
import { membershipCodec, placeCodec, staffCodec, walkPlaces } from './member-rows.ts';
import { metaCodec, roomCodec, linkCodec, pinsCodec, receiptCodec } from './room-rows.ts';
import { accountCodec } from './rows.ts';
import { countUnread } from './queries-receipts.ts';
import type { DeviceRecord } from '../protocol/device-record.ts';
import type { PlacedEvent } from '../protocol/events.ts';
import type { Role, RoomKind } from '../protocol/commands.ts';
import type { AccountId, AccountName, RoomId, Seq, StampMs } from '../protocol/ids.ts';
import type { StateReader } from './ports.ts';
import type { MembershipRow, PlaceRow } from './member-rows.ts';
import type { LinkRow, PinsRow, RoomRow } from './room-rows.ts';

export interface RoomSummaryInfo {
  readonly room: RoomId;
  readonly kind: RoomKind;
  /** 0 for an empty room. */
  readonly lastSeq: Seq;
  /** The first seq that the asking account may read. */
  readonly joinedSeq: Seq;
  readonly memberCount: number;
  /** Of the asking account. */
  readonly role: Role;
  readonly archived: boolean;
  /** Up to where the asking account has read, and how many messages stand behind that. */
  readonly read: number;
  readonly unread: number;
  /** What is written disappears after so long; 0 for never. */
  readonly ttlMs: number;
  /** Messages are kept so long; 0 for ever. */
  readonly retentionMs: number;
  /** For direct rooms: the other account. */
  readonly peer?: { readonly account: AccountId; readonly name: AccountName };
  readonly sealedMeta?: Uint8Array;
  /** For open rooms: who gave it that name. */
  readonly namedBy?: AccountName;
}

export interface RoomMemberInfo {
  readonly account: AccountId;
  readonly name: AccountName;
  readonly role: Role;
  readonly joinedSeq: Seq;
  /** Null for who may write. */
  readonly mutedUntil: StampMs | null;
  readonly userKey: Uint8Array;
  readonly devices: readonly DeviceRecord[];
}

export interface RoomDetailInfo extends RoomSummaryInfo {
  readonly rosterVersion: number;
  /** In the order in which they joined; none of an open room, which has pages of them. */
  readonly members: readonly RoomMemberInfo[];
  /** Those the asking account may read, in the order in which they were pinned. */
  readonly pins: PinsRow;
}

export interface LinkInfo extends LinkRow {
  /** SHA-256 of its secret, base64url. */
  readonly secretHash: string;
}

/**
 * Rooms of an account in order of room id.
 *
 * @returns `next`: what to pass as `after` for the next page, null at the end
 */
export async function roomsOf(
  reader: StateReader,
  account: AccountId,
  page: { readonly after?: RoomId; readonly limit: number },
): Promise<{ readonly rooms: readonly RoomSummaryInfo[]; readonly next: RoomId | null }> {
  const memberships = await membershipsOf(reader, account, { ...page, limit: page.limit + 1 });
  const rooms = memberships
    .slice(0, page.limit)
    .flatMap(({ room, row }) => summaryOf(reader, account, room, row) ?? []);
  const last = memberships[page.limit - 1];
  return { rooms, next: memberships.length > page.limit ? (last?.room ?? null) : null };
}

/** @returns undefined when there is no such room, or the account is no member */
export function roomDetail(reader: StateReader, account: AccountId, room: RoomId): RoomDetailInfo | undefined {
  const membership = membershipIn(reader, account, room);
  const summary = membership === undefined ? undefined : summaryOf(reader, account, room, membership);
  if (summary === undefined) return undefined;
  const row = readRow(reader, KEYS.room(room), roomCodec)!;
  const places = row.kind === 'open' ? [] : [...walk(reader, room, row)];
  const pins = readRow(reader, KEYS.pins(room), pinsCodec) ?? [];
  return {
    ...summary,
    rosterVersion: rosterVersion(row.base, places, (it) => readRow(reader, KEYS.account(it), accountCodec)),
    members: places.map((place) => memberInfo(reader, room, row, place)),
    pins: pins.filter(({ seq }) => seq >= summary.joinedSeq),
  };
}

/**
 * Members of a room in the order in which they joined.
 *
 * @param page `after`: the last place of the page before
 * @returns `next`: what to pass as `after` for the next page, null at the end; undefined for who is no member
 */
export async function membersPage(
  reader: StateReader,
  account: AccountId,
  room: RoomId,
  page: { readonly after: number; readonly limit: number },
): Promise<{ readonly members: readonly RoomMemberInfo[]; readonly next: number | null } | undefined> {
  if (membershipIn(reader, account, room) === undefined) return undefined;
  const rows = await reader.range({
    gte: KEYS.place(room, page.after + 1),
    lt: afterPrefix(placesOf(room)),
    limit: page.limit + 1,
  });
  const row = readRow(reader, KEYS.room(room), roomCodec)!;
  const shown = rows.slice(0, page.limit);
  const members = shown.map(([, bytes]) => memberInfo(reader, room, row, placeCodec.decode(bytes)));
  return { members, next: rows.length > page.limit ? numberAtEnd(shown.at(-1)![0]) : null };
}

function memberInfo(
  reader: StateReader,
  room: RoomId,
  { mutes }: RoomRow,
  { account, joinedSeq }: PlaceRow,
): RoomMemberInfo {
  const { name, userKey, devices } = readRow(reader, KEYS.account(account), accountCodec)!;
  const mutedUntil = mutes.find((mute) => mute.account === account)?.until ?? null;
  return { account, name, role: roleOf(reader, room, account), joinedSeq, mutedUntil, userKey, devices };
}

function roleOf(reader: StateReader, room: RoomId, account: AccountId): Role {
  return roleIn(readRow(reader, KEYS.staff(room), staffCodec), account);
}

/** Links into a room. @returns undefined for who is neither owner nor admin of it */
export async function linksInto(
  reader: StateReader,
  account: AccountId,
  room: RoomId,
): Promise<readonly LinkInfo[] | undefined> {
  if (roleOf(reader, room, account) === 'member') return undefined;
  const prefix = linksOf(room);
  const rows = await reader.range({ gte: prefix, lt: afterPrefix(prefix), limit: LIMITS.linksPerRoomMax });
  return rows.map(([key, bytes]) => ({ secretHash: key.slice(prefix.length), ...linkCodec.decode(bytes) }));
}

/** @returns undefined for who is no member now */
export function membershipIn(reader: StateReader, account: AccountId, room: RoomId): MembershipRow | undefined {
  return readRow(reader, KEYS.membership(account, room), membershipCodec);
}

/** Reads all: for rooms that are not open. */
export function roomMembers(reader: StateReader, room: RoomId): readonly AccountId[] {
  return membersOf(reader, room).map(({ account }) => account);
}

/** All who are in a room with this account, itself included; open rooms, in which strangers are, do not count. */
export async function accountsSharingRooms(reader: StateReader, account: AccountId): Promise<ReadonlySet<AccountId>> {
  const sharing = new Set<AccountId>([account]);
  for await (const { room } of allMemberships(reader, account)) {
    if (isOpenRoom(room)) continue;
    for (const member of roomMembers(reader, room)) sharing.add(member);
  }
  return sharing;
}

/**
 * The accounts whose sockets see an event, by the rows as they are now. What resuming replays and what sockets see
 * are the same: a member sees what came after its join, one who was removed sees its removal and nothing later.
 */
export async function audienceOf(reader: StateReader, { index, event }: PlacedEvent): Promise<readonly AccountId[]> {
  switch (event.kind) {
    case 'message':
      return membersOf(reader, event.room)
        .filter(({ joinedSeq }) => joinedSeq <= event.seq)
        .map(({ account }) => account);
    case 'room-created':
    case 'members-added':
      return isOpenRoom(event.room) ? event.members : joinedBy(reader, event.room, index);
    case 'member-changed':
      return isOpenRoom(event.room) ? [event.account] : joinedBy(reader, event.room, index);
    case 'messages-gone':
    case 'room-archived':
    case 'pins-changed':
    case 'room-ttl':
    case 'room-meta':
      return joinedBy(reader, event.room, index);
    case 'member-removed':
      if (isOpenRoom(event.room)) return event.members;
      return [...new Set([...joinedBy(reader, event.room, index), ...event.members])];
    case 'devices-changed':
      return [...(await accountsSharingRooms(reader, event.account))];
    case 'receipt':
      return event.shared ? joinedBy(reader, event.room, index) : [event.account];
    case 'device-requested':
    case 'lock-granted':
    case 'lock-lost':
    case 'profile-changed':
    case 'block-changed':
    case 'session-ended':
      break;
  }
  return [event.account];
}

function joinedBy(reader: StateReader, room: RoomId, index: number): readonly AccountId[] {
  return membersOf(reader, room)
    .filter(({ joinedIndex }) => joinedIndex <= index)
    .map(({ account }) => account);
}

const membersOf = (reader: StateReader, room: RoomId): readonly PlaceRow[] => [
  ...walk(reader, room, readRow(reader, KEYS.room(room), roomCodec)),
];

function walk(reader: StateReader, room: RoomId, row: RoomRow | undefined): Generator<PlaceRow> {
  return walkPlaces(row, (place) => readRow(reader, KEYS.place(room, place), placeCodec));
}

function summaryOf(
  reader: StateReader,
  account: AccountId,
  room: RoomId,
  membership: MembershipRow,
): RoomSummaryInfo | undefined {
  const row = readRow(reader, KEYS.room(room), roomCodec);
  if (row === undefined) return undefined;
  const { peer } = membership;
  const meta = readRow(reader, KEYS.meta(room), metaCodec);
  const read = readRow(reader, KEYS.receipt(room, account), receiptCodec)?.read ?? 0;
  return {
    room,
    kind: row.kind,
    lastSeq: row.lastSeq,
    joinedSeq: membership.joinedSeq,
    memberCount: row.places.count,
    role: roleOf(reader, room, account),
    archived: row.archived,
    read,
    unread: countUnread(reader, room, { from: Math.max(read + 1, membership.joinedSeq), to: row.lastSeq }),
    ttlMs: row.ttlMs,
    retentionMs: keptFor(row.retentionMs, serverRetentionMs(reader)),
    ...(peer === null ? {} : { peer: { account: peer, name: accountName(reader, peer)! } }),
    ...(meta === undefined ? {} : { sealedMeta: meta.sealedMeta }),
    ...(meta === undefined || !isOpenRoom(room) ? {} : { namedBy: accountName(reader, meta.by)! }),
  };
}

interface Membership {
  readonly room: RoomId;
  readonly row: MembershipRow;
}

const MEMBERSHIPS_PAGE = 512;

/** Page by page, so that an account with very many rooms does not hold up others. */
export async function* allMemberships(reader: StateReader, account: AccountId): AsyncGenerator<Membership> {
  let after: RoomId | undefined;
  for (;;) {
    const page = { limit: MEMBERSHIPS_PAGE, ...(after === undefined ? {} : { after }) };
    const memberships = await membershipsOf(reader, account, page);
    yield* memberships;
    after = memberships.at(-1)?.room;
    if (after === undefined || memberships.length < MEMBERSHIPS_PAGE) return;
  }
}

async function membershipsOf(
  reader: StateReader,
  account: AccountId,
  page: { readonly after?: RoomId; readonly limit: number },
): Promise<readonly Membership[]> {
  const prefix = KEYS.membership(account, '');
  const rows = await reader.range({
    gte: page.after === undefined ? prefix : `${KEYS.membership(account, page.after)}\0`,
    lt: afterPrefix(prefix),
    limit: page.limit,
  });
  return rows.map(([key, bytes]) => ({
    room: key.slice(prefix.length) as RoomId,
    row: membershipCodec.decode(bytes),
  }));
}
