import { directRoomIdOf, groupRoomIdOf } from '../protocol/derive-ids.ts';
import { LIMITS } from '../protocol/limits.ts';
import { accountsOf, audit } from './audit.ts';
import { checkBlocks } from './blocks.ts';
import { accept, reject } from './results.ts';
import { enter, enterAsAdmin, enterGroup, refusePurged } from './room-entry.ts';
import { countDevices, isThere, putMembership } from './room-members.ts';
import { changeMeta, checkMeta, putMeta } from './room-meta.ts';
import { checkActor } from './sessions.ts';
import type { Actor, Role } from '../protocol/commands.ts';
import type { AccountId, RoomId, Seq } from '../protocol/ids.ts';
import type { Handler } from './results.ts';
import type { RoomRow } from './room-rows.ts';
import type { Work } from './work.ts';

const FIRST_SEQ = 1 as Seq;
const NO_SEQ = 0 as Seq;

export const createRoom: Handler<'room.create'> = (work, command) => {
  const refusal = checkActor(work, command.actor);
  if (refusal !== undefined) return refusal;
  const actor = command.actor!;
  const others = [...new Set(command.body.members)].filter((account) => account !== actor.account);
  const stranger = others.find((account) => !isThere(work, account));
  if (stranger !== undefined) return reject('no_such_user', undefined, { account: stranger });
  const blocked = checkBlocks(work, actor.account, others);
  if (blocked !== undefined) return blocked;
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
    archived: false,
    mutes: [],
    links: 0,
    ttlMs: 0,
    purged: false,
  });
  const roleOf = (account: AccountId): Role => (kind === 'group' && account === actor.account ? 'owner' : 'member');
  work.members.put(
    room,
    accounts.map((account) => ({ account, role: roleOf(account), joinedSeq: FIRST_SEQ, joinedIndex: work.index })),
  );
  for (const account of accounts) {
    const peer = kind === 'direct' ? accounts.find((other) => other !== account)! : null;
    putMembership(work, account, room, { joinedSeq: FIRST_SEQ, peer });
  }
  const event = { room, roomKind: kind, members: accounts, by: actor.account, at: work.stampMs };
  work.emit({ kind: 'room-created', ...event }, room);
  audit(work, 'room.created', { room, value: kind, ...accountsOf(others) });
}

/** Any member may rename; what the name is, nodes cannot read. */
export const setMeta: Handler<'room.set-meta'> = (work, { actor, body }) => {
  const place = enterGroup(work, actor, body.room);
  if (!place.ok) return place;
  if (place.row.purged) return refusePurged();
  const wrong = checkMeta(work, actor!, body.room, body.sealedMeta);
  if (wrong !== undefined) return wrong;
  changeMeta(work, actor!, body.room, body.sealedMeta);
  return accept<'room.set-meta'>({ room: body.room });
};

/** By owner and admins. */
export const archiveRoom: Handler<'room.archive'> = (work, { actor, body }) => {
  const { room, archived } = body;
  const place = enterAsAdmin(work, actor, room);
  if (!place.ok) return place;
  const { row, self } = place;
  if (row.purged) return refusePurged();
  if (row.archived !== archived) {
    work.rooms.put(room, { ...row, archived });
    work.emit({ kind: 'room-archived', room, archived, by: self.account, at: work.stampMs }, room);
    audit(work, 'room.archived', { room, value: archived ? 'archived' : 'restored' });
  }
  return accept<'room.archive'>({ room });
};

/** For what is written from now on: by owner and admins, between two by either. */
export const setTtl: Handler<'room.set-ttl'> = (work, { actor, body }) => {
  const { room, ttlMs } = body;
  const place = enter(work, actor, room);
  if (!place.ok) return place;
  const { row, self } = place;
  if (row.kind !== 'direct' && self.role === 'member') return reject('forbidden');
  if (ttlMs !== 0 && ttlMs < LIMITS.messageTtlMsMin)
    return reject('invalid_field', 'A message lives a second at least.');
  if (row.ttlMs !== ttlMs) {
    work.rooms.put(room, { ...row, ttlMs });
    work.emit({ kind: 'room-ttl', room, ttlMs, by: self.account, at: work.stampMs }, room);
  }
  return accept<'room.set-ttl'>({ room });
};
