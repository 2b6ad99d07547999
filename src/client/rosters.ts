import { roomDetail } from './answers.ts';
import type { RoomDetailJson } from '../protocol/http/schemas.ts';
import { isOpenRoom } from '../protocol/ids.ts';
import type { AccountId, AccountName, RoomId } from '../protocol/ids.ts';
import type { ClientContext } from './context.ts';
import type { KnownDevice, KnownPerson } from './people.ts';

/** Who is in a room, all checked. */
export interface Roster {
  readonly room: RoomId;
  readonly rosterVersion: number;
  readonly people: readonly KnownPerson[];
  /** What a message has to be encrypted for. */
  readonly devices: readonly KnownDevice[];
  /** The room's name as its members sealed it. */
  readonly sealedMeta: string | undefined;
  /** Who gave an open room its name. */
  readonly namedBy: AccountName | undefined;
}

export interface RosterOptions {
  /** The other account, where the room is known to be a direct one. */
  readonly peer?: AccountId | null;
  /** As the whole cluster knows it now; otherwise as one node does. */
  readonly newest?: boolean;
  /** A cursor; without it: not older than what this client has caused. */
  readonly since?: string;
}

/**
 * Asks for the members of a room and their devices; of an open room there are none to encrypt for.
 * @throws ParleyError `user_key_changed`, `invalid_signature`, `no_such_room`
 */
export async function rosterOf(
  context: ClientContext,
  room: RoomId,
  deadlineMs: number,
  options: RosterOptions = {},
): Promise<Roster> {
  const { rosterVersion, members, sealedMeta, namedBy } = await detailOf(context, room, deadlineMs, options);
  const people = await context.people.meet(members);
  const meta = { sealedMeta, namedBy: namedBy as AccountName | undefined };
  if (isOpenRoom(room)) return { ...openRosterOf(room), ...meta };
  return { room, rosterVersion, people, devices: people.flatMap(({ devices }) => devices), ...meta };
}

/** What a message in an open room is encrypted for: nobody has to be asked. */
export function openRosterOf(room: RoomId): Roster {
  return { room, rosterVersion: 0, people: [], devices: [], sealedMeta: undefined, namedBy: undefined };
}

/** The first seq that this account may read. @throws ParleyError `no_such_room` */
export async function joinedSeqOf(
  context: ClientContext,
  room: RoomId,
  deadlineMs: number,
  options: RosterOptions,
): Promise<number> {
  return (await detailOf(context, room, deadlineMs, options)).joinedSeq;
}

async function detailOf(
  context: ClientContext,
  room: RoomId,
  deadlineMs: number,
  { peer = null, newest = false, since }: RosterOptions,
): Promise<RoomDetailJson> {
  const { row } = await context.own();
  const answer = roomDetail(room, row.account, peer ?? (await context.people.peerIn(room, row.account)));
  const path = `/v1/rooms/${room}`;
  if (newest) return context.readNewest(path, answer, deadlineMs);
  if (since === undefined) return context.read(path, answer, deadlineMs);
  return context.readSince(path, answer, since, deadlineMs);
}
