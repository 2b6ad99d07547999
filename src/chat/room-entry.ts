import { reject } from './results.ts';
import { checkActor } from './sessions.ts';
import type { Actor } from '../protocol/commands.ts';
import type { RoomId } from '../protocol/ids.ts';
import type { Rejection } from './results.ts';
import type { Member, MembersRow, RoomRow } from './room-rows.ts';
import type { Work } from './work.ts';

type Place =
  | { readonly ok: true; readonly row: RoomRow; readonly members: MembersRow; readonly self: Member }
  | Rejection;

/** Who is no member learns nothing, not even that the room exists. */
export function enter(work: Work, actor: Actor | null, room: RoomId): Place {
  const refusal = checkActor(work, actor);
  if (refusal !== undefined) return refusal;
  const row = work.rooms.get(room);
  const members = work.members.get(room);
  const self = members?.find(({ account }) => account === actor!.account);
  if (row === undefined || members === undefined || self === undefined) return reject('no_such_room');
  return { ok: true, row, members, self };
}
