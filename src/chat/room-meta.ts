import { decodeEnvelope } from '../protocol/envelope.ts';
import { isOpenRoom } from '../protocol/ids.ts';
import { openMetaIn } from '../protocol/open-content.ts';
import { KEYS } from './keys.ts';
import { attempt, reject } from './results.ts';
import { metaCodec } from './room-rows.ts';
import type { Actor } from '../protocol/commands.ts';
import type { RoomId } from '../protocol/ids.ts';
import { searchKeysOf } from './search-words.ts';
import type { Rejection } from './results.ts';
import type { Work } from './work.ts';

const NOTHING = new Uint8Array(0);

/** A room's name and topic: an envelope that takes no seq. */

export function checkMeta(work: Work, actor: Actor, room: RoomId, sealedMeta: Uint8Array): Rejection | undefined {
  const envelope = attempt(() => decodeEnvelope(sealedMeta));
  if (!envelope.ok) return envelope;
  const { header } = envelope.value;
  const agrees = header.cluster === work.context.cluster && header.room === room && header.sender === actor.device;
  if (!agrees) return reject('invalid_envelope', 'The sealed name is not of this cluster, room and device.');
  if (!isOpenRoom(room) || openMetaIn(envelope.value) !== undefined) return undefined;
  return reject('invalid_envelope', 'The name of an open room is written in clear.');
}

export function changeMeta(work: Work, actor: Actor, room: RoomId, sealedMeta: Uint8Array): void {
  putMeta(work, actor, room, sealedMeta);
  work.emit({ kind: 'room-meta', room, by: actor.account, at: work.stampMs }, room);
}

export function putMeta(work: Work, actor: Actor, room: RoomId, sealedMeta: Uint8Array): void {
  dropOpenName(work, room);
  work.view.put(KEYS.meta(room), metaCodec.encode({ by: actor.account, at: work.stampMs, sealedMeta }));
  if (!isOpenRoom(room)) return;
  for (const key of keysOf(sealedMeta)) work.view.put(KEYS.roomName(key, room), NOTHING);
}

/** Nobody sees it, nor finds the room by it. */
export function dropMeta(work: Work, room: RoomId): void {
  dropOpenName(work, room);
  work.view.delete(KEYS.meta(room));
}

function dropOpenName(work: Work, room: RoomId): void {
  const before = isOpenRoom(room) ? work.view.get(KEYS.meta(room)) : undefined;
  if (before === undefined) return;
  for (const key of keysOf(metaCodec.decode(before).sealedMeta)) work.view.delete(KEYS.roomName(key, room));
}

function keysOf(sealedMeta: Uint8Array): readonly string[] {
  return searchKeysOf(openMetaIn(decodeEnvelope(sealedMeta))!.name);
}
