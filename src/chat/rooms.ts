import { directRoomIdOf, groupRoomIdOf, openRoomIdOf } from '../protocol/derive-ids.ts';
import { isOpenRoom } from '../protocol/ids.ts';
import { LIMITS } from '../protocol/limits.ts';
import { accountsOf, audit } from './audit.ts';
import { checkBlocks } from './blocks.ts';
import { checkRoomQuotas } from './quotas.ts';
import { accept, reject } from './results.ts';
import { enter, enterAsAdmin, enterGroup, refusePurged } from './room-entry.ts';
import { addPlaces, setRoleOf } from './members.ts';
import { countDevices, isThere, watchersOf } from './room-members.ts';
import { changeMeta, checkMeta, putMeta } from './room-meta.ts';
import { checkActor } from './sessions.ts';
import type { Actor, RoomKind } from '../protocol/commands.ts';
import type { AccountId, RoomId, Seq } from '../protocol/ids.ts';
import type { Handler } from './results.ts';
import type { Work } from './work.ts';

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
  const { kind, sealedMeta } = command.body;
  if (kind === 'direct') return createDirect(work, actor, others, sealedMeta);
  const room = (kind === 'open' ? openRoomIdOf : groupRoomIdOf)(actor.account, command.txnId);
  return createGroup(work, actor, { room, kind }, others, sealedMeta);
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
  if (work.rooms.get(room) !== undefined) return accept<'room.create'>({ room });
  const full = checkRoomQuotas(work, [actor.account, peer]);
  if (full !== undefined) return full;
  found(work, actor, room, 'direct', [peer]);
  return accept<'room.create'>({ room });
}

function createGroup(
  work: Work,
  actor: Actor,
  { room, kind }: { readonly room: RoomId; readonly kind: 'group' | 'open' },
  others: readonly AccountId[],
  sealedMeta: Uint8Array | undefined,
): ReturnType<typeof createRoom> {
  // Another device of this account made a room under the same txnId: its record is not this device's.
  if (work.rooms.get(room) !== undefined) return reject('txn_reused');
  if (kind === 'open') {
    // Nobody finds a room without a name.
    if (sealedMeta === undefined) return reject('invalid_field', 'An open room has a name.');
  } else if (countDevices(work, [actor.account, ...others]) > LIMITS.devicesPerRoomMax) return reject('room_too_large');
  if (sealedMeta !== undefined) {
    const wrong = checkMeta(work, actor, room, sealedMeta);
    if (wrong !== undefined) return wrong;
  }
  const many = checkRoomQuotas(work, [actor.account, ...others]);
  if (many !== undefined) return many;
  found(work, actor, room, kind, others);
  if (sealedMeta !== undefined) putMeta(work, actor, room, sealedMeta);
  return accept<'room.create'>({ room });
}

function found(work: Work, actor: Actor, room: RoomId, kind: RoomKind, others: readonly AccountId[]): void {
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
    places: { count: 0, first: 0, last: 0, next: 1 },
    retentionMs: 0,
    keptFrom: 1 as Seq,
    keptUntil: 0,
  });
  const peerOf = (account: AccountId): AccountId | null =>
    kind === 'direct' ? accounts.find((other) => other !== account)! : null;
  addPlaces(
    work,
    room,
    accounts.map((account) => ({ account, peer: peerOf(account) })),
  );
  if (kind !== 'direct') setRoleOf(work, room, { account: actor.account, place: 1 }, 'owner');
  const event = { room, roomKind: kind, members: accounts, by: actor.account, at: work.stampMs };
  work.emit({ kind: 'room-created', ...event }, ...watchersOf(room, accounts));
  audit(work, 'room.created', { room, value: kind, ...accountsOf(others) });
}

/** Any member of a group may rename it: what the name is, nodes cannot read. An open room, its owner and admins. */
export const setMeta: Handler<'room.set-meta'> = (work, { actor, body }) => {
  const place = isOpenRoom(body.room) ? enterAsAdmin(work, actor, body.room) : enterGroup(work, actor, body.room);
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
