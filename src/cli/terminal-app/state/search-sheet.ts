import { span } from '../screen/line.ts';
import { roomTitle } from '../view/room-list.ts';
import { clockText, dayText } from '../view/times.ts';
import { Sheet } from './sheet.ts';
import type { SearchHit } from '../../../client/search/find-in-room.ts';
import type { SheetHost } from './sheets.ts';
import type { SheetItem } from './sheet.ts';

/** So many are listed, the newest; whoever looks for older ones types more. */
const FOUND_MAX = 100;
/** Behind the rest of a line no more than this is seen. */
const EXCERPT_LENGTH = 200;

/** Messages by their words, on this device; Enter goes to one. */
export function searchSheet(host: SheetHost): Sheet {
  const { search } = host.chat.client;
  const find = async (query: string, signal: AbortSignal): Promise<readonly SheetItem[]> => {
    const items: SheetItem[] = [];
    if (!search.isSearchable(query)) return items;
    for await (const hit of search.find(query, { signal })) {
      if (signal.aborted || items.length === FOUND_MAX) break;
      items.push(itemOf(host, hit));
    }
    return items;
  };
  const empty = 'Each word of a message, or how one begins. This device alone searches what it may read.';
  return new Sheet({
    title: 'Find messages',
    prompt: 'find',
    empty,
    find,
    note: () => noteOf(host),
    changed: host.changed,
  });
}

function itemOf({ chat, jumpTo }: SheetHost, { line, text }: SearchHit): SheetItem {
  const room = chat.live.rooms.get(line.room);
  const timeMs = Date.parse(line.sentAt);
  const words = [text, line.file?.name ?? ''].filter(Boolean).join(' ');
  return {
    line: [
      span(room?.kind === 'open' ? 'open ' : '', 'warn'),
      span(`${room === undefined ? 'unnamed room' : roomTitle(room)} · `, 'soft'),
      span(`${dayText(timeMs, Date.now())} ${clockText(timeMs)} `, 'soft'),
      span(`${line.from}  `, 'strong'),
      span(words.replaceAll(/\s+/g, ' ').slice(0, EXCERPT_LENGTH)),
    ],
    pick: () => jumpTo(line.room, line.seq),
  };
}

/** While not everything can be found yet. */
function noteOf({ chat }: SheetHost): string | null {
  const { done, total } = chat.live.searchable;
  return done >= total ? null : `${done} of ${total} conversations are read`;
}
