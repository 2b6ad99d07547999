import { accountName } from '../../chat/queries-accounts.ts';
import { eventsSince } from '../../chat/queries-events.ts';
import { allMemberships } from '../../chat/queries-rooms.ts';
import { ParleyError } from '../../protocol/errors.ts';
import { Turns } from './turns.ts';
import type { Position } from '../../chat/queries-cursor.ts';
import type { EventsPage } from '../../chat/queries-events.ts';
import type { ChatNode } from '../../node/ports.ts';
import type { AccountId, AccountName, RoomId } from '../../protocol/ids.ts';

/** Readers that may read their rooms, and what they missed, at the same time; the others wait their turn. */
const READERS_MAX = 16;
/** Names are remembered; they never change. */
const NAMES_MAX = 50_000;

/** What event feeds ask the state. */
export class FeedQueries {
  readonly #node: Pick<ChatNode, 'reader'>;
  readonly #names = new Map<AccountId, AccountName>();
  readonly #turns = new Turns(READERS_MAX);

  /** Readers that wait for their turn. */
  get waitingCount(): number {
    return this.#turns.waitingCount;
  }

  constructor(node: Pick<ChatNode, 'reader'>) {
    this.#node = node;
  }

  readonly nameOf = (account: AccountId): AccountName => {
    const known = this.#names.get(account);
    if (known !== undefined) return known;
    const name = accountName(this.#node.reader, account);
    if (name === undefined) throw new ParleyError('internal', 'An event names an account that does not exist.');
    if (this.#names.size >= NAMES_MAX) this.#names.clear();
    this.#names.set(account, name);
    return name;
  };

  readonly roomsOf = async function* (this: FeedQueries, account: AccountId): AsyncGenerator<RoomId> {
    for await (const { room } of allMemberships(this.#node.reader, account)) yield room;
  }.bind(this);

  pageAfter(account: AccountId, after: Position, limit: number): Promise<EventsPage> {
    return this.#turns.take(() => eventsSince(this.#node.reader, { account, after, limit }));
  }

  /**
   * Does `load` in its turn: when thousands come back at once, what each of them reads does not stand in the way of the
   * log, whose writes wait for the same threads.
   */
  inTurn<T>(load: () => Promise<T>): Promise<T> {
    return this.#turns.take(load);
  }
}
