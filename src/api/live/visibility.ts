import { hasBlocked } from '../../chat/queries-people.ts';
import { membershipIn } from '../../chat/queries-rooms.ts';
import type { StateReader } from '../../chat/ports.ts';
import type { AccountId, RoomId } from '../../protocol/ids.ts';

/**
 * Whether `viewer` may know if `other` is there, or writes: when both are in this room, and neither blocks the other.
 * Four rows are looked at, however many rooms they have.
 */
export function maySee(reader: StateReader, viewer: AccountId, other: AccountId, room: RoomId): boolean {
  if (membershipIn(reader, viewer, room) === undefined || membershipIn(reader, other, room) === undefined) return false;
  return viewer === other || (!hasBlocked(reader, other, viewer) && !hasBlocked(reader, viewer, other));
}
