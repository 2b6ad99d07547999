import { deviceIdOf } from '../protocol/derive-ids.ts';
import { isOpenRoom } from '../protocol/ids.ts';
import { LIMITS } from '../protocol/limits.ts';
import { decodeEnvelope } from '../protocol/envelope.ts';
import { audit } from './audit.ts';
import { standingBan } from './bans.ts';
import { checkTxnTime, findSent } from './dedupe.ts';
import { memberIn } from './members.ts';
import { checkHeader, checkOpenForm, placeMessage } from './messages.ts';
import { checkMessageQuota } from './quotas.ts';
import { accept, attempt, reject } from './results.ts';
import { enterAsAdmin, refusePurged } from './room-entry.ts';
import type { EnvelopeHeader } from '../protocol/envelope.ts';
import type { RoomId } from '../protocol/ids.ts';
import type { HookRow } from './hook-rows.ts';
import type { Handler, Rejection } from './results.ts';
import type { Work } from './work.ts';

/** By owner and admins of an open room. What the hook's record says, the entry node has verified, and clients do. */
export const addHook: Handler<'hook.add'> = (work, { actor, body }) => {
  const { room, name, signingKey, signature } = body;
  const place = enterAsAdmin(work, actor, room);
  if (!place.ok) return place;
  if (!isOpenRoom(room)) {
    return reject('forbidden', 'Nodes cannot write in an encrypted room: parley bridge takes webhooks for it.');
  }
  if (place.row.purged) return refusePurged();
  const hook = deviceIdOf(signingKey);
  const isTaken = work.hookRooms.get(hook) !== undefined || work.devices.get(hook) !== undefined;
  if (isTaken) return reject('invalid_field', 'This key is in use: draw another secret.');
  const hooks = work.roomHooks.get(room) ?? [];
  if (hooks.filter(({ removed }) => !removed).length >= LIMITS.hooksPerRoomMax) {
    return reject('too_many', `A room has at most ${LIMITS.hooksPerRoomMax} webhooks.`);
  }
  const { account } = place.self;
  const row: HookRow = { hook, name, account, signingKey, signature, createdAt: work.stampMs, removed: false };
  work.roomHooks.put(room, [...withPlace(work, hooks), row]);
  work.hookRooms.put(hook, room);
  audit(work, 'room.hook-added', { room, device: hook, value: name });
  return accept<'hook.add'>({ room, hook });
};

/** Where as many are remembered as may be, the oldest that was removed is forgotten. */
function withPlace(work: Work, hooks: readonly HookRow[]): readonly HookRow[] {
  if (hooks.length < LIMITS.hooksRememberedMax) return hooks;
  const oldest = hooks.find(({ removed }) => removed)!;
  work.hookRooms.delete(oldest.hook);
  return hooks.filter((it) => it !== oldest);
}

/** Of a room that is purged: nothing of theirs is left to verify. */
export function dropHooks(work: Work, room: RoomId): void {
  for (const { hook } of work.roomHooks.get(room) ?? []) {
    work.hookRooms.delete(hook);
    work.deviceTxns.delete(hook);
  }
  work.roomHooks.delete(room);
}

/** By owner and admins; from this entry on it says nothing more. */
export const removeHook: Handler<'hook.remove'> = (work, { actor, body: { room, hook } }) => {
  const place = enterAsAdmin(work, actor, room);
  if (!place.ok) return place;
  const hooks = work.roomHooks.get(room) ?? [];
  const row = hooks.find((it) => it.hook === hook);
  if (row === undefined || row.removed) return reject('no_such_hook');
  work.roomHooks.put(
    room,
    hooks.map((it) => (it === row ? { ...it, removed: true } : it)),
  );
  work.deviceTxns.delete(hook);
  audit(work, 'room.hook-removed', { room, device: hook, value: row.name });
  return accept<'hook.remove'>({ room });
};

/**
 * A message of a hook, numbered as those of people are. It speaks for whoever made it, as long as that account is among
 * the staff of the room and may log in.
 */
export const sayByHook: Handler<'hook.say'> = (work, { txnId, body }) => {
  const { hook, envelope, formerTxnId } = body;
  const room = work.hookRooms.get(hook);
  const row = room && work.roomHooks.get(room)?.find((it) => it.hook === hook);
  if (room === undefined || row === undefined || row.removed) return reject('no_such_hook');
  const decoded = attempt(() => decodeEnvelope(envelope));
  if (!decoded.ok) return decoded;
  const { header } = decoded.value;
  const actor = { account: row.account, device: hook };
  for (const sameTxnId of [txnId, formerTxnId]) {
    const original = findSent(work, { actor, room, txnId: sameTxnId, contentTag: header.contentTag });
    if (original?.ok === true || (original !== undefined && sameTxnId === txnId)) return original;
  }
  const refusal =
    checkTxnTime(work, txnId) ??
    checkHeader(work, { device: hook, room, txnId }, header) ??
    checkOpenForm(decoded.value) ??
    checkPlain(header) ??
    checkMaker(work, room, row) ??
    checkMessageQuota(work, row.account);
  if (refusal !== undefined) return refusal;
  const fromName = work.accounts.get(row.account)!.name;
  return placeMessage(work, { actor, txnId, room, envelope, header, fromName });
};

function checkPlain({ blobs, relation }: EnvelopeHeader): Rejection | undefined {
  if (blobs === undefined && relation === undefined) return undefined;
  return reject('invalid_envelope', 'A webhook brings texts only.');
}

function checkMaker(work: Work, room: RoomId, { account }: HookRow): Rejection | undefined {
  const at = work.rooms.get(room)!;
  if (at.archived) return reject('room_archived');
  const maker = memberIn(work, room, account);
  const mayLogIn = work.accounts.get(account)?.state === 'active' && standingBan(work, account) === undefined;
  if (mayLogIn && maker !== undefined && maker.role !== 'member') return undefined;
  return reject('forbidden', 'Whoever made this webhook is no longer owner or admin of its room: make another.');
}
