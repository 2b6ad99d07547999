import { reject } from './results.ts';
import { checkActor } from './sessions.ts';
import { memberIn } from './members.ts';
import type { Actor } from '../protocol/commands.ts';
import type { RoomId } from '../protocol/ids.ts';
import type { Rejection } from './results.ts';
import type { Member } from './members.ts';
import type { RoomRow } from './room-rows.ts';
import type { Work } from './work.ts';

type Place = { readonly ok: true; readonly row: RoomRow; readonly self: Member } | Rejection;

/** Who is no member learns nothing, not even that the room exists. */
export function enter(work: Work, actor: Actor | null, room: RoomId): Place {
  const refusal = checkActor(work, actor);
  if (refusal !== undefined) return refusal;
  const row = work.rooms.get(room);
  const self = row === undefined ? undefined : memberIn(work, room, actor!.account);
  if (row === undefined || self === undefined) return reject('no_such_room');
  return { ok: true, row, self };
}

/** For groups and open rooms: a direct room has its two members for ever, as equals. */
export function enterGroup(work: Work, actor: Actor | null, room: RoomId): Place {
  const place = enter(work, actor, room);
  return place.ok && place.row.kind === 'direct' ? reject('not_a_group') : place;
}

/** The same, for what owner and admins do. */
export function enterAsAdmin(work: Work, actor: Actor | null, room: RoomId): Place {
  const place = enterGroup(work, actor, room);
  if (!place.ok || place.self.role !== 'member') return place;
  return reject('forbidden', 'Only the owner and admins of the room may do this.');
}

/** What is closed by an admin of the server stays so. */
export function refusePurged(): Rejection {
  return reject('room_archived', 'An admin of the server has closed this room for good.');
}
