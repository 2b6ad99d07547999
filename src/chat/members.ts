import { invariant } from './invariant.ts';
import { KEYS } from './keys.ts';
import { countRoom } from './quotas.ts';
import { membershipCodec } from './member-rows.ts';
import type { Role } from '../protocol/commands.ts';
import type { AccountId, RoomId, Seq } from '../protocol/ids.ts';
import type { MembershipRow, StaffRow } from './member-rows.ts';
import type { Work } from './work.ts';

/**
 * Who is in a room: a row for each member in the index of its rooms, and one for its place, which leads to the places
 * beside it. So joining, leaving and finding one cost the same however many there are; only what needs all walks.
 */

export interface Member extends MembershipRow {
  readonly account: AccountId;
  readonly role: Role;
}

export function memberIn(work: Work, room: RoomId, account: AccountId): Member | undefined {
  const bytes = work.view.get(KEYS.membership(account, room));
  if (bytes === undefined) return undefined;
  return { ...membershipCodec.decode(bytes), account, role: roleIn(work.staff.get(room), account) };
}

export function roleIn(staff: StaffRow | undefined, account: AccountId): Role {
  return staff?.find((it) => it.account === account)?.role ?? 'member';
}

/** The room's row has to be there. They read what is written from now on. */
export function addPlaces(
  work: Work,
  room: RoomId,
  added: readonly { readonly account: AccountId; readonly peer: AccountId | null }[],
): void {
  const row = work.rooms.get(room)!;
  let { count, first, last, next } = row.places;
  const joinedSeq = (row.lastSeq + 1) as Seq;
  const joinedIndex = work.index;
  for (const { account, peer } of added) {
    if (last !== 0) work.places.put([room, last], { ...work.places.get([room, last])!, after: next });
    work.places.put([room, next], { account, joinedSeq, joinedIndex, before: last, after: 0 });
    const membership = { joinedSeq, joinedIndex, peer, place: next };
    work.view.put(KEYS.membership(account, room), membershipCodec.encode(membership));
    countRoom(work, account, 1);
    if (first === 0) first = next;
    last = next;
    next += 1;
    count += 1;
  }
  work.rooms.put(room, { ...row, places: { count, first, last, next } });
}

/** Of a room that is not a direct one. */
export function dropPlace(work: Work, room: RoomId, { account, place }: Member): void {
  const row = work.rooms.get(room)!;
  const at = work.places.get([room, place]);
  invariant(at !== undefined, 'every member has a place');
  const { before, after } = at;
  if (before !== 0) work.places.put([room, before], { ...work.places.get([room, before])!, after });
  if (after !== 0) work.places.put([room, after], { ...work.places.get([room, after])!, before });
  work.places.delete([room, place]);
  work.view.delete(KEYS.membership(account, room));
  countRoom(work, account, -1);
  setRoleOf(work, room, { account, place }, 'member');
  const { count, first, last } = row.places;
  const places = {
    ...row.places,
    count: count - 1,
    first: first === place ? after : first,
    last: last === place ? before : last,
  };
  work.rooms.put(room, { ...row, places });
}

export function setRoleOf(
  work: Work,
  room: RoomId,
  { account, place }: Pick<Member, 'account' | 'place'>,
  role: Role,
): void {
  const before = work.staff.get(room) ?? [];
  const others = before.filter((it) => it.account !== account);
  if (role === 'member' && others.length === before.length) return;
  const staff = role === 'member' ? others : [...others, { account, place, role }];
  if (staff.length === 0) work.staff.delete(room);
  else
    work.staff.put(
      room,
      staff.toSorted((a, b) => a.place - b.place),
    );
}

/** Who stands longest beside this one: an admin, else anybody. */
export function heirOf(work: Work, room: RoomId, { account, place }: Member): Member {
  const admin = work.staff.get(room)?.find((it) => it.role === 'admin' && it.account !== account);
  if (admin !== undefined) return memberIn(work, room, admin.account)!;
  const { first } = work.rooms.get(room)!.places;
  const heir = work.places.get([room, first === place ? work.places.get([room, first])!.after : first]);
  invariant(heir !== undefined, 'there is somebody else');
  return memberIn(work, room, heir.account)!;
}
