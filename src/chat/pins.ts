import { LIMITS } from '../protocol/limits.ts';
import { messageAt } from './relations.ts';
import { accept, reject } from './results.ts';
import { enter } from './room-entry.ts';
import type { AccountId, RoomId, Seq } from '../protocol/ids.ts';
import type { Handler } from './results.ts';
import type { Work } from './work.ts';

/** By any member: what is pinned, all see, and any other may unpin. */
export const pinMessage: Handler<'room.pin'> = (work, { actor, body }) => {
  const { room, seq, pinned } = body;
  const place = enter(work, actor, room);
  if (!place.ok) return place;
  const { self } = place;
  const message = seq < self.joinedSeq ? undefined : messageAt(work, room, seq);
  if (message === undefined || message.gone !== null || message.relation !== null) return reject('no_such_message');
  const pins = work.pins.get(room) ?? [];
  if (pins.some((pin) => pin.seq === seq) === pinned) return accept<'room.pin'>({ room });
  if (pinned && pins.length >= LIMITS.pinsPerRoomMax)
    return reject('too_many', 'This room has as many pins as it may.');
  if (pinned) work.pins.put(room, [...pins, { seq, by: self.account, at: work.stampMs }]);
  else dropPin(work, room, seq);
  announcePin(work, room, { seq, pinned, by: self.account });
  return accept<'room.pin'>({ room });
};

/** Whoever watches learns of it by what became of the message. */
export function dropPin(work: Work, room: RoomId, seq: Seq): void {
  const pins = work.pins.get(room) ?? [];
  const rest = pins.filter((pin) => pin.seq !== seq);
  if (rest.length === pins.length) return;
  if (rest.length === 0) work.pins.delete(room);
  else work.pins.put(room, rest);
}

function announcePin(
  work: Work,
  room: RoomId,
  pin: { readonly seq: Seq; readonly pinned: boolean; readonly by: AccountId },
): void {
  work.emit({ kind: 'pins-changed', room, ...pin, at: work.stampMs }, room);
}
