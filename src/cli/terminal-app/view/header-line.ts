import { fitted, leading, lineWidth, span } from '../screen/line.ts';
import { agoText } from './times.ts';
import type { InboxRoom } from '../../../client/inbox.ts';
import type { PersonPresenceJson } from '../../../protocol/http/presence.ts';
import type { RoomKind } from '../../../protocol/commands.ts';
import type { Line } from '../screen/line.ts';

export interface HeaderParts {
  readonly kind: RoomKind;
  readonly title: string;
  readonly known: InboxRoom | undefined;
  readonly presence: PersonPresenceJson | null;
  readonly thread: number | null;
  readonly nowMs: number;
}

/** Which conversation this is, and who can read it. An open room has a bar of another colour, and says so first. */
export function headerLine(parts: HeaderParts, width: number): Line {
  const { kind, title, known, thread } = parts;
  const style = kind === 'open' ? 'openBar' : 'bar';
  const inThread = thread === null ? '' : ` · thread of #${thread}, Esc leaves it`;
  const left = span((kind === 'open' ? ` OPEN ROOM, NOT ENCRYPTED · ${title}` : ` ${title}`) + inThread, style);
  const facts = [
    ...(kind === 'direct' ? presenceText(parts) : known === undefined ? [] : [membersText(known.memberCount)]),
    ...(kind === 'open' ? [] : ['end-to-end encrypted']),
  ].join(' · ');
  const right = span(facts === '' ? '' : ` ${facts} `, style);
  const topic = known === undefined || known.topic === '' ? '' : ` · ${known.topic.split('\n', 1)[0]}`;
  // What the room is about has whatever room is left.
  const between = fitted([span(topic, style)], width - lineWidth([left, right]));
  return leading([left, ...between], [right], width, style);
}

function presenceText({ presence, nowMs }: HeaderParts): readonly string[] {
  if (presence === null || presence.status === 'invisible') return [];
  if (presence.status !== 'offline') return [presence.status];
  return presence.lastSeen === null ? [] : [`seen ${agoText(Date.parse(presence.lastSeen), nowMs)}`];
}

export const membersText = (count: number): string => (count === 1 ? '1 member' : `${count} members`);
