import { LIMITS } from '../protocol/limits.ts';
import { afterPrefix, KEYS, linksOf } from './keys.ts';
import { accountName } from './queries-accounts.ts';
import { readRow } from './queries-rows.ts';
import { rosterVersion } from './roster.ts';
import {
  membersCodec,
  membershipCodec,
  metaCodec,
  roomCodec,
  linkCodec,
  pinsCodec,
  receiptCodec,
} from './room-rows.ts';
import { accountCodec } from './rows.ts';
import { countUnread } from './queries-receipts.ts';
import type { DeviceRecord } from '../protocol/device-record.ts';
import type { PlacedEvent } from '../protocol/events.ts';
import type { Role } from '../protocol/commands.ts';
import type { AccountId, AccountName, RoomId, Seq, StampMs } from '../protocol/ids.ts';
import type { StateReader } from './ports.ts';
import type { LinkRow, MembershipRow, PinsRow } from './room-rows.ts';

export interface RoomSummaryInfo {
  readonly room: RoomId;
  readonly kind: 'direct' | 'group';
  /** 0 for an empty room. */
  readonly lastSeq: Seq;
  /** The first seq that the asking account may read. */
  readonly joinedSeq: Seq;
  readonly rosterVersion: number;
  /** Of the asking account. */
  readonly role: Role;
  readonly archived: boolean;
  /** Up to where the asking account has read, and how many messages stand behind that. */
  readonly read: number;
  readonly unread: number;
  /** What is written disappears after so long; 0 for never. */
  readonly ttlMs: number;
  /** For direct rooms: the other account. */
  readonly peer?: { readonly account: AccountId; readonly name: AccountName };
  readonly sealedMeta?: Uint8Array;
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
  /** In the order in which they joined. */
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
  const mutes = readRow(reader, KEYS.room(room), roomCodec)?.mutes ?? [];
  const pins = readRow(reader, KEYS.pins(room), pinsCodec) ?? [];
  return {
    ...summary,
    members: membersOf(reader, room).map(({ account: member, role, joinedSeq }) => {
      const { name, userKey, devices } = readRow(reader, KEYS.account(member), accountCodec)!;
      const mutedUntil = mutes.find((mute) => mute.account === member)?.until ?? null;
      return { account: member, name, role, joinedSeq, mutedUntil, userKey, devices };
    }),
    pins: pins.filter(({ seq }) => seq >= summary.joinedSeq),
  };
}

/** Links into a room. @returns undefined for who is neither owner nor admin of it */
export async function linksInto(
  reader: StateReader,
  account: AccountId,
  room: RoomId,
): Promise<readonly LinkInfo[] | undefined> {
  const role = membersOf(reader, room).find((member) => member.account === account)?.role ?? 'member';
  if (role === 'member') return undefined;
  const prefix = linksOf(room);
  const rows = await reader.range({ gte: prefix, lt: afterPrefix(prefix), limit: LIMITS.linksPerRoomMax });
  return rows.map(([key, bytes]) => ({ secretHash: key.slice(prefix.length), ...linkCodec.decode(bytes) }));
}

/** @returns undefined for who is no member now */
export function membershipIn(reader: StateReader, account: AccountId, room: RoomId): MembershipRow | undefined {
  return readRow(reader, KEYS.membership(account, room), membershipCodec);
}

export function roomMembers(reader: StateReader, room: RoomId): readonly AccountId[] {
  return (readRow(reader, KEYS.members(room), membersCodec) ?? []).map(({ account }) => account);
}

/** All who are in a room with this account, itself included. */
export async function accountsSharingRooms(reader: StateReader, account: AccountId): Promise<ReadonlySet<AccountId>> {
  const sharing = new Set<AccountId>([account]);
  for await (const { room } of allMemberships(reader, account)) {
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
    case 'messages-gone':
    case 'member-changed':
    case 'room-archived':
    case 'pins-changed':
    case 'room-ttl':
    case 'room-meta':
      return joinedBy(reader, event.room, index);
    case 'member-removed':
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

const membersOf = (reader: StateReader, room: RoomId) => readRow(reader, KEYS.members(room), membersCodec) ?? [];

function summaryOf(
  reader: StateReader,
  account: AccountId,
  room: RoomId,
  membership: MembershipRow,
): RoomSummaryInfo | undefined {
  const row = readRow(reader, KEYS.room(room), roomCodec);
  if (row === undefined) return undefined;
  const { peer } = membership;
  const sealedMeta = readRow(reader, KEYS.meta(room), metaCodec)?.sealedMeta;
  const members = membersOf(reader, room);
  const read = readRow(reader, KEYS.receipt(room, account), receiptCodec)?.read ?? 0;
  return {
    room,
    kind: row.kind,
    lastSeq: row.lastSeq,
    joinedSeq: membership.joinedSeq,
    rosterVersion: rosterVersion(row.base, members, (it) => readRow(reader, KEYS.account(it), accountCodec)),
    role: members.find((member) => member.account === account)?.role ?? 'member',
    archived: row.archived,
    read,
    unread: countUnread(reader, room, { from: Math.max(read + 1, membership.joinedSeq), to: row.lastSeq }),
    ttlMs: row.ttlMs,
    ...(peer === null ? {} : { peer: { account: peer, name: accountName(reader, peer)! } }),
    ...(sealedMeta === undefined ? {} : { sealedMeta }),
  };
}

interface Membership {
  readonly room: RoomId;
  readonly row: MembershipRow;
}

const MEMBERSHIPS_PAGE = 64;

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
