import { saysSomething } from './archive.ts';
import type { Role, RoomKind } from '../protocol/commands.ts';
import type { AccountName, RoomId } from '../protocol/ids.ts';
import type { ArchivedRoom } from './archive.ts';
import type { MessageLine } from './reader.ts';
import type { RoomOverview } from './rooms.ts';

/** A room as it stands in the list. */
export interface InboxRoom {
  readonly room: RoomId;
  readonly kind: RoomKind;
  /** Null when this device cannot read it. A direct room's is the other account. */
  readonly name: string | null;
  readonly topic: string;
  readonly lastSeq: number;
  /** Up to where the own account has read. */
  readonly read: number;
  readonly joinedSeq: number;
  readonly unread: number;
  /** How many of the unread that this device has seen name the own account. */
  readonly mentions: number;
  readonly role: Role;
  readonly memberCount: number;
  readonly isArchived: boolean;
  /** What is written disappears after so long; 0 for never. */
  readonly ttlMs: number;
  /** What was said last, as far as this device has read. */
  readonly last: MessageLine | null;
}

/** Of what came live in a room so much is remembered until a node has counted it. */
const COUNTED_MAX = 1_000;

/**
 * The rooms of an account and what is unread in them: counted by nodes when they are asked, by this device as messages
 * come. Pure: everything it knows is handed to it.
 */
export class Inbox {
  readonly #own: AccountName;
  #rooms: ReadonlyMap<RoomId, InboxRoom> = new Map();
  /** Seqs that were counted as unread as they came, by room: a list may be asked for before and answered behind them. */
  #counted: ReadonlyMap<RoomId, readonly number[]> = new Map();

  /** @param known as an earlier run of this program left it */
  constructor(own: AccountName, known: readonly InboxRoom[] = []) {
    this.#own = own;
    this.#rooms = new Map(known.map((room) => [room.room, room]));
  }

  /** Another map after each change. */
  get rooms(): ReadonlyMap<RoomId, InboxRoom> {
    return this.#rooms;
  }

  /** As nodes list them: rooms that are not among these are not the account's any more. */
  listed(overview: readonly RoomOverview[]): void {
    const rooms = new Map<RoomId, InboxRoom>();
    const counted = new Map<RoomId, readonly number[]>();
    for (const { line, summary } of overview) {
      const before = this.#rooms.get(line.room);
      const read = Math.max(before?.read ?? 0, summary.read);
      const since = (this.#counted.get(line.room) ?? []).filter((seq) => seq > line.lastSeq);
      counted.set(line.room, since);
      const unread = read > summary.read && before !== undefined ? before.unread : summary.unread + since.length;
      rooms.set(line.room, {
        room: line.room,
        kind: line.kind,
        name: line.name,
        topic: line.topic ?? '',
        lastSeq: Math.max(before?.lastSeq ?? 0, line.lastSeq),
        read,
        joinedSeq: summary.joinedSeq,
        unread,
        mentions: unread === 0 ? 0 : (before?.mentions ?? 0),
        role: summary.role,
        memberCount: summary.memberCount,
        isArchived: summary.archived,
        ttlMs: summary.messageTtlMs,
        last: before?.last ?? null,
      });
    }
    this.#rooms = rooms;
    this.#counted = counted;
  }

  /** What this device has kept of rooms. */
  recalled(archived: readonly ArchivedRoom[]): void {
    for (const { room, last } of archived)
      this.#change(room, (known) => ({ ...known, last: laterOf(known.last, last) }));
  }

  /** Lines that came live, or were read: of one room, ascending. */
  arrived(lines: readonly MessageLine[]): void {
    const [first] = lines;
    if (first === undefined) return;
    this.#change(first.room, (known) => {
      const news = lines.filter(({ seq }) => seq > known.lastSeq);
      const counted = news.filter((line) => line.from !== this.#own && saysSomething(line));
      const last = lines.findLast(saysSomething) ?? null;
      this.#count(known.room, counted);
      return {
        ...known,
        lastSeq: Math.max(known.lastSeq, lines.at(-1)!.seq),
        unread: known.unread + counted.length,
        mentions: known.mentions + counted.filter(({ mentions }) => mentions?.includes(this.#own) === true).length,
        last: laterOf(known.last, last),
      };
    });
  }

  #count(room: RoomId, lines: readonly MessageLine[]): void {
    const seqs = [...(this.#counted.get(room) ?? []), ...lines.map(({ seq }) => seq)];
    this.#counted = new Map(this.#counted).set(room, seqs.slice(-COUNTED_MAX));
  }

  /** The own account has read up to `seq`, here or on another device. Behind the last message nothing is unread. */
  wasRead(room: RoomId, seq: number): void {
    this.#change(room, (known) => {
      if (seq <= known.read) return known;
      const isAll = seq >= known.lastSeq;
      return { ...known, read: seq, ...(isAll ? { unread: 0, mentions: 0 } : {}) };
    });
  }

  /** Nothing stands there any more. */
  wentAway(room: RoomId, seqs: readonly number[]): void {
    this.#change(room, (known) => (seqs.includes(known.last?.seq ?? 0) ? { ...known, last: null } : known));
  }

  #change(room: RoomId, change: (known: InboxRoom) => InboxRoom): void {
    const known = this.#rooms.get(room);
    if (known !== undefined) this.#rooms = new Map(this.#rooms).set(room, change(known));
  }
}

function laterOf(a: MessageLine | null, b: MessageLine | null): MessageLine | null {
  return a === null || (b !== null && b.seq >= a.seq) ? (b ?? a) : a;
}
