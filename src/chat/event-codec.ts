import type { ChatEvent, PlacedEvent } from '../protocol/events.ts';
import type { RowCodec } from './rows.ts';
import { pack, unpack } from './pack.ts';

/** Events that are stored as rows of their own; messages are found through their rooms. */
export type StoredEvent = Exclude<ChatEvent, { readonly kind: 'message' | 'receipt' }>;

export interface FeedEventRow extends PlacedEvent {
  readonly event: StoredEvent;
}

type StoredEventOf<K extends StoredEvent['kind']> = Extract<StoredEvent, { readonly kind: K }>;

/** What stands in the row of each kind, in this order. */
const FIELDS: { readonly [K in StoredEvent['kind']]: readonly (Exclude<keyof StoredEventOf<K>, 'kind'> & string)[] } = {
  'room-created': ['room', 'roomKind', 'members', 'by', 'at'],
  'members-added': ['room', 'members', 'by', 'at'],
  'member-removed': ['room', 'members', 'by', 'at'],
  'messages-gone': ['room', 'seqs', 'reason', 'by', 'at'],
  'member-changed': ['room', 'account', 'role', 'mutedUntil', 'by', 'at'],
  'room-archived': ['room', 'archived', 'by', 'at'],
  'room-ttl': ['room', 'ttlMs', 'by', 'at'],
  'pins-changed': ['room', 'seq', 'pinned', 'by', 'at'],
  'room-meta': ['room', 'by', 'at'],
  'devices-changed': ['account', 'device', 'change', 'at'],
  'device-requested': ['account', 'device', 'at'],
  'lock-granted': ['account', 'session', 'name', 'token', 'expiresAt', 'at'],
  'lock-lost': ['account', 'session', 'name', 'token', 'reason', 'at'],
  'profile-changed': ['account', 'at'],
  'block-changed': ['account', 'other', 'blocked', 'at'],
  'session-ended': ['account', 'session', 'at'],
};

export const feedEventCodec: RowCodec<FeedEventRow> = {
  encode: ({ index, order, event }) => {
    const values: Readonly<Record<string, unknown>> = { ...event };
    return pack([1, index, order, event.kind, FIELDS[event.kind].map((field) => values[field])]);
  },
  decode: (bytes) => {
    const [, index, order, kind, values] = unpack(bytes) as [number, number, number, StoredEvent['kind'], unknown[]];
    const fields = Object.fromEntries(FIELDS[kind].map((field, i) => [field, values[i]]));
    return { index, order, event: { kind, ...fields } as StoredEvent };
  },
};
