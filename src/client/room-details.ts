import { isOpenRoom } from '../protocol/ids.ts';
import { membersOf, roomDetail } from './answers.ts';
import type { Role, RoomKind } from '../protocol/commands.ts';
import type { AccountName, RoomId } from '../protocol/ids.ts';
import type { ClientContext } from './context.ts';

const ASK_MS_MAX = 20_000;
/** Of an open room so many members are listed; it may have thousands. */
const OPEN_MEMBERS_MAX = 500;

export interface RoomMember {
  readonly account: AccountName;
  readonly role: Role;
  /** Null for who may write. */
  readonly mutedUntil: string | null;
}

/** A room as its settings show it. */
export interface RoomDetails {
  readonly room: RoomId;
  readonly kind: RoomKind;
  /** Of the own account. */
  readonly role: Role;
  readonly isArchived: boolean;
  readonly ttlMs: number;
  readonly retentionMs: number;
  readonly memberCount: number;
  /** In the order in which they joined; of a large open room the first ones. */
  readonly members: readonly RoomMember[];
  /** Seqs, the newest pin first. */
  readonly pins: readonly number[];
}

/** @throws ParleyError `no_such_room` */
export async function detailsOf(context: ClientContext, room: RoomId): Promise<RoomDetails> {
  const { row } = await context.own();
  const answer = roomDetail(room, row.account, await context.people.peerIn(room, row.account));
  const told = await context.read(`/v1/rooms/${room}`, answer, ASK_MS_MAX);
  const members = isOpenRoom(room) ? await openMembers(context, room) : told.members.map(memberOf);
  return {
    room,
    kind: told.kind,
    role: told.role,
    isArchived: told.archived,
    ttlMs: told.messageTtlMs,
    retentionMs: told.retentionMs,
    memberCount: told.memberCount,
    members,
    pins: told.pins.toSorted((a, b) => Date.parse(b.at) - Date.parse(a.at)).map(({ seq }) => seq),
  };
}

async function openMembers(context: ClientContext, room: RoomId): Promise<RoomMember[]> {
  const members: RoomMember[] = [];
  for (let after = 0; members.length < OPEN_MEMBERS_MAX;) {
    const page = await context.read(`/v1/rooms/${room}/members?after=${after}`, membersOf, ASK_MS_MAX);
    members.push(...page.members.map(memberOf));
    if (page.next === null) break;
    after = page.next;
  }
  return members.slice(0, OPEN_MEMBERS_MAX);
}

function memberOf(told: { account: string; role: Role; mutedUntil: string | null }): RoomMember {
  return { account: told.account as AccountName, role: told.role, mutedUntil: told.mutedUntil };
}
