import { ParleyError } from '../../protocol/errors.ts';
import type { AccountId, RoomId } from '../../protocol/ids.ts';

/** A reader that wants to hear when somebody comes or goes. */
export interface Watcher {
  readonly account: AccountId;
  /** @returns false when its queue has no room: then it is told again later */
  tell(accounts: readonly AccountId[]): boolean;
}

/** A change is told to so many watchers in one turn of the event loop. */
const TURN_WATCHERS_MAX = 500;

/** Who on this node watches whom: a change concerns only those who said that they want to hear of it. */
export class PresenceWatches {
  readonly #watchesMax: number;
  readonly #watched = new Map<Watcher, ReadonlyMap<AccountId, RoomId>>();
  readonly #watchers = new Map<AccountId, Set<Watcher>>();
  /** Those whose queue was full. */
  readonly #behind = new Set<Watcher>();
  #size = 0;

  constructor(watchesMax: number) {
    this.#watchesMax = watchesMax;
  }

  get size(): number {
    return this.#size;
  }

  /** Instead of whom it watched before. @throws ParleyError `overloaded` */
  set(watcher: Watcher, people: ReadonlyMap<AccountId, RoomId>): void {
    const before = this.#watched.get(watcher)?.size ?? 0;
    if (this.#size - before + people.size > this.#watchesMax) throw new ParleyError('overloaded');
    this.remove(watcher);
    if (people.size === 0) return;
    this.#watched.set(watcher, people);
    this.#size += people.size;
    for (const account of people.keys()) {
      const watchers = this.#watchers.get(account);
      if (watchers === undefined) this.#watchers.set(account, new Set([watcher]));
      else watchers.add(watcher);
    }
  }

  remove(watcher: Watcher): void {
    const people = this.#watched.get(watcher);
    if (people === undefined) return;
    this.#watched.delete(watcher);
    this.#behind.delete(watcher);
    this.#size -= people.size;
    for (const account of people.keys()) {
      const watchers = this.#watchers.get(account);
      watchers?.delete(watcher);
      if (watchers?.size === 0) this.#watchers.delete(account);
    }
  }

  /** The room by which somebody may be watched; undefined for who is not. */
  roomOf(watcher: Watcher, account: AccountId): RoomId | undefined {
    return this.#watched.get(watcher)?.get(account);
  }

  changed(account: AccountId): void {
    const watchers = this.#watchers.get(account);
    if (watchers !== undefined) this.#tell(account, [...watchers]);
  }

  /** Those who had no room when something changed hear how it is now. */
  tick(): void {
    for (const watcher of [...this.#behind]) {
      if (watcher.tell([...(this.#watched.get(watcher)?.keys() ?? [])])) this.#behind.delete(watcher);
    }
  }

  #tell(account: AccountId, watchers: readonly Watcher[]): void {
    for (const watcher of watchers.slice(0, TURN_WATCHERS_MAX)) {
      if (this.#watched.has(watcher) && !watcher.tell([account])) this.#behind.add(watcher);
    }
    if (watchers.length > TURN_WATCHERS_MAX) {
      setImmediate(() => this.#tell(account, watchers.slice(TURN_WATCHERS_MAX)));
    }
  }
}
