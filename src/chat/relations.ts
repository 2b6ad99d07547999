import { LIMITS } from '../protocol/limits.ts';
import { KEYS } from './keys.ts';
import { reject } from './results.ts';
import { messageCodec } from './room-rows.ts';
import type { Relation } from '../protocol/envelope-extensions.ts';
import type { AccountId, RoomId, Seq } from '../protocol/ids.ts';
import type { Rejection } from './results.ts';
import type { MessageRow } from './room-rows.ts';
import type { Work } from './work.ts';

/** Undefined for a seq that the room has not reached. */
export function messageAt(work: Work, room: RoomId, seq: Seq): MessageRow | undefined {
  const bytes = work.view.get(KEYS.message(room, seq));
  return bytes === undefined ? undefined : messageCodec.decode(bytes);
}

/** Edits and reactions are to messages that are there; only their author edits them. */
export function checkRelation(
  work: Work,
  { type, seq }: Relation,
  by: { readonly account: AccountId; readonly room: RoomId; readonly joinedSeq: Seq },
): Rejection | undefined {
  const target = seq < by.joinedSeq ? undefined : messageAt(work, by.room, seq);
  if (target === undefined || target.gone !== null) return reject('no_such_message');
  if (target.relation !== null) return reject('invalid_envelope', `What stands at ${seq} is no message.`);
  if (type === 'edit' && target.from !== by.account) return reject('forbidden', 'Only its author edits a message.');
  const count = work.relations.get([by.room, seq])?.length ?? 0;
  return count >= LIMITS.relationsPerMessageMax ? reject('message_full') : undefined;
}

export function addRelation(work: Work, room: RoomId, relation: Relation, seq: Seq): void {
  const key = [room, relation.seq] as const;
  work.relations.put(key, [...(work.relations.get(key) ?? []), seq]);
}
