import { fitted, padded, restyled, span, spread } from '../screen/line.ts';
import type { InboxRoom } from '../../../client/inbox.ts';
import type { PersonPresenceJson } from '../../../protocol/http/presence.ts';
import type { RoomId } from '../../../protocol/ids.ts';
import type { Line } from '../screen/line.ts';

export interface ListedRoom {
  readonly room: InboxRoom;
  /** Of the other in a direct room. */
  readonly presence: PersonPresenceJson | null;
  readonly hasDraft: boolean;
}

/** Before an open room stands a word that no name can take away. */
const OPEN_MARK = 'open ';
const DOTS: Readonly<Record<PersonPresenceJson['status'], string>> = {
  online: '●',
  busy: '◐',
  away: '◌',
  offline: ' ',
  invisible: ' ',
};

export function roomTitle({ name, kind }: Pick<InboxRoom, 'name' | 'kind'>): string {
  if (name === null) return 'unnamed room';
  return kind === 'direct' ? `@${name}` : name;
}

/** One line of the list, as wide as it is. */
export function roomLine({ room, presence, hasDraft }: ListedRoom, width: number, isOpen: boolean): Line {
  const counts = [
    ...(hasDraft ? [span(' ✎', 'soft')] : []),
    ...(room.mentions > 0 ? [span(` @${room.mentions}`, 'warn')] : []),
    ...(room.unread > 0 ? [span(` ${room.unread > 999 ? '999+' : room.unread}`, 'accent')] : []),
  ];
  const mark = room.kind === 'direct' ? `${DOTS[presence?.status ?? 'offline']} ` : room.kind === 'group' ? '# ' : '';
  const style = room.isArchived ? 'soft' : room.unread > 0 ? 'strong' : 'plain';
  const title: Line = [
    room.kind === 'open' ? span(OPEN_MARK, 'warn') : span(mark, presence?.status === 'online' ? 'good' : 'soft'),
    span(roomTitle(room), style),
  ];
  const line = spread(title, [...counts, span(' ')], width);
  return isOpen ? restyled(line, 'selected') : line;
}

export interface RoomListOptions {
  readonly width: number;
  readonly rows: number;
  readonly open: RoomId | null;
}

/** As many as there is room for, so that the open one is among them. */
export function roomListLines(rooms: readonly ListedRoom[], { width, rows, open }: RoomListOptions): readonly Line[] {
  const title = padded([span('Conversations', 'strong')], width);
  if (rooms.length === 0) return [title, fitted([span('none yet: Ctrl O', 'soft')], width)].slice(0, rows);
  const place = Math.max(
    0,
    rooms.findIndex(({ room }) => room.room === open),
  );
  const count = rows - 1;
  const first = Math.max(0, Math.min(place - Math.floor(count / 2), rooms.length - count));
  const shown = rooms.slice(first, first + count);
  return [title, ...shown.map((room) => roomLine(room, width, room.room.room === open))];
}
