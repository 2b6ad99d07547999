import type { ChatEvent, PlacedEvent } from '../protocol/events.ts';
import type { AccountId, DeviceId, RoomId, SessionId, StampMs } from '../protocol/ids.ts';
import type { RowCodec } from './rows.ts';
import { pack, unpack } from './pack.ts';

/** Events that are stored as rows of their own; messages are found through their rooms. */
export type StoredEvent = Exclude<ChatEvent, { readonly kind: 'message' }>;

export interface FeedEventRow extends PlacedEvent {
  readonly event: StoredEvent;
}

/** The place in this list is what stands in the row: only ever append. */
const KINDS = [
  'room-created',
  'members-added',
  'member-removed',
  'room-meta',
  'devices-changed',
  'device-requested',
  'session-ended',
] as const satisfies readonly StoredEvent['kind'][];

export const feedEventCodec: RowCodec<FeedEventRow> = {
  encode: (row) => pack([1, row.index, row.order, KINDS.indexOf(row.event.kind), fieldsOf(row.event)]),
  decode: (bytes) => {
    const [, index, order, kind, fields] = unpack(bytes) as [number, number, number, number, unknown[]];
    return { index, order, event: eventOf(KINDS[kind]!, fields) };
  },
};

function fieldsOf(event: StoredEvent): unknown[] {
  switch (event.kind) {
    case 'room-created':
      return [event.room, event.roomKind, event.members, event.by, event.at];
    case 'members-added':
    case 'member-removed':
      return [event.room, event.members, event.by, event.at];
    case 'room-meta':
      return [event.room, event.by, event.at];
    case 'devices-changed':
      return [event.account, event.device, event.change, event.at];
    case 'device-requested':
      return [event.account, event.device, event.at];
    case 'session-ended':
      return [event.account, event.session, event.at];
  }
}

function eventOf(kind: StoredEvent['kind'], fields: unknown[]): StoredEvent {
  switch (kind) {
    case 'room-created': {
      const [room, roomKind, members, by, at] = fields as [RoomId, 'direct' | 'group', AccountId[], AccountId, StampMs];
      return { kind, room, roomKind, members, by, at };
    }
    case 'members-added':
    case 'member-removed': {
      const [room, members, by, at] = fields as [RoomId, AccountId[], AccountId, StampMs];
      return { kind, room, members, by, at };
    }
    case 'room-meta': {
      const [room, by, at] = fields as [RoomId, AccountId, StampMs];
      return { kind, room, by, at };
    }
    case 'devices-changed': {
      const [account, device, change, at] = fields as [AccountId, DeviceId, 'added' | 'revoked', StampMs];
      return { kind, account, device, change, at };
    }
    case 'device-requested': {
      const [account, device, at] = fields as [AccountId, DeviceId, StampMs];
      return { kind, account, device, at };
    }
    case 'session-ended': {
      const [account, session, at] = fields as [AccountId, SessionId, StampMs];
      return { kind, account, session, at };
    }
  }
}
