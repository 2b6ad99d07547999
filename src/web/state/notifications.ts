import { saysSomething } from '../../client/archive.ts';
import { roomTitle } from '../text/room-title.ts';
import { t } from '../text/catalogue.ts';
import { toRoom } from './router.svelte.ts';
import type { MessageLine } from '../../client/reader.ts';
import type { InboxRoom } from '../../client/inbox.ts';
import type { AccountName, RoomId } from '../../protocol/ids.ts';

/** What of a room is told while nobody looks. */
export type Loudness = 'all' | 'mentions' | 'mute';

const key = (room: RoomId): string => `parley-loudness/${room}`;

export function loudnessOf(room: RoomId): Loudness {
  const told = localStorage.getItem(key(room));
  return told === 'mentions' || told === 'mute' ? told : 'all';
}

export function setLoudness(room: RoomId, loudness: Loudness): void {
  localStorage.setItem(key(room), loudness);
}

export function mayNotify(): boolean {
  return 'Notification' in window && Notification.permission === 'granted';
}

/** Asked when somebody wants it, never on its own. */
export async function askToNotify(): Promise<boolean> {
  return 'Notification' in window && (await Notification.requestPermission()) === 'granted';
}

/** Tells of messages of others while the app is not looked at. What was said in them stays inside the app. */
export function notifyOf(
  lines: readonly MessageLine[],
  { own, rooms }: { readonly own: AccountName; readonly rooms: ReadonlyMap<RoomId, InboxRoom> },
): void {
  if (!document.hidden || !mayNotify()) return;
  for (const line of lines) {
    if (line.from === own || !saysSomething(line)) continue;
    const loudness = loudnessOf(line.room);
    const isNamed = line.mentions?.includes(own) === true;
    if (loudness === 'mute' || (loudness === 'mentions' && !isNamed)) continue;
    const room = rooms.get(line.room);
    const title = room === undefined || room.kind === 'direct' ? line.from : `${line.from} · ${roomTitle(room)}`;
    const notification = new Notification(title, { body: t.notifications.body, tag: line.room, icon: '/icon-192.png' });
    notification.addEventListener('click', () => {
      focus();
      toRoom(line.room, line.seq);
      notification.close();
    });
  }
}
