import type { AccountId, RoomId } from '../../protocol/ids.ts';
import type { Subscription } from './subscription.ts';

/** Reads them page by page. */
export type ReadRooms = (account: AccountId) => AsyncIterable<RoomId>;

type InTurn = (work: () => Promise<void>) => Promise<void>;

/** Who listens on this node to the rooms of one account. */
export class AccountFeed {
  readonly account: AccountId;
  readonly subscriptions = new Set<Subscription>();
  readonly rooms = new Set<RoomId>();
  /** Changes that were applied while the rooms were being read; they are newer than any page. */
  #changed: Map<RoomId, boolean> | null = null;
  #loading: Promise<void> | null = null;
  #generation = 0;

  constructor(account: AccountId) {
    this.account = account;
  }

  /**
   * Resolves when `rooms` is complete; from then on `join` and `leave` keep it so.
   * @param inTurn waits until there is a place for one who reads
   */
  load(inTurn: InTurn, readRooms: ReadRooms, onRoom: (room: RoomId) => void): Promise<void> {
    const generation = this.#generation;
    this.#loading ??= inTurn(() => this.#read(generation, readRooms, onRoom)).catch((error: unknown) => {
      this.#loading = null;
      throw error;
    });
    return this.#loading;
  }

  /** Forgets what was read: the state was replaced without events. The next `load` reads it again. */
  reset(): void {
    this.#generation += 1;
    this.#loading = null;
    this.#changed = null;
    this.rooms.clear();
  }

  /** A change of membership that was just applied. */
  change(room: RoomId, present: boolean): void {
    this.#changed?.set(room, present);
    if (present) this.rooms.add(room);
    else this.rooms.delete(room);
  }

  async #read(generation: number, readRooms: ReadRooms, onRoom: (room: RoomId) => void): Promise<void> {
    // What was asked for may have been forgotten while it waited for its turn.
    if (generation !== this.#generation) return;
    const changed = new Map<RoomId, boolean>();
    this.#changed = changed;
    for await (const room of readRooms(this.account)) {
      if (generation !== this.#generation) return;
      if (changed.has(room)) continue;
      this.rooms.add(room);
      onRoom(room);
    }
    if (generation !== this.#generation) return;
    this.#changed = null;
  }
}
