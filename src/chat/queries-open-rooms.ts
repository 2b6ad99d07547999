import { decodeEnvelope } from '../protocol/envelope.ts';
import { openMetaIn } from '../protocol/open-content.ts';
import { afterPrefix, KEYS, OPEN_ROOMS } from './keys.ts';
import { readRow } from './queries-rows.ts';
import { metaCodec, roomCodec } from './room-rows.ts';
import { searchKeyOf } from './search-words.ts';
import type { RoomId, StampMs } from '../protocol/ids.ts';
import type { StateReader } from './ports.ts';

export interface OpenRoomInfo {
  readonly room: RoomId;
  readonly name: string;
  readonly topic: string;
  readonly memberCount: number;
  readonly createdAt: StampMs;
}

/** The prefix of the ids themselves stands in their keys. */
const ROOM_KEYS = OPEN_ROOMS.slice(0, -1);

/**
 * Open rooms in which may be written: all in the order of their ids, or those with a word in their name that begins with
 * `query`, in the order of what follows. A room may be found by several of its words. A page may be short before the end.
 *
 * @returns `next`: what to pass as `after` for the next page, null at the end
 */
export async function openRooms(
  reader: StateReader,
  ask: { readonly query: string; readonly after: string; readonly limit: number },
): Promise<{ readonly rooms: readonly OpenRoomInfo[]; readonly next: string | null }> {
  const isAll = ask.query.trim() === '';
  const keys = isAll ? ROOM_KEYS : KEYS.roomNames;
  const prefix = isAll ? OPEN_ROOMS : `${KEYS.roomNames}${searchKeyOf(ask.query)}`;
  const after = `${keys}${ask.after}\0`;
  const rows = await reader.range({
    gte: ask.after !== '' && after > prefix ? after : prefix,
    lt: afterPrefix(prefix),
    limit: ask.limit + 1,
  });
  const found = rows.slice(0, ask.limit).map(([key]) => key.slice(keys.length));
  const ids = new Set(found.map((key) => key.slice(key.lastIndexOf('/') + 1) as RoomId));
  return {
    rooms: [...ids].flatMap((room) => infoOf(reader, room) ?? []),
    next: rows.length > ask.limit ? found.at(-1)! : null,
  };
}

function infoOf(reader: StateReader, room: RoomId): OpenRoomInfo | undefined {
  const row = readRow(reader, KEYS.room(room), roomCodec);
  const meta = readRow(reader, KEYS.meta(room), metaCodec);
  if (row === undefined || meta === undefined || row.archived) return undefined;
  const { name, topic = '' } = openMetaIn(decodeEnvelope(meta.sealedMeta))!;
  return { room, name, topic, memberCount: row.places.count, createdAt: row.createdAt };
}
