import { decodeEnvelope } from '../protocol/envelope.ts';
import { directRoomIdOf, groupRoomIdOf } from '../protocol/derive-ids.ts';
import { LIMITS } from '../protocol/limits.ts';
import { invariant } from './invariant.ts';
import { KEYS } from './keys.ts';
import { accept, attempt, reject } from './results.ts';
import { enter } from './room-entry.ts';
import { membershipCodec, metaCodec } from './room-rows.ts';
import { checkActor } from './sessions.ts';
import type { Actor } from '../protocol/commands.ts';
import type { AccountId, RoomId, Seq } from '../protocol/ids.ts';
import type { Handler, Rejection } from './results.ts';
import type { Member, MembersRow, Role, RoomRow } from './room-rows.ts';
import type { Work } from './work.ts';

const FIRST_SEQ = 1 as Seq;
const NO_SEQ = 0 as Seq;

export const createRoom: Handler<'room.create'> = (work, command) => {
  const refusal = checkActor(work, command.actor);
  if (refusal !== undefined) return refusal;
  const actor = command.actor!;
  const others = [...new Set(command.body.members)].filter((account) => account !== actor.account);
  const stranger = others.find((account) => work.accounts.get(account) === undefined);
  if (stranger !== undefined) return reject('no_such_user', undefined, { account: stranger });
  return command.body.kind === 'direct'
    ? createDirect(work, actor, others, command.body.sealedMeta)
    : createGroup(work, actor, groupRoomIdOf(actor.account, command.txnId), others, command.body.sealedMeta);
};

/** Exists once, whoever asks first: both sides derive the same id. */
function createDirect(
  work: Work,
  actor: Actor,
  others: readonly AccountId[],
  sealedMeta: Uint8Array | undefined,
): ReturnType<typeof createRoom> {
  const [peer] = others;
  if (peer === undefined || others.length > 1) {
    return reject('invalid_field', 'A direct room has exactly one other member.');
  }
  if (sealedMeta !== undefined) return reject('invalid_field', 'A direct room has no name.');
  const room = directRoomIdOf(actor.account, peer);
  if (work.rooms.get(room) === undefined) found(work, actor, room, 'direct', [peer]);
  return accept<'room.create'>({ room });
}

function createGroup(
  work: Work,
  actor: Actor,
  room: RoomId,
  others: readonly AccountId[],
  sealedMeta: Uint8Array | undefined,
): ReturnType<typeof createRoom> {
  // Another device of this account made a room under the same txnId: its record is not this device's.
  if (work.rooms.get(room) !== undefined) return reject('txn_reused');
  if (countDevices(work, [actor.account, ...others]) > LIMITS.devicesPerRoomMax) return reject('room_too_large');
  if (sealedMeta !== undefined) {
    const wrong = checkMeta(work, actor, room, sealedMeta);
    if (wrong !== undefined) return wrong;
  }
  found(work, actor, room, 'group', others);
  if (sealedMeta !== undefined) putMeta(work, actor, room, sealedMeta);
  return accept<'room.create'>({ room });
}

function found(work: Work, actor: Actor, room: RoomId, kind: RoomRow['kind'], others: readonly AccountId[]): void {
  const accounts = [actor.account, ...others];
  work.rooms.put(room, {
    kind,
    creator: actor.account,
    createdAt: work.stampMs,
    lastSeq: NO_SEQ,
    lastIndex: 0,
    base: 0,
  });
  const roleOf = (account: AccountId): Role => (kind === 'group' && account === actor.account ? 'owner' : 'member');
  putMembers(
    work,
    room,
    accounts.map((account) => ({ account, role: roleOf(account), joinedSeq: FIRST_SEQ, joinedIndex: work.index })),
  );
  for (const account of accounts) {
    const peer = kind === 'direct' ? accounts.find((other) => other !== account)! : null;
    putMembership(work, account, room, FIRST_SEQ, peer);
  }
  const event = { room, roomKind: kind, members: accounts, by: actor.account, at: work.stampMs };
  work.emit({ kind: 'room-created', ...event }, room);
}

/** By owner and admins. Those who are members already stay as they are. */
export const addMembers: Handler<'room.add'> = (work, { actor, body }) => {
  const place = enter(work, actor, body.room);
  if (!place.ok) return place;
  const { row, members, self } = place;
  if (row.kind === 'direct') return reject('not_a_group');
  if (self.role === 'member') return reject('forbidden', 'Only the owner and admins of a room add members.');
  const present = new Set(members.map(({ account }) => account));
  const added = [...new Set(body.members)].filter((account) => !present.has(account));
  if (added.length === 0) return reject(body.members.length === 0 ? 'invalid_field' : 'already_member');
  const stranger = added.find((account) => work.accounts.get(account) === undefined);
  if (stranger !== undefined) return reject('no_such_user', undefined, { account: stranger });
  if (countDevices(work, [...present, ...added]) > LIMITS.devicesPerRoomMax) return reject('room_too_large');
  if (body.sealedMeta !== undefined) {
    const wrong = checkMeta(work, actor!, body.room, body.sealedMeta);
    if (wrong !== undefined) return wrong;
  }

  const joinedSeq = (row.lastSeq + 1) as Seq;
  const joined = added.map((account): Member => ({ account, role: 'member', joinedSeq, joinedIndex: work.index }));
  putMembers(work, body.room, [...members, ...joined]);
  work.rooms.put(body.room, { ...row, base: row.base + added.length });
  for (const account of added) putMembership(work, account, body.room, joinedSeq, null);
  const event = { room: body.room, members: added, by: actor!.account, at: work.stampMs };
  work.emit({ kind: 'members-added', ...event }, body.room);
  if (body.sealedMeta !== undefined) changeMeta(work, actor!, body.room, body.sealedMeta);
  return accept<'room.add'>({ room: body.room, added });
};

/** By owner and admins, or oneself: leaving. Who is out reads nothing more. */
export const removeMember: Handler<'room.remove'> = (work, { actor, body }) => {
  const place = enter(work, actor, body.room);
  if (!place.ok) return place;
  const { row, members, self } = place;
  if (row.kind === 'direct') return reject('not_a_group');
  const member = members.find(({ account }) => account === body.member);
  if (member === undefined) return reject('no_such_user', 'This account is no member of the room.');
  if (member !== self && !outranks(self.role, member.role)) return reject('forbidden');

  const removed = work.accounts.get(body.member);
  invariant(removed !== undefined, 'every member has an account');
  putMembers(work, body.room, withOwner(members.filter((other) => other !== member)));
  // The sum over the members shrinks by this account's device version, so the base makes up for it and one more.
  work.rooms.put(body.room, { ...row, base: row.base + removed.deviceVersion + 1 });
  work.view.delete(KEYS.membership(body.member, body.room));
  const event = { room: body.room, members: [body.member], by: actor!.account, at: work.stampMs };
  work.emit({ kind: 'member-removed', ...event }, body.room, body.member);
  return accept<'room.remove'>({ room: body.room });
};

function outranks(own: Role, other: Role): boolean {
  return own === 'owner' || (own === 'admin' && other === 'member');
}

/** When the owner leaves, the admin who joined first takes over, else the member who did. */
function withOwner(members: MembersRow): MembersRow {
  if (members.length === 0 || members.some(({ role }) => role === 'owner')) return members;
  const heir = members.find(({ role }) => role === 'admin') ?? members[0]!;
  return members.map((member) => (member === heir ? { ...member, role: 'owner' } : member));
}

/** Any member may rename; what the name is, nodes cannot read. */
export const setMeta: Handler<'room.set-meta'> = (work, { actor, body }) => {
  const place = enter(work, actor, body.room);
  if (!place.ok) return place;
  if (place.row.kind === 'direct') return reject('not_a_group');
  const wrong = checkMeta(work, actor!, body.room, body.sealedMeta);
  if (wrong !== undefined) return wrong;
  changeMeta(work, actor!, body.room, body.sealedMeta);
  return accept<'room.set-meta'>({ room: body.room });
};

function checkMeta(work: Work, actor: Actor, room: RoomId, sealedMeta: Uint8Array): Rejection | undefined {
  const envelope = attempt(() => decodeEnvelope(sealedMeta));
  if (!envelope.ok) return envelope;
  const { header } = envelope.value;
  const agrees = header.cluster === work.context.cluster && header.room === room && header.sender === actor.device;
  return agrees ? undefined : reject('invalid_envelope', 'The sealed name is not of this cluster, room and device.');
}

function changeMeta(work: Work, actor: Actor, room: RoomId, sealedMeta: Uint8Array): void {
  putMeta(work, actor, room, sealedMeta);
  work.emit({ kind: 'room-meta', room, by: actor.account, at: work.stampMs }, room);
}

function putMeta(work: Work, actor: Actor, room: RoomId, sealedMeta: Uint8Array): void {
  work.view.put(KEYS.meta(room), metaCodec.encode({ by: actor.account, at: work.stampMs, sealedMeta }));
}

function putMembers(work: Work, room: RoomId, members: MembersRow): void {
  work.members.put(room, members);
}

function putMembership(work: Work, account: AccountId, room: RoomId, joinedSeq: Seq, peer: AccountId | null): void {
  const row = { joinedSeq, joinedIndex: work.index, peer };
  work.view.put(KEYS.membership(account, room), membershipCodec.encode(row));
}

function countDevices(work: Work, accounts: readonly AccountId[]): number {
  return accounts.reduce((sum, account) => sum + work.accounts.get(account)!.devices.length, 0);
}
