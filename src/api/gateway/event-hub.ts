import { ParleyError } from '../../protocol/errors.ts';
import { isOpenRoom } from '../../protocol/ids.ts';
import { endOfEntry } from '../../chat/queries-cursor.ts';
import { asParleyError } from '../problem.ts';
import { AccountFeed } from './account-feed.ts';
import { EventFrame } from './event-frame.ts';
import { Subscription } from './subscription.ts';
import type { Logger } from 'pino';
import type { Position } from '../../chat/queries-cursor.ts';
import type { AppliedEvents, ChatNode } from '../../node/ports.ts';
import type { PlacedEvent } from '../../protocol/events.ts';
import type { AccountId, RoomId } from '../../protocol/ids.ts';
import type { Session } from '../auth.ts';
import type { ApiLimits } from '../config.ts';
import type { FeedQueries } from './feed-queries.ts';
import type { FeedSink } from './subscription.ts';

/** Applied entries that may wait for a question to the state; beyond it every reader reads for itself. */
const ENTRIES_WAITING_MAX = 4_096;

export interface EventHubParts {
  readonly node: ChatNode;
  readonly queries: FeedQueries;
  readonly limits: ApiLimits;
  readonly logger: Logger;
  /** @throws ParleyError `session_revoked` for a session that is over as this node knows it */
  readonly checkStillOpen: (session: Session) => void;
}

/**
 * From the log to the readers on this node. Every node derives the same events from the log and hands them to its
 * own readers, in the order of the log; there is no second broadcast.
 */
export class EventHub {
  readonly #node: ChatNode;
  readonly #limits: ApiLimits;
  readonly #logger: Logger;
  readonly #queries: FeedQueries;
  readonly #checkStillOpen: (session: Session) => void;
  readonly #accounts = new Map<AccountId, AccountFeed>();
  readonly #rooms = new Map<RoomId, Set<AccountFeed>>();
  readonly #waiting: AppliedEvents[] = [];
  readonly #stop: (() => void)[] = [];
  #asking = false;
  #stoppedBy: ParleyError | null = null;
  /** Everything up to here was offered to the readers. */
  #offered: Position = endOfEntry(0);

  constructor(parts: EventHubParts) {
    this.#node = parts.node;
    this.#queries = parts.queries;
    this.#limits = parts.limits;
    this.#logger = parts.logger;
    this.#checkStillOpen = parts.checkStillOpen;
  }

  /** Applied entries whose events are not handed out yet. */
  get waitingCount(): number {
    return this.#waiting.length;
  }

  /** Feeds that wait until it is their turn to read. */
  get readersWaiting(): number {
    return this.#queries.waitingCount;
  }

  start(): void {
    this.#stop.push(
      this.#node.onApplied((applied) => this.#take(applied)),
      this.#node.onReplaced(() => this.#startAfresh()),
    );
  }

  /** Ends every feed. */
  stop(error: ParleyError): void {
    this.#stoppedBy = error;
    for (const stop of this.#stop.splice(0)) stop();
    for (const subscription of this.#subscriptions()) subscription.sink.end(error);
  }

  /**
   * Delivers everything that concerns the session's account after `from`, then whatever comes.
   *
   * @throws ParleyError `session_revoked` when the session ended since it was authenticated, `shutting_down`
   */
  subscribe(parts: { readonly session: Session; readonly sink: FeedSink; readonly from: Position }): Subscription {
    if (this.#stoppedBy !== null) throw this.#stoppedBy;
    this.#checkStillOpen(parts.session);
    const { account } = parts.session;
    const feed = this.#accounts.get(account) ?? new AccountFeed(account);
    this.#accounts.set(account, feed);
    const subscription = new Subscription(
      parts,
      {
        loaded: () =>
          feed.load(
            (load) => this.#queries.inTurn(load),
            this.#queries.roomsOf,
            (room) => this.#listen(room, feed),
          ),
        readPage: (after) => this.#queries.pageAfter(account, after, this.#limits.catchUpPageEvents),
        frameOf: (placed) => this.#frameOf(placed),
        offered: () => this.#offered,
        waitingMax: this.#limits.catchUpEventsMax,
      },
      () => this.#unsubscribe(feed, subscription),
    );
    feed.subscriptions.add(subscription);
    subscription.catchUp();
    return subscription;
  }

  /** Who listens to a room on this node. */
  listenersOf(room: RoomId): ReadonlySet<AccountFeed> {
    return this.#rooms.get(room) ?? NOBODY;
  }

  #unsubscribe(feed: AccountFeed, subscription: Subscription): void {
    feed.subscriptions.delete(subscription);
    if (feed.subscriptions.size > 0) return;
    this.#accounts.delete(feed.account);
    for (const room of feed.rooms) this.#unlisten(room, feed);
    feed.reset();
  }

  #listen(room: RoomId, feed: AccountFeed): void {
    const listeners = this.#rooms.get(room);
    if (listeners === undefined) this.#rooms.set(room, new Set([feed]));
    else listeners.add(feed);
  }

  #unlisten(room: RoomId, feed: AccountFeed): void {
    const listeners = this.#rooms.get(room);
    listeners?.delete(feed);
    if (listeners?.size === 0) this.#rooms.delete(room);
  }

  // ------------------------------------------------------------ events in

  #take(applied: AppliedEvents): void {
    if (!this.#asking && !applied.events.some(isForPeers)) {
      for (const placed of applied.events) this.#offer(placed, []);
      this.#offered = endOfEntry(applied.index);
      return;
    }
    this.#waiting.push(applied);
    if (this.#waiting.length > ENTRIES_WAITING_MAX) this.#startAfresh();
    else if (!this.#asking) void this.#work();
  }

  /** One entry after the other, because who shares a room with an account is a question that takes its time. */
  async #work(): Promise<void> {
    this.#asking = true;
    try {
      for (let applied = this.#waiting[0]; applied !== undefined; applied = this.#waiting[0]) {
        for (const placed of applied.events) {
          const rooms = isForPeers(placed) ? await this.#allRoomsOf(placed.event.account) : [];
          // While the question was open the state may have been replaced, and with it this queue.
          if (this.#waiting[0] !== applied) break;
          this.#offer(placed, rooms);
        }
        if (this.#waiting[0] !== applied) continue;
        this.#waiting.shift();
        this.#offered = endOfEntry(applied.index);
      }
    } catch (error) {
      this.#logger.error({ err: error }, 'the event feeds start afresh');
      this.#startAfresh();
    } finally {
      this.#asking = false;
    }
  }

  async #allRoomsOf(account: AccountId): Promise<readonly RoomId[]> {
    const rooms: RoomId[] = [];
    // Nobody needs the devices of those who are in an open room.
    for await (const room of this.#queries.roomsOf(account)) if (!isOpenRoom(room)) rooms.push(room);
    return rooms;
  }

  /** Everybody reads again, from where they stand: events were skipped or dropped. */
  #startAfresh(): void {
    this.#waiting.length = 0;
    for (const subscription of this.#subscriptions()) subscription.detach();
    this.#offered = endOfEntry(this.#node.reader.appliedIndex);
    this.#rooms.clear();
    for (const feed of this.#accounts.values()) feed.reset();
    for (const subscription of this.#subscriptions()) {
      if (this.#isStillOpen(subscription)) subscription.catchUp();
    }
  }

  /** The end of a session may be among the events that were skipped. */
  #isStillOpen({ session, sink }: Subscription): boolean {
    try {
      this.#checkStillOpen(session);
      return true;
    } catch (error) {
      sink.end(asParleyError(error));
      return false;
    }
  }

  // ------------------------------------------------------------ events out

  #offer(placed: PlacedEvent, peerRooms: readonly RoomId[]): void {
    const { event } = placed;
    this.#offered = placed;
    this.#admitMembers(event);
    const feeds = this.#feedsFor(event, peerRooms);
    if (feeds.size > 0) {
      const frame = this.#frameOf(placed);
      for (const feed of feeds) for (const subscription of feed.subscriptions) subscription.offer(frame);
    }
    if (event.kind === 'session-ended') this.#endSession(event.account, event.session);
    if (event.kind === 'member-removed') for (const member of event.members) this.#setMember(member, event.room, false);
  }

  #feedsFor(event: PlacedEvent['event'], peerRooms: readonly RoomId[]): ReadonlySet<AccountFeed> {
    switch (event.kind) {
      case 'room-created':
      case 'members-added':
      case 'member-removed':
        return isOpenRoom(event.room) ? this.#feedsOf(event.members) : (this.#rooms.get(event.room) ?? NOBODY);
      case 'member-changed':
        return isOpenRoom(event.room) ? this.#own(event.account) : (this.#rooms.get(event.room) ?? NOBODY);
      case 'message':
      case 'messages-gone':
      case 'room-archived':
      case 'pins-changed':
      case 'room-ttl':
      case 'room-meta':
        return this.listenersOf(event.room);
      case 'devices-changed': {
        const feeds = new Set(this.#own(event.account));
        for (const room of peerRooms) for (const feed of this.listenersOf(room)) feeds.add(feed);
        return feeds;
      }
      case 'receipt':
        return event.shared ? this.listenersOf(event.room) : this.#own(event.account);
      case 'device-requested':
      case 'lock-granted':
      case 'lock-lost':
      case 'profile-changed':
      case 'block-changed':
      case 'session-ended':
        break;
    }
    return this.#own(event.account);
  }

  #own(account: AccountId): ReadonlySet<AccountFeed> {
    return this.#feedsOf([account]);
  }

  #feedsOf(accounts: readonly AccountId[]): ReadonlySet<AccountFeed> {
    return new Set(accounts.flatMap((account) => this.#accounts.get(account) ?? []));
  }

  /** Whoever joins hears of it, and of all that follows. */
  #admitMembers(event: PlacedEvent['event']): void {
    if (event.kind !== 'room-created' && event.kind !== 'members-added') return;
    for (const member of event.members) this.#setMember(member, event.room, true);
    if (event.kind === 'room-created') this.#setMember(event.by, event.room, true);
  }

  #setMember(account: AccountId, room: RoomId, present: boolean): void {
    const feed = this.#accounts.get(account);
    if (feed === undefined) return;
    feed.change(room, present);
    if (present) this.#listen(room, feed);
    else this.#unlisten(room, feed);
  }

  #endSession(account: AccountId, session: Session['session']): void {
    for (const subscription of this.#accounts.get(account)?.subscriptions ?? []) {
      if (subscription.session.session === session) subscription.sink.end(new ParleyError('session_revoked'));
    }
  }

  #frameOf(placed: PlacedEvent): EventFrame {
    return new EventFrame(placed, this.#node.clusterId!, this.#queries.nameOf);
  }

  /** As they are now: what is done with them may end some. */
  #subscriptions(): Subscription[] {
    return Array.from(this.#accounts.values(), ({ subscriptions }) => [...subscriptions]).flat();
  }
}

const NOBODY: ReadonlySet<AccountFeed> = new Set();

type PeersEvent = PlacedEvent & { readonly event: { readonly kind: 'devices-changed' } };

function isForPeers(placed: PlacedEvent): placed is PeersEvent {
  return placed.event.kind === 'devices-changed';
}
