import { decodeEnvelope } from '../protocol/envelope.ts';
import { KEYS } from './keys.ts';
import { attempt, reject } from './results.ts';
import { metaCodec } from './room-rows.ts';
import type { Actor } from '../protocol/commands.ts';
import type { RoomId } from '../protocol/ids.ts';
import type { Rejection } from './results.ts';
import type { Work } from './work.ts';

/** A room's name and topic: an envelope that takes no seq. */

export function checkMeta(work: Work, actor: Actor, room: RoomId, sealedMeta: Uint8Array): Rejection | undefined {
  const envelope = attempt(() => decodeEnvelope(sealedMeta));
  if (!envelope.ok) return envelope;
  const { header } = envelope.value;
  const agrees = header.cluster === work.context.cluster && header.room === room && header.sender === actor.device;
  return agrees ? undefined : reject('invalid_envelope', 'The sealed name is not of this cluster, room and device.');
}

export function changeMeta(work: Work, actor: Actor, room: RoomId, sealedMeta: Uint8Array): void {
  putMeta(work, actor, room, sealedMeta);
  work.emit({ kind: 'room-meta', room, by: actor.account, at: work.stampMs }, room);
}

export function putMeta(work: Work, actor: Actor, room: RoomId, sealedMeta: Uint8Array): void {
  work.view.put(KEYS.meta(room), metaCodec.encode({ by: actor.account, at: work.stampMs, sealedMeta }));
}
