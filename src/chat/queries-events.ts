import { EVENTS_KEPT_MAX } from './bounds.ts';
import { feedEventCodec } from './event-codec.ts';
import { deviceFeed, KEYS, numberAtEnd } from './keys.ts';
import { comparePositions, endOfEntry } from './queries-cursor.ts';
import { messagePosition, messagesBetween } from './queries-messages.ts';
import { changedSince, shareRoom } from './queries-activity.ts';
import { allMemberships, membershipIn, roomMembers } from './queries-rooms.ts';
import { readRow } from './queries-rows.ts';
import { roomCodec } from './room-rows.ts';
import { accountCodec, feedCodec, globalsCodec } from './rows.ts';
import type { ChatEvent, PlacedEvent } from '../protocol/events.ts';
import { isOpenRoom } from '../protocol/ids.ts';
import type { AccountId, RoomId } from '../protocol/ids.ts';
import type { FeedScope } from './keys.ts';
import type { StateReader } from './ports.ts';
import type { MessageInfo } from './queries-messages.ts';
import type { Position } from './queries-cursor.ts';
import type { Changes } from './queries-activity.ts';
import type { MembershipRow } from './member-rows.ts';

export type EventsPage =
  | {
      readonly recovered: true;
      /** In log order, each once. */
      readonly events: readonly PlacedEvent[];
      /** Behind the last of `events`; at the end, behind everything this node had applied when it was asked. */
      readonly next: Position;
      readonly done: boolean;
    }
  /** Events were dropped since: read the rooms, and go on from `next`. */
  | { readonly recovered: false; readonly next: Position };

/**
 * Exactly what an account would have seen live after a position, by the rooms it is a member of now. Entries that
 * are applied while this reads are left to the next page or to the live feed: nothing is missed or doubled by taking
 * the live feed's entries from `next` on.
 */
export async function eventsSince(
  reader: StateReader,
  ask: { readonly account: AccountId; readonly after: Position; readonly limit: number },
): Promise<EventsPage> {
  const window: Window = { after: ask.after, lastIndex: reader.appliedIndex };
  try {
    const sources: AsyncGenerator<PlacedEvent>[] = [];
    for await (const source of sourcesOf(reader, ask.account, window)) sources.push(source);
    const events = await merge(sources, ask.limit);
    const done = events.length < ask.limit;
    return { recovered: true, events, done, next: done ? endOf(window) : events.at(-1)! };
  } catch (error) {
    if (error instanceof EventsLost) return { recovered: false, next: endOf(window) };
    throw error;
  }
}

/** What is asked for: behind `after`, up to and including the entry `lastIndex`. */
interface Window {
  readonly after: Position;
  readonly lastIndex: number;
}

class EventsLost extends Error {}

function endOf(window: Window): Position {
  const end = endOfEntry(window.lastIndex);
  return comparePositions(end, window.after) < 0 ? window.after : end;
}

/** One sorted stream for each place where something may have happened in the window. */
async function* sourcesOf(
  reader: StateReader,
  account: AccountId,
  window: Window,
): AsyncGenerator<AsyncGenerator<PlacedEvent>> {
  yield feedEvents(reader, account, window, 0);
  const changes = await changedSince(reader, account, window.after.index);
  if (changes === null) yield* sourcesOfAllRooms(reader, account, window);
  else yield* sourcesOfChanges(reader, account, window, changes);
}

/** Costs what happened in the cluster since. */
async function* sourcesOfChanges(
  reader: StateReader,
  account: AccountId,
  window: Window,
  { rooms, devices }: Changes,
): AsyncGenerator<AsyncGenerator<PlacedEvent>> {
  for (const room of rooms) {
    const row = membershipIn(reader, account, room);
    if (row !== undefined) yield* sourcesOfRoom(reader, room, row, window);
  }
  for (const other of devices) {
    if (await shareRoom(reader, account, other)) yield feedEvents(reader, deviceFeed(other), window, 0);
  }
}

/** Costs what the account has of rooms. */
async function* sourcesOfAllRooms(
  reader: StateReader,
  account: AccountId,
  window: Window,
): AsyncGenerator<AsyncGenerator<PlacedEvent>> {
  const { after } = window;
  const devicesChanged = (readRow(reader, KEYS.globals, globalsCodec)?.deviceIndex ?? 0) >= after.index;
  const sharing = new Set<AccountId>([account]);
  for await (const { room, row } of allMemberships(reader, account)) {
    yield* sourcesOfRoom(reader, room, row, window);
    if (!devicesChanged || isOpenRoom(room)) continue;
    for (const member of roomMembers(reader, room)) sharing.add(member);
  }
  if (!devicesChanged) return;
  for (const other of sharing) {
    const changedIndex = readRow(reader, KEYS.account(other), accountCodec)?.devicesChangedIndex ?? 0;
    if (changedIndex >= after.index) yield feedEvents(reader, deviceFeed(other), window, 0);
  }
}

function* sourcesOfRoom(
  reader: StateReader,
  room: RoomId,
  row: MembershipRow,
  window: Window,
): Generator<AsyncGenerator<PlacedEvent>> {
  const lastIndex = readRow(reader, KEYS.room(room), roomCodec)?.lastIndex ?? 0;
  if (lastIndex >= window.after.index) yield messageEvents(reader, room, row, window);
  yield feedEvents(reader, room, window, row.joinedIndex);
}

async function merge(sources: readonly AsyncGenerator<PlacedEvent>[], limit: number): Promise<PlacedEvent[]> {
  const heads: { event: PlacedEvent; readonly source: AsyncGenerator<PlacedEvent> }[] = [];
  for (const source of sources) {
    const first = await source.next();
    if (first.done !== true) heads.push({ event: first.value, source });
  }
  const events: PlacedEvent[] = [];
  while (heads.length > 0 && events.length < limit) {
    const head = heads.reduce((least, other) => (comparePositions(other.event, least.event) < 0 ? other : least));
    const last = events.at(-1);
    // A removal is kept both for the room and for the account that was removed.
    if (last === undefined || comparePositions(last, head.event) < 0) events.push(head.event);
    const next = await head.source.next();
    if (next.done === true) heads.splice(heads.indexOf(head), 1);
    else head.event = next.value;
  }
  return events;
}

/** How many rows a source reads at once: one at first, because most of many sources give little. */
const CHUNK_MAX = 32;

async function* messageEvents(
  reader: StateReader,
  room: RoomId,
  membership: MembershipRow,
  window: Window,
): AsyncGenerator<PlacedEvent> {
  const lastSeq = readRow(reader, KEYS.room(room), roomCodec)?.lastSeq ?? 0;
  let seq = firstBehind(membership.joinedSeq, lastSeq + 1, window.after, (at) => messagePosition(reader, room, at));
  for (let chunk = 1; seq <= lastSeq; chunk = Math.min(chunk * 2, CHUNK_MAX)) {
    const messages = await messagesBetween(reader, room, seq, Math.min(seq + chunk, lastSeq + 1));
    if (messages.length === 0) return;
    for (const message of messages) {
      if (message.index > window.lastIndex) return;
      yield { index: message.index, order: message.order, event: messageEvent(message) };
    }
    seq = messages.at(-1)!.seq + 1;
  }
}

/** @param sinceIndex events of earlier entries are not this account's */
async function* feedEvents(
  reader: StateReader,
  scope: FeedScope,
  window: Window,
  sinceIndex: number,
): AsyncGenerator<PlacedEvent> {
  const feed = readRow(reader, KEYS.feed(scope), feedCodec);
  if (feed === undefined || feed.lastIndex < window.after.index) return;
  if (comparePositions(feed.pruned, window.after) > 0 && feed.pruned.index >= sinceIndex) throw new EventsLost();
  const positionOf = (number: number) => readRow(reader, KEYS.feedEvent(scope, number), feedEventCodec);
  const oldest = Math.max(0, feed.count - EVENTS_KEPT_MAX);
  let number = firstBehind(oldest, feed.count, window.after, positionOf);
  for (let chunk = 1; number < feed.count; chunk = Math.min(chunk * 2, CHUNK_MAX)) {
    const limit = Math.min(chunk, feed.count - number);
    const rows = await reader.range({
      gte: KEYS.feedEvent(scope, number),
      lt: KEYS.feedEvent(scope, number + limit),
      limit,
    });
    // Dropped while this was reading.
    if (rows.length < limit || numberAtEnd(rows[0]![0]) !== number) throw new EventsLost();
    for (const [, bytes] of rows) {
      const placed = feedEventCodec.decode(bytes);
      if (placed.index > window.lastIndex) return;
      if (placed.index >= sinceIndex) yield placed;
    }
    number += limit;
  }
}

/**
 * The least of the numbers `first ≤ n < end` whose position is behind `after`, or `end`. Positions grow with the
 * numbers; the search starts at the end, because who resumes has usually missed little.
 */
function firstBehind(
  first: number,
  end: number,
  after: Position,
  positionOf: (n: number) => Position | undefined,
): number {
  const isBehind = (n: number): boolean => {
    const position = positionOf(n);
    return position !== undefined && comparePositions(position, after) > 0;
  };
  let found = end;
  let low = first;
  for (let step = 1; found > first; step *= 2) {
    const probe = Math.max(first, found - step);
    if (!isBehind(probe)) {
      low = probe + 1;
      break;
    }
    found = probe;
  }
  while (low < found) {
    const middle = Math.floor((low + found) / 2);
    if (isBehind(middle)) found = middle;
    else low = middle + 1;
  }
  return found;
}

function messageEvent(message: MessageInfo): ChatEvent & { readonly kind: 'message' } {
  const { room, seq, id, from, fromName, device, sentAt, envelope, gone } = message;
  return { kind: 'message', room, seq, id, from, fromName, device, sentAt, envelope, gone };
}
