import { decodeEnvelope } from '../protocol/envelope.ts';
import { releaseBlobs } from './blobs.ts';
import { setMessageBit } from './unread.ts';
import { KEYS } from './keys.ts';
import { dropPin } from './pins.ts';
import { messageAt } from './relations.ts';
import { messageCodec } from './room-rows.ts';
import type { GoneReason } from '../protocol/events.ts';
import type { AccountId, RoomId, Seq } from '../protocol/ids.ts';
import type { MessageRow } from './room-rows.ts';
import type { Work } from './work.ts';

const NOTHING = new Uint8Array(0);

/**
 * Removes an envelope, and with a message all its edits and reactions. Its place, its id and its dedupe record stay:
 * a room has no holes, and a retry is still recognised.
 *
 * @returns the seqs that hold nothing now, ascending; none when it was gone already
 */
export function removeMessage(work: Work, room: RoomId, seq: Seq, gone: GoneReason): readonly Seq[] {
  const row = messageAt(work, room, seq);
  if (row === undefined || row.gone !== null) return [];
  clear(work, room, seq, row, gone);
  if (row.relation !== null) {
    forgetRelation(work, room, row.relation.seq, seq);
    return [seq];
  }
  dropPin(work, room, seq);
  const related = work.relations.get([room, seq]) ?? [];
  for (const other of related) clear(work, room, other, messageAt(work, room, other)!, gone);
  work.relations.delete([room, seq]);
  return [seq, ...related];
}

/** Places that one step of a removal looks at, and envelopes that it removes, but for those of one message. */
const PLACES_PER_STEP_MAX = 256;
const REMOVED_PER_STEP_MAX = 1_024;

/**
 * One step of removing much: of the places from `first` on, those that are to go.
 *
 * @returns the first place that was not looked at, behind the last one of the room when none is left
 */
export function removeSome(
  work: Work,
  room: RoomId,
  {
    first,
    end: last,
    reason,
    by,
    isToGo,
  }: {
    readonly first: Seq;
    /** Places from here on are not looked at. */
    readonly end?: Seq;
    readonly reason: GoneReason;
    readonly by: AccountId | null;
    readonly isToGo: (message: MessageRow) => boolean;
  },
): Seq {
  const end = Math.min(first + PLACES_PER_STEP_MAX, last ?? work.rooms.get(room)!.lastSeq + 1);
  const gone: Seq[] = [];
  let seq = first;
  for (; seq < end && gone.length < REMOVED_PER_STEP_MAX; seq = (seq + 1) as Seq) {
    const message = messageAt(work, room, seq);
    if (message !== undefined && isToGo(message)) gone.push(...removeMessage(work, room, seq, reason));
  }
  announceGone(work, { room, seqs: gone.toSorted((a, b) => a - b), reason, by });
  return seq;
}

/** Those who watch the room are told once for all that went for one reason. @param by null for the cluster */
export function announceGone(
  work: Work,
  gone: {
    readonly room: RoomId;
    readonly seqs: readonly Seq[];
    readonly reason: GoneReason;
    readonly by: AccountId | null;
  },
): void {
  if (gone.seqs.length > 0) work.emit({ kind: 'messages-gone', ...gone, at: work.stampMs }, gone.room);
}

function clear(work: Work, room: RoomId, seq: Seq, row: MessageRow, gone: GoneReason): void {
  work.view.put(KEYS.message(room, seq), messageCodec.encode({ ...row, envelope: NOTHING, gone }));
  if (row.relation !== null) return;
  setMessageBit(work, room, seq, false);
  releaseBlobs(work, room, seq, decodeEnvelope(row.envelope).header.blobs ?? []);
}

function forgetRelation(work: Work, room: RoomId, target: Seq, seq: Seq): void {
  const rest = (work.relations.get([room, target]) ?? []).filter((other) => other !== seq);
  if (rest.length === 0) work.relations.delete([room, target]);
  else work.relations.put([room, target], rest);
}
