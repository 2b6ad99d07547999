import { orderedRooms } from '../../../client/room-order.ts';
import { COMMAND_LIST } from '../composer/commands.ts';
import { BINDINGS, keyText } from '../keys/bindings.ts';
import { span } from '../screen/line.ts';
import { membersText } from '../view/header-line.ts';
import { roomTitle } from '../view/room-list.ts';
import { agoText } from '../view/times.ts';
import { Sheet } from './sheet.ts';
import type { PersonPresenceJson } from '../../../protocol/http/presence.ts';
import type { RoomId } from '../../../protocol/ids.ts';
import type { Chat } from './chat.ts';
import type { SheetItem } from './sheet.ts';

/** So many are listed; whoever looks for more types more. */
const FOUND_MAX = 100;
const KEY_WIDTH = 12;
const USAGE_WIDTH = 30;

/** What a sheet may do to the app that it lies over. */
export interface SheetHost {
  readonly chat: Chat;
  readonly openRoom: (room: RoomId) => void;
  /** `@name`, a room's name, or `room:ID`. */
  readonly openTarget: (target: string) => Promise<void>;
  /** A message of any room. */
  readonly jumpTo: (room: RoomId, seq: number) => Promise<void>;
  readonly joinOpenRoom: (room: RoomId) => Promise<void>;
  readonly changed: () => void;
}

/** All conversations, those where something happened last first. */
export function roomsSheet({ chat, openRoom, changed }: SheetHost): Sheet {
  const find = (query: string): Promise<readonly SheetItem[]> => {
    const wanted = query.toLowerCase();
    const rooms = orderedRooms(chat.live.rooms.values()).filter((room) =>
      roomTitle(room).toLowerCase().includes(wanted),
    );
    return Promise.resolve(
      rooms.map((room) => ({
        line: [
          span(room.kind === 'open' ? 'open ' : '     ', 'warn'),
          span(roomTitle(room), room.unread > 0 ? 'strong' : 'plain'),
          ...(room.unread > 0 ? [span(`  ${room.unread} unread`, 'accent')] : []),
          ...(room.mentions > 0 ? [span(`  @${room.mentions}`, 'warn')] : []),
        ],
        pick: () => openRoom(room.room),
      })),
    );
  };
  const empty = 'No conversation is called like this. Ctrl O finds people, /rooms open rooms.';
  return new Sheet({ title: 'Conversations', prompt: 'find', empty, find, isLocal: true, changed });
}

/** Everybody on this server, by name or display name. */
export function peopleSheet({ chat, openTarget, changed }: SheetHost): Sheet {
  const find = async (query: string, signal: AbortSignal): Promise<readonly SheetItem[]> => {
    const items: SheetItem[] = [];
    for await (const { account, displayName, status } of chat.client.directory.search(query.replace(/^@/, ''))) {
      if (signal.aborted || items.length === FOUND_MAX) break;
      const about = [displayName, status].filter(Boolean).join(' · ');
      const line = [span(`@${account}`, 'strong'), span(about === '' ? '' : `  ${about}`, 'soft')];
      items.push({ line, pick: () => openTarget(`@${account}`) });
    }
    return items;
  };
  const empty = 'Type how a name begins. Enter opens a conversation with that person.';
  return new Sheet({ title: 'People', prompt: 'find', empty, find, changed });
}

/** Rooms that anybody may join. */
export function openRoomsSheet({ chat, joinOpenRoom, changed }: SheetHost): Sheet {
  const find = async (query: string, signal: AbortSignal): Promise<readonly SheetItem[]> => {
    const items: SheetItem[] = [];
    for await (const { room, name, topic, memberCount } of chat.client.openRooms.find(query)) {
      if (signal.aborted || items.length === FOUND_MAX) break;
      const about = [membersText(memberCount), topic].filter(Boolean).join(' · ');
      const line = [span('open ', 'warn'), span(name, 'strong'), span(`  ${about}`, 'soft')];
      items.push({ line, pick: () => joinOpenRoom(room as RoomId) });
    }
    return items;
  };
  const empty = 'There is no open room like this. /new-open NAME makes one.';
  return new Sheet({ title: 'Open rooms: not encrypted, Enter joins', prompt: 'find', empty, find, changed });
}

/** Who is in a room, and who of them is there. */
export function membersSheet({ chat, openTarget, changed }: SheetHost, target: string): Sheet {
  const find = async (_query: string, signal: AbortSignal): Promise<readonly SheetItem[]> => {
    const roles = new Map(
      (await chat.client.details(target)).members.map(({ account, role }) => [account as string, role]),
    );
    const items: SheetItem[] = [];
    for await (const person of chat.client.presence.in(target)) {
      if (signal.aborted || items.length === FOUND_MAX) break;
      items.push({
        line: [
          span(`@${person.account}`, 'strong'),
          span(`  ${roles.get(person.account) ?? 'member'}  `, 'soft'),
          span(presenceText(person), person.status === 'online' ? 'good' : 'soft'),
        ],
        ...(person.account === chat.own ? {} : { pick: () => openTarget(`@${person.account}`) }),
      });
    }
    return items;
  };
  return new Sheet({ title: 'Members', prompt: null, empty: 'Nobody.', find, changed });
}

function presenceText({ status, lastSeen }: PersonPresenceJson): string {
  return status === 'offline' && lastSeen !== null ? `seen ${agoText(Date.parse(lastSeen), Date.now())}` : status;
}

/** Made from the tables that keys and commands are looked up in. */
export function helpSheet(changed: () => void): Sheet {
  const keys = (context: (typeof BINDINGS)[number]['context']): readonly SheetItem[] =>
    BINDINGS.filter((binding) => binding.context === context && binding.help !== '').map(({ keys: [first], help }) => ({
      line: [span(`  ${keyText(first!)}`.padEnd(KEY_WIDTH), 'accent'), span(help)],
    }));
  const commands = COMMAND_LIST.map(({ name, usage, help }) => ({
    line: [span(`  /${name} ${usage}`.padEnd(USAGE_WIDTH), 'accent'), span(` ${help}`)],
  }));
  const title = (text: string): SheetItem => ({ line: [span(text, 'strong')] });
  const items = [
    title('Anywhere'),
    ...keys('everywhere'),
    title('While writing'),
    ...keys('composer'),
    title('Among the messages (Tab)'),
    ...keys('messages'),
    title('Typed instead of a message (N: the number of one)'),
    ...commands,
  ];
  const find = (): Promise<readonly SheetItem[]> => Promise.resolve(items);
  return new Sheet({ title: 'Keys and commands', prompt: null, empty: '', find, isLocal: true, changed });
}
