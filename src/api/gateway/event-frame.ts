import { encodeCursor } from '../../chat/queries-cursor.ts';
import { timeOf } from '../time-text.ts';
import { messageJson } from '../views.ts';
import { textFrame } from './frame-bytes.ts';
import type { PlacedEvent } from '../../protocol/events.ts';
import type { EventJsonT } from '../../protocol/http/frames.ts';
import type { AccountId, AccountName, ClusterId } from '../../protocol/ids.ts';

/** Names stand in every event; they never change, so that they may be remembered. */
export type NameOf = (account: AccountId) => AccountName;

/** One event on its way to many readers: turned into text once, and into each wire form at most once. */
export class EventFrame {
  readonly placed: PlacedEvent;
  readonly #cluster: ClusterId;
  readonly #nameOf: NameOf;
  #cursor: string | undefined;
  #text: string | undefined;
  #webSocketBytes: Buffer | undefined;
  #sentEventBytes: Buffer | undefined;

  constructor(placed: PlacedEvent, cluster: ClusterId, nameOf: NameOf) {
    this.placed = placed;
    this.#cluster = cluster;
    this.#nameOf = nameOf;
  }

  /** Resuming from here brings exactly what follows this event. */
  get cursor(): string {
    return (this.#cursor ??= encodeCursor(this.#cluster, this.placed));
  }

  get text(): string {
    const { cursor } = this;
    return (this.#text ??= JSON.stringify({
      type: 'event',
      cursor,
      event: eventJson(this.placed.event, this.#nameOf),
    }));
  }

  get webSocketBytes(): Buffer {
    return (this.#webSocketBytes ??= textFrame(this.text));
  }

  /** The form of the HTML standard, section 9.2: the id comes back as `Last-Event-ID`. */
  get sentEventBytes(): Buffer {
    return (this.#sentEventBytes ??= Buffer.from(`id: ${this.cursor}\nevent: event\ndata: ${this.text}\n\n`));
  }
}

function eventJson(event: PlacedEvent['event'], nameOf: NameOf): EventJsonT {
  const membersOf = (members: readonly AccountId[]): { account: AccountName; accountId: AccountId }[] =>
    members.map((accountId) => ({ account: nameOf(accountId), accountId }));
  switch (event.kind) {
    case 'message':
      return { kind: 'message', ...messageJson(event) };
    case 'room-created': {
      const { kind, room, roomKind, members, at } = event;
      return { kind, room, roomKind, members: membersOf(members), at: timeOf(at) };
    }
    case 'members-added':
    case 'member-removed':
      return { kind: event.kind, room: event.room, members: membersOf(event.members), at: timeOf(event.at) };
    case 'messages-gone': {
      const { kind, room, seqs, reason, by, at } = event;
      return { kind, room, seqs: [...seqs], reason, by: by === null ? null : nameOf(by), at: timeOf(at) };
    }
    case 'member-changed': {
      const { kind, room, account, role, mutedUntil, by, at } = event;
      const until = mutedUntil === null ? null : timeOf(mutedUntil);
      const member = { account: nameOf(account), accountId: account, role, mutedUntil: until };
      return { kind, room, ...member, by: nameOf(by), at: timeOf(at) };
    }
    case 'room-archived':
      return {
        kind: event.kind,
        room: event.room,
        archived: event.archived,
        by: event.by === null ? null : nameOf(event.by),
        at: timeOf(event.at),
      };
    case 'receipt': {
      const { kind, room, account, delivered, read, at } = event;
      return { kind, room, account: nameOf(account), accountId: account, delivered, read, at: timeOf(at) };
    }
    case 'room-ttl':
      return { kind: event.kind, room: event.room, ttlMs: event.ttlMs, by: nameOf(event.by), at: timeOf(event.at) };
    case 'pins-changed': {
      const { kind, room, seq, pinned, by, at } = event;
      return { kind, room, seq, pinned, by: nameOf(by), at: timeOf(at) };
    }
    case 'room-meta':
      return { kind: event.kind, room: event.room, at: timeOf(event.at) };
    case 'devices-changed': {
      const { kind, account, device, change, at } = event;
      return { kind, account: nameOf(account), accountId: account, device, change, at: timeOf(at) };
    }
    case 'device-requested':
      return { kind: event.kind, device: event.device, at: timeOf(event.at) };
    case 'lock-granted': {
      const { kind, name, token, session, expiresAt, at } = event;
      return { kind, name, token, session, expiresAt: timeOf(expiresAt), at: timeOf(at) };
    }
    case 'lock-lost': {
      const { kind, name, token, session, reason, at } = event;
      return { kind, name, token, session, reason, at: timeOf(at) };
    }
    case 'profile-changed':
      return { kind: event.kind, account: nameOf(event.account), at: timeOf(event.at) };
    case 'block-changed':
      return { kind: event.kind, account: nameOf(event.other), blocked: event.blocked, at: timeOf(event.at) };
    case 'session-ended':
      break;
  }
  return { kind: event.kind, session: event.session, at: timeOf(event.at) };
}
