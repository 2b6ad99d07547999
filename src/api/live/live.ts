import { accountName } from '../../chat/queries-accounts.ts';
import { membershipIn } from '../../chat/queries-rooms.ts';
import { ParleyError } from '../../protocol/errors.ts';
import { timeOf } from '../time-text.ts';
import { PresenceExchange } from './presence-exchange.ts';
import { PresenceWatches } from './presence-watches.ts';
import { decodeSignal } from './signal-codec.ts';
import { TypingRelay } from './typing-relay.ts';
import { maySee } from './visibility.ts';
import type { Logger } from 'pino';
import type { ChatNode, Signal } from '../../node/ports.ts';
import type { PlacedEvent } from '../../protocol/events.ts';
import type { PersonPresenceJson, PresenceChoiceT } from '../../protocol/http/presence.ts';
import type { AccountId, AccountName, RoomId } from '../../protocol/ids.ts';
import type { ApiLimits } from '../config.ts';
import type { EventHub } from '../gateway/event-hub.ts';
import type { OwnFeed } from './own-presence.ts';
import type { Watcher } from './presence-watches.ts';
import type { TypingSignal } from './signal-codec.ts';

export interface LiveParts {
  readonly node: ChatNode;
  readonly hub: EventHub;
  readonly limits: ApiLimits;
  readonly logger: Logger;
  /** Milliseconds since the epoch. */
  readonly wallMs: () => number;
  readonly nameOf: (account: AccountId) => AccountName;
}

/** Where news of the people who are watched go. @returns false when there is no room for them now */
export type TellPresence = (people: readonly PersonPresenceJson[]) => boolean;

/**
 * What is true for a moment only: who is there, and who is writing. It never enters the log; nodes tell each other by
 * signals that may be lost, and all of it ends by itself. Who hears of it: of typing, those who listen to the room on
 * this node, where they are not too many; of presence, those who asked for this very person.
 */
export class Live {
  readonly #parts: LiveParts;
  readonly #presence: PresenceExchange;
  readonly #watches: PresenceWatches;
  readonly #typing: TypingRelay;
  readonly #stopListening: (() => void)[] = [];
  #ticks: NodeJS.Timeout | null = null;

  constructor(parts: LiveParts) {
    const { node, hub, limits, wallMs, nameOf } = parts;
    this.#parts = parts;
    this.#watches = new PresenceWatches(limits.presenceWatchesMax);
    this.#typing = new TypingRelay({ signals: node.signals, hub, limits, reader: () => node.reader, nameOf });
    this.#presence = new PresenceExchange({
      signals: node.signals,
      limits,
      wallMs,
      monotonicMs: () => performance.now(),
      onChange: (account) => this.#watches.changed(account),
    });
  }

  start(): void {
    const { node } = this.#parts;
    this.#stopListening.push(
      node.signals.onSignal((signal) => this.#receive(signal)),
      node.onApplied(({ events }) => {
        for (const { event } of events) this.#tellAnew(event);
      }),
    );
    this.#presence.start();
    this.#ticks = setInterval(() => this.#watches.tick(), this.#parts.limits.presenceBeatMs).unref();
  }

  stop(): void {
    for (const stop of this.#stopListening.splice(0)) stop();
    if (this.#ticks !== null) clearInterval(this.#ticks);
    this.#presence.stop();
    this.#typing.stop();
  }

  /** Watches of this node, all together. */
  get watchCount(): number {
    return this.#watches.size;
  }

  /** A live feed begins: its account is there until it ends. */
  open(account: AccountId, status: PresenceChoiceT): OwnFeed {
    return this.#presence.open(account, status);
  }

  /** @throws ParleyError `no_such_room` for who is no member */
  say({ room, account, active }: TypingSignal): void {
    if (membershipIn(this.#parts.node.reader, account, room) === undefined) throw new ParleyError('no_such_room');
    // Whoever wants to be unseen would be seen by it.
    if (this.#presence.of(account).status !== 'invisible') this.#typing.say({ room, account, active });
  }

  /** One who can be told of others; `watch` says of whom. */
  watcher(account: AccountId, tell: TellPresence): Watcher {
    const watcher: Watcher = {
      account,
      tell: (accounts) => {
        try {
          const roomOf = (other: AccountId): RoomId | undefined => this.#watches.roomOf(watcher, other);
          const people = accounts.flatMap((other) => this.#personAs(account, other, roomOf(other)));
          return people.length === 0 || tell(people);
        } catch (error) {
          return this.#untold(error);
        }
      },
    };
    return watcher;
  }

  /**
   * From now on, instead of whom it watched before, `watcher` hears of those people who are in the room named.
   *
   * @returns how they are now
   * @throws ParleyError `no_such_room` for a room it is not in, `overloaded`
   */
  watch(
    watcher: Watcher,
    people: readonly { readonly account: AccountId; readonly room: RoomId }[],
  ): readonly PersonPresenceJson[] {
    const { reader } = this.#parts.node;
    const watched = new Map<AccountId, RoomId>();
    for (const { account, room } of people) {
      if (membershipIn(reader, watcher.account, room) === undefined) throw new ParleyError('no_such_room');
      if (membershipIn(reader, account, room) !== undefined) watched.set(account, room);
    }
    this.#watches.set(watcher, watched);
    return [...watched].flatMap(([account, room]) => this.#personAs(watcher.account, account, room));
  }

  unwatch(watcher: Watcher): void {
    this.#watches.remove(watcher);
  }

  /** @returns those who are in the room. @throws ParleyError `no_such_room` for who is no member */
  seenIn(room: RoomId, viewer: AccountId, accounts: readonly AccountId[]): readonly PersonPresenceJson[] {
    const { reader } = this.#parts.node;
    if (membershipIn(reader, viewer, room) === undefined) throw new ParleyError('no_such_room');
    const inside = accounts.filter((account) => membershipIn(reader, account, room) !== undefined);
    return inside.flatMap((account) => this.#personAs(viewer, account, room));
  }

  /** As `viewer` may see somebody: like offline where it may not; nothing for who does not exist here. */
  #personAs(viewer: AccountId, account: AccountId, room: RoomId | undefined): PersonPresenceJson[] {
    const { reader } = this.#parts.node;
    const name = accountName(reader, account);
    if (name === undefined || room === undefined) return [];
    const person = { account: name, accountId: account };
    if (!maySee(reader, viewer, account, room)) return [{ ...person, status: 'offline', lastSeen: null }];
    const { status, seenMs } = this.#presence.of(account);
    const isHidden = status === 'invisible' && viewer !== account;
    const lastSeen = seenMs === null ? null : timeOf(seenMs);
    return [{ ...person, status: isHidden ? 'offline' : status, lastSeen }];
  }

  #receive(signal: Signal): void {
    const message = decodeSignal(signal.payload);
    if (message === undefined) this.#parts.logger.debug({ from: signal.from }, 'a signal that cannot be read');
    else if (message.kind !== 'typing') this.#presence.receive(signal, message);
    else this.#hearTyping(message.typing);
  }

  /** Whoever may not see somebody any more hears at once that they are gone; who may again, how they are. */
  #tellAnew(event: PlacedEvent['event']): void {
    if (event.kind === 'block-changed') for (const one of [event.account, event.other]) this.#watches.changed(one);
    else if (event.kind === 'member-removed') for (const one of event.members) this.#watches.changed(one);
  }

  #hearTyping(typing: readonly TypingSignal[]): void {
    try {
      for (const one of typing) this.#typing.hear(one);
    } catch (error) {
      this.#untold(error);
    }
  }

  /** A node whose state cannot be read shows nobody anything; what it hears of others it keeps. */
  #untold(error: unknown): false {
    if (!(error instanceof ParleyError)) throw error;
    this.#parts.logger.debug({ err: error }, 'signals are not told');
    return false;
  }
}
