import { LIMITS } from '../protocol/limits.ts';
import { accountsOf, audit } from './audit.ts';
import { checkBlocks } from './blocks.ts';
import { invariant } from './invariant.ts';
import { KEYS } from './keys.ts';
import { accept, reject } from './results.ts';
import { enterGroup, refusePurged } from './room-entry.ts';
import { dropLink } from './room-links.ts';
import { changeMeta, checkMeta } from './room-meta.ts';
import { linkCodec, membershipCodec } from './room-rows.ts';
import { checkActor } from './sessions.ts';
import type { Role } from '../protocol/commands.ts';
import type { AccountId, RoomId, Seq, StampMs } from '../protocol/ids.ts';
import type { Handler, Rejection } from './results.ts';
import type { Member, MembersRow, RoomRow } from './room-rows.ts';
import type { Work } from './work.ts';

const NO_MEMBER = 'This account is no member of the room.';

/** By owner and admins. Those who are members already stay as they are. */
export const addMembers: Handler<'room.add'> = (work, { actor, body }) => {
  const place = enterGroup(work, actor, body.room);
  if (!place.ok) return place;
  const { row, members, self } = place;
  if (self.role === 'member') return reject('forbidden', 'Only the owner and admins of a room add members.');
  if (row.purged) return refusePurged();
  const present = new Set(members.map(({ account }) => account));
  const added = [...new Set(body.members)].filter((account) => !present.has(account));
  if (added.length === 0) return reject(body.members.length === 0 ? 'invalid_field' : 'already_member');
  const stranger = added.find((account) => !isThere(work, account));
  if (stranger !== undefined) return reject('no_such_user', undefined, { account: stranger });
  const blocked = checkBlocks(work, self.account, added);
  if (blocked !== undefined) return blocked;
  const full = isFull(work, members, added);
  if (full !== undefined) return full;
  if (body.sealedMeta !== undefined) {
    const wrong = checkMeta(work, actor!, body.room, body.sealedMeta);
    if (wrong !== undefined) return wrong;
  }

  admit(work, body.room, row, members, { added, by: self.account });
  if (body.sealedMeta !== undefined) changeMeta(work, actor!, body.room, body.sealedMeta);
  audit(work, 'room.members-added', { room: body.room, ...accountsOf(added) });
  return accept<'room.add'>({ room: body.room, added });
};

/** By who outranks the member, or oneself: leaving. Who is out reads nothing more. */
export const removeMember: Handler<'room.remove'> = (work, { actor, body }) => {
  const place = enterGroup(work, actor, body.room);
  if (!place.ok) return place;
  const { members, self } = place;
  const member = members.find(({ account }) => account === body.member);
  if (member === undefined) return reject('no_such_user', NO_MEMBER);
  if (member !== self && !outranks(self.role, member.role)) return reject('forbidden');
  if (isLastOwner(members, member)) return reject('last_owner');

  dropMember(work, body.room, body.member, actor!.account);
  audit(work, 'room.member-removed', { room: body.room, accounts: [body.member] });
  return accept<'room.remove'>({ room: body.room });
};

/** It is a member; everybody who watches is told. */
export function dropMember(work: Work, room: RoomId, account: AccountId, by: AccountId): void {
  const row = work.rooms.get(room);
  const members = work.members.get(room);
  const removed = work.accounts.get(account);
  invariant(row !== undefined && members !== undefined && removed !== undefined, 'every member has room and account');
  work.members.put(
    room,
    members.filter((other) => other.account !== account),
  );
  const mutes = row.mutes.filter((mute) => mute.account !== account);
  // The sum over the members shrinks by this account's device version, so the base makes up for it and one more.
  work.rooms.put(room, { ...row, mutes, base: row.base + removed.deviceVersion + 1 });
  work.view.delete(KEYS.membership(account, room));
  work.receipts.delete([room, account]);
  work.emit({ kind: 'member-removed', room, members: [account], by, at: work.stampMs }, room, account);
}

/** Where the last owner goes without a choice, the longest-standing admin, else member, owns the room. */
export function giveAwayRoom(work: Work, room: RoomId, account: AccountId): void {
  const members = work.members.get(room)!;
  const member = members.find((it) => it.account === account)!;
  if (!isLastOwner(members, member)) return;
  const others = members.filter((it) => it !== member);
  const heir = others.find(({ role }) => role === 'admin') ?? others[0]!;
  work.members.put(
    room,
    members.map((it) => (it === heir ? { ...heir, role: 'owner' } : it)),
  );
  announceMember(work, room, heir.account, account);
}

function outranks(own: Role, other: Role): boolean {
  return own === 'owner' || (own === 'admin' && other === 'member');
}

/** Whether the room would have members but no owner without this one. */
function isLastOwner(members: MembersRow, member: Member): boolean {
  return member.role === 'owner' && members.length > 1 && members.every((it) => it === member || it.role !== 'owner');
}

/** Owners give and take roles, their own too. */
export const setRole: Handler<'room.set-role'> = (work, { actor, body }) => {
  const { room, member: account, role } = body;
  const place = enterGroup(work, actor, room);
  if (!place.ok) return place;
  const { members, self } = place;
  if (self.role !== 'owner') return reject('forbidden', 'Only an owner of the room gives roles.');
  const member = members.find((it) => it.account === account);
  if (member === undefined) return reject('no_such_user', NO_MEMBER);
  if (role !== 'owner' && isLastOwner(members, member)) return reject('last_owner');
  if (member.role === role) return accept<'room.set-role'>({ room });
  work.members.put(
    room,
    members.map((it) => (it === member ? { ...it, role } : it)),
  );
  announceMember(work, room, account, self.account);
  audit(work, 'room.role-changed', { room, accounts: [account], value: role });
  return accept<'room.set-role'>({ room });
};

/** By who outranks the member; it may read on. */
export const muteMember: Handler<'room.mute'> = (work, { actor, body }) => {
  const { room, member: account, forMs } = body;
  const place = enterGroup(work, actor, room);
  if (!place.ok) return place;
  const { row, members, self } = place;
  const member = members.find((it) => it.account === account);
  if (member === undefined) return reject('no_such_user', NO_MEMBER);
  if (!outranks(self.role, member.role) || member === self) return reject('forbidden');
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

/** Whoever holds the link's secret lets themselves in. */
export const joinRoom: Handler<'room.join'> = (work, { actor, body }) => {
  const refusal = checkActor(work, actor);
  if (refusal !== undefined) return refusal;
  const { room, secretHash } = body;
  const { account } = actor!;
  const key = KEYS.link(room, secretHash);
  const bytes = work.view.get(key);
  const link = bytes === undefined ? undefined : linkCodec.decode(bytes);
  if (link === undefined || link.expiresAt <= work.stampMs) return reject('no_such_link');
  const row = work.rooms.get(room);
  const members = work.members.get(room);
  invariant(row !== undefined && members !== undefined, 'a link leads to a room');
  if (row.purged) return refusePurged();
  if (members.some((it) => it.account === account)) return reject('already_member');
  const full = isFull(work, members, [account]);
  if (full !== undefined) return full;
  admit(work, room, row, members, { added: [account], by: account });
  if (link.usesLeft > 1) work.view.put(key, linkCodec.encode({ ...link, usesLeft: link.usesLeft - 1 }));
  else dropLink(work, room, secretHash, link);
  audit(work, 'room.joined', { room });
  return accept<'room.join'>({ room });
};

function announceMember(work: Work, room: RoomId, account: AccountId, by: AccountId): void {
  const member = work.members.get(room)!.find((it) => it.account === account)!;
  const mutedUntil = work.rooms.get(room)!.mutes.find((mute) => mute.account === account)?.until ?? null;
  const event = { room, account, role: member.role, mutedUntil, by, at: work.stampMs };
  work.emit({ kind: 'member-changed', ...event }, room);
}

/** They read what is written from now on. */
function admit(
  work: Work,
  room: RoomId,
  row: RoomRow,
  members: MembersRow,
  { added, by }: { readonly added: readonly AccountId[]; readonly by: AccountId },
): void {
  const joinedSeq = (row.lastSeq + 1) as Seq;
  const joined = added.map((account): Member => ({ account, role: 'member', joinedSeq, joinedIndex: work.index }));
  work.members.put(room, [...members, ...joined]);
  work.rooms.put(room, { ...row, base: row.base + added.length });
  for (const account of added) putMembership(work, account, room, { joinedSeq, peer: null });
  work.emit({ kind: 'members-added', room, members: added, by, at: work.stampMs }, room);
}

function isFull(work: Work, members: MembersRow, added: readonly AccountId[]): Rejection | undefined {
  const all = [...members.map(({ account }) => account), ...added];
  return countDevices(work, all) > LIMITS.devicesPerRoomMax ? reject('room_too_large') : undefined;
}

export function putMembership(
  work: Work,
  account: AccountId,
  room: RoomId,
  { joinedSeq, peer }: { readonly joinedSeq: Seq; readonly peer: AccountId | null },
): void {
  const row = { joinedSeq, joinedIndex: work.index, peer };
  work.view.put(KEYS.membership(account, room), membershipCodec.encode(row));
}

/** Whether somebody can be let into a room. */
export function isThere(work: Work, account: AccountId): boolean {
  const row = work.accounts.get(account);
  return row !== undefined && row.state !== 'deleted';
}

export function countDevices(work: Work, accounts: readonly AccountId[]): number {
  return accounts.reduce((sum, account) => sum + work.accounts.get(account)!.devices.length, 0);
}
