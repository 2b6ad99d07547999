import { LIMITS } from '../protocol/limits.ts';
import { audit } from './audit.ts';
import { KEYS } from './keys.ts';
import { accept, reject } from './results.ts';
import { enterAsAdmin } from './room-entry.ts';
import { linkCodec } from './room-rows.ts';
import type { RoomId, StampMs } from '../protocol/ids.ts';
import type { Handler } from './results.ts';
import type { LinkRow } from './room-rows.ts';
import type { Work } from './work.ts';

/** The secret itself is never sent here: whoever makes the link draws it, and hands it on. */
export const createLink: Handler<'room.create-link'> = (work, { actor, body }) => {
  const { room, secretHash, ttlMs, usesMax } = body;
  const place = enterAsAdmin(work, actor, room);
  if (!place.ok) return place;
  if (ttlMs > LIMITS.linkTtlMsMax) return reject('invalid_field', 'A link stands for at most 30 days.');
  const key = KEYS.link(room, secretHash);
  if (work.view.get(key) !== undefined) return reject('invalid_field', 'This link exists already.');
  const { row, self } = place;
  if (row.links >= LIMITS.linksPerRoomMax) return reject('too_many', 'This room has as many links as one may have.');
  const expiresAt = (work.stampMs + ttlMs) as StampMs;
  work.view.put(key, linkCodec.encode({ by: self.account, expiresAt, usesLeft: usesMax }));
  work.rooms.put(room, { ...row, links: row.links + 1 });
  work.expireAt(expiresAt, key);
  audit(work, 'room.link-created', { room });
  return accept<'room.create-link'>({ room, expiresAt });
};

export const revokeLink: Handler<'room.revoke-link'> = (work, { actor, body }) => {
  const { room, secretHash } = body;
  const place = enterAsAdmin(work, actor, room);
  if (!place.ok) return place;
  const bytes = work.view.get(KEYS.link(room, secretHash));
  if (bytes === undefined) return reject('no_such_link');
  dropLink(work, room, secretHash, linkCodec.decode(bytes));
  audit(work, 'room.link-revoked', { room });
  return accept<'room.revoke-link'>({ room });
};

export function dropLink(work: Work, room: RoomId, secretHash: Uint8Array, { expiresAt }: LinkRow): void {
  const key = KEYS.link(room, secretHash);
  work.cancelExpiry(expiresAt, key);
  forgetLink(work, room, key);
}

/** @returns how many rows are gone */
export function forgetLink(work: Work, room: RoomId, key: string): number {
  if (work.view.get(key) === undefined) return 0;
  work.view.delete(key);
  const row = work.rooms.get(room)!;
  work.rooms.put(room, { ...row, links: row.links - 1 });
  return 1;
}
