import { LIMITS } from '../protocol/limits.ts';
import { accountsOf, audit } from './audit.ts';
import { checkBlocks } from './blocks.ts';
import { invariant } from './invariant.ts';
import { KEYS } from './keys.ts';
import { checkRoomQuotas } from './quotas.ts';
import { accept, reject } from './results.ts';
import { addPlaces, dropPlace, heirOf, memberIn, setRoleOf } from './members.ts';
import { enterGroup, refusePurged } from './room-entry.ts';
import { dropLink } from './room-links.ts';
import { changeMeta, checkMeta } from './room-meta.ts';
import { linkCodec } from './room-rows.ts';
import { checkActor } from './sessions.ts';
import type { Role } from '../protocol/commands.ts';
import { isOpenRoom } from '../protocol/ids.ts';
import type { FeedScope } from './keys.ts';
import type { AccountId, RoomId, StampMs } from '../protocol/ids.ts';
import type { Handler, Rejection } from './results.ts';
import type { Member } from './members.ts';
import type { LinkRow, RoomRow } from './room-rows.ts';
import type { Work } from './work.ts';

const NOTHING = new Uint8Array(0);
const SHUT_OUT = 'You were removed from this room: its owner or an admin can add you again.';
const NO_MEMBER = 'This account is no member of the room.';

/** By owner and admins. Those who are members already stay as they are. */
export const addMembers: Handler<'room.add'> = (work, { actor, body }) => {
  const place = enterGroup(work, actor, body.room);
  if (!place.ok) return place;
  const { row, self } = place;
  if (self.role === 'member') return reject('forbidden', 'Only the owner and admins of a room add members.');
  if (row.purged) return refusePurged();
  const added = [...new Set(body.members)].filter((account) => memberIn(work, body.room, account) === undefined);
  if (added.length === 0) return reject(body.members.length === 0 ? 'invalid_field' : 'already_member');
  const stranger = added.find((account) => !isThere(work, account));
  if (stranger !== undefined) return reject('no_such_user', undefined, { account: stranger });
  const blocked = checkBlocks(work, self.account, added);
  if (blocked !== undefined) return blocked;
  const full = isFull(work, body.room, row, added);
  if (full !== undefined) return full;
  if (body.sealedMeta !== undefined) {
    const wrong = checkMeta(work, actor!, body.room, body.sealedMeta);
    if (wrong !== undefined) return wrong;
  }

  for (const account of added) work.view.delete(KEYS.shutOut(body.room, account));
  admit(work, body.room, { added, by: self.account });
  if (body.sealedMeta !== undefined) changeMeta(work, actor!, body.room, body.sealedMeta);
  audit(work, 'room.members-added', { room: body.room, ...accountsOf(added) });
  return accept<'room.add'>({ room: body.room, added });
};

/** By who outranks the member, or oneself: leaving. Who is out reads nothing more. */
export const removeMember: Handler<'room.remove'> = (work, { actor, body }) => {
  const { room } = body;
  const place = enterGroup(work, actor, room);
  if (!place.ok) return place;
  const { row, self } = place;
  const member = memberIn(work, room, body.member);
  if (member === undefined) return reject('no_such_user', NO_MEMBER);
  const leaves = member.account === self.account;
  if (!leaves && !outranks(self.role, member.role)) return reject('forbidden');
  if (isLastOwner(work, room, row, member)) return reject('last_owner');

  dropMember(work, room, member, self.account);
  if (row.kind === 'open' && !leaves) work.view.put(KEYS.shutOut(room, member.account), NOTHING);
  audit(work, 'room.member-removed', { room, accounts: [body.member] });
  return accept<'room.remove'>({ room });
};

/** Everybody who watches is told. */
export function dropMember(work: Work, room: RoomId, member: Member, by: AccountId): void {
  const { account } = member;
  const removed = work.accounts.get(account);
  invariant(removed !== undefined, 'every member has an account');
  dropPlace(work, room, member);
  const row = work.rooms.get(room)!;
  // Who leaves an open room does not come back unmuted.
  const mutes = row.kind === 'open' ? row.mutes : row.mutes.filter((mute) => mute.account !== account);
  // The sum over the members shrinks by this account's device version, so the base makes up for it and one more.
  work.rooms.put(room, { ...row, mutes, base: row.base + removed.deviceVersion + 1 });
  work.receipts.delete([room, account]);
  const scopes = isOpenRoom(room) ? [account] : [room, account];
  work.emit({ kind: 'member-removed', room, members: [account], by, at: work.stampMs }, ...scopes);
}

/** Where the last owner goes without a choice, the longest-standing admin, else member, owns the room. */
export function giveAwayRoom(work: Work, room: RoomId, member: Member): void {
  if (!isLastOwner(work, room, work.rooms.get(room)!, member)) return;
  const heir = heirOf(work, room, member);
  setRoleOf(work, room, heir, 'owner');
  announceMember(work, room, heir.account, member.account);
}

function outranks(own: Role, other: Role): boolean {
  return own === 'owner' || (own === 'admin' && other === 'member');
}

/** Whether the room would have members but no owner without this one. */
function isLastOwner(work: Work, room: RoomId, row: RoomRow, { role }: Member): boolean {
  const owners = work.staff.get(room)?.filter((it) => it.role === 'owner').length;
  return role === 'owner' && row.places.count > 1 && owners === 1;
}

/** Owners give and take roles, their own too. */
export const setRole: Handler<'room.set-role'> = (work, { actor, body }) => {
  const { room, member: account, role } = body;
  const place = enterGroup(work, actor, room);
  if (!place.ok) return place;
  const { row, self } = place;
  if (self.role !== 'owner') return reject('forbidden', 'Only an owner of the room gives roles.');
  const member = memberIn(work, room, account);
  if (member === undefined) return reject('no_such_user', NO_MEMBER);
  if (role !== 'owner' && isLastOwner(work, room, row, member)) return reject('last_owner');
  if (member.role === role) return accept<'room.set-role'>({ room });
  if (member.role === 'member' && work.staff.get(room)!.length >= LIMITS.staffPerRoomMax) {
    return reject('too_many', `A room has at most ${LIMITS.staffPerRoomMax} owners and admins.`);
  }
  setRoleOf(work, room, member, role);
  announceMember(work, room, account, self.account);
  audit(work, 'room.role-changed', { room, accounts: [account], value: role });
  return accept<'room.set-role'>({ room });
};

/** By who outranks the member; it may read on. */
export const muteMember: Handler<'room.mute'> = (work, { actor, body }) => {
  const { room, member: account, forMs } = body;
  const place = enterGroup(work, actor, room);
  if (!place.ok) return place;
  const { row, self } = place;
  const member = memberIn(work, room, account);
  if (member === undefined) return reject('no_such_user', NO_MEMBER);
  if (!outranks(self.role, member.role) || account === self.account) return reject('forbidden');
  const others = row.mutes.filter((mute) => mute.account !== account && mute.until > work.stampMs);
  const isMuted = forMs > 0;
  if (isMuted && others.length >= LIMITS.mutesPerRoomMax) return reject('too_many');
  work.rooms.put(room, {
    ...row,
    mutes: isMuted ? [...others, { account, until: (work.stampMs + forMs) as StampMs }] : others,
  });
  announceMember(work, room, account, self.account);
  audit(work, 'room.member-muted', { room, accounts: [account], value: `${forMs} ms` });
  return accept<'room.mute'>({ room });
};

/** Whoever holds a link's secret lets themselves in; into an open room, anybody. */
export const joinRoom: Handler<'room.join'> = (work, { actor, body }) => {
  const refusal = checkActor(work, actor);
  if (refusal !== undefined) return refusal;
  const { room, secretHash } = body;
  const { account } = actor!;
  const row = work.rooms.get(room);
  if (secretHash === undefined && row?.kind !== 'open') return reject('no_such_room');
  const link = secretHash === undefined ? undefined : linkInto(work, room, secretHash);
  if (secretHash !== undefined && link === undefined) return reject('no_such_link');
  invariant(row !== undefined, 'a link leads to a room');
  if (row.purged) return refusePurged();
  if (memberIn(work, room, account) !== undefined) return reject('already_member');
  if (work.view.get(KEYS.shutOut(room, account)) !== undefined) return reject('forbidden', SHUT_OUT);
  const full = isFull(work, room, row, [account]);
  if (full !== undefined) return full;
  admit(work, room, { added: [account], by: account });
  if (link !== undefined) useLink(work, room, secretHash!, link);
  audit(work, 'room.joined', { room });
  return accept<'room.join'>({ room });
};

function linkInto(work: Work, room: RoomId, secretHash: Uint8Array): LinkRow | undefined {
  const bytes = work.view.get(KEYS.link(room, secretHash));
  const link = bytes === undefined ? undefined : linkCodec.decode(bytes);
  return link === undefined || link.expiresAt <= work.stampMs ? undefined : link;
}

function useLink(work: Work, room: RoomId, secretHash: Uint8Array, link: LinkRow): void {
  const used = { ...link, usesLeft: link.usesLeft - 1 };
  if (used.usesLeft > 0) work.view.put(KEYS.link(room, secretHash), linkCodec.encode(used));
  else dropLink(work, room, secretHash, link);
}

function announceMember(work: Work, room: RoomId, account: AccountId, by: AccountId): void {
  const { role } = memberIn(work, room, account)!;
  const mutedUntil = work.rooms.get(room)!.mutes.find((mute) => mute.account === account)?.until ?? null;
  const event = { room, account, role, mutedUntil, by, at: work.stampMs };
  work.emit({ kind: 'member-changed', ...event }, ...watchersOf(room, [account]));
}

/** They read what is written from now on. */
function admit(
  work: Work,
  room: RoomId,
  { added, by }: { readonly added: readonly AccountId[]; readonly by: AccountId },
): void {
  addPlaces(
    work,
    room,
    added.map((account) => ({ account, peer: null })),
  );
  const row = work.rooms.get(room)!;
  work.rooms.put(room, { ...row, base: row.base + added.length });
  work.emit({ kind: 'members-added', room, members: added, by, at: work.stampMs }, ...watchersOf(room, added));
}

/**
 * Who learns of what becomes of these: all in the room; in an open room only they themselves, because there may be
 * thousands, coming and going.
 */
export function watchersOf(room: RoomId, accounts: readonly AccountId[]): readonly FeedScope[] {
  return isOpenRoom(room) ? accounts : [room];
}

function isFull(work: Work, room: RoomId, row: RoomRow, added: readonly AccountId[]): Rejection | undefined {
  const count = row.places.count + added.length;
  const many = checkRoomQuotas(work, added);
  if (many !== undefined) return many;
  if (row.kind === 'open') return count > LIMITS.membersPerOpenRoomMax ? reject('room_too_large') : undefined;
  if (count > LIMITS.devicesPerRoomMax) return reject('room_too_large');
  const all = [...work.placesIn(room, row).map(({ account }) => account), ...added];
  return countDevices(work, all) > LIMITS.devicesPerRoomMax ? reject('room_too_large') : undefined;
}

/** Whether somebody can be let into a room. */
export function isThere(work: Work, account: AccountId): boolean {
  const row = work.accounts.get(account);
  return row !== undefined && row.state !== 'deleted';
}

export function countDevices(work: Work, accounts: readonly AccountId[]): number {
  return accounts.reduce((sum, account) => sum + work.accounts.get(account)!.devices.length, 0);
}
