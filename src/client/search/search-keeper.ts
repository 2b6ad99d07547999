import { ParleyError } from '../../protocol/errors.ts';
import type { InboxRoom } from '../inbox.ts';
import type { Platform } from '../platform.ts';
import type { MessageSearch } from './message-search.ts';

/** What comes within this time is indexed together. */
const GATHER_MS = 2_000;

/** How many of how many rooms can be searched as a whole. */
export interface Searchable {
  readonly done: number;
  readonly total: number;
}

export interface KeeperParts {
  readonly platform: Platform;
  readonly signal: AbortSignal;
  readonly rooms: () => readonly InboxRoom[];
  /** `progress` is another. */
  readonly changed: () => void;
}

/** Keeps what is searched complete while a program is open, in the background, one pass at a time. */
export class SearchKeeper {
  readonly #search: MessageSearch;
  readonly #parts: KeeperParts;
  #progress: Searchable = { done: 0, total: 0 };
  #isRunning = false;
  #isWanted = false;

  constructor(search: MessageSearch, parts: KeeperParts) {
    this.#search = search;
    this.#parts = parts;
  }

  get progress(): Searchable {
    return this.#progress;
  }

  /** Something came, went, or can be asked for again. */
  kick(): void {
    this.#isWanted = true;
    if (!this.#isRunning) void this.#run();
  }

  async #run(): Promise<void> {
    const { platform, signal } = this.#parts;
    this.#isRunning = true;
    try {
      while (this.#isWanted && !signal.aborted) {
        await platform.pause(GATHER_MS, signal);
        this.#isWanted = false;
        if (!signal.aborted) await this.#pass();
      }
    } catch (error) {
      // Nobody answers, or the store fails: the next occasion does better.
      if (!(error instanceof ParleyError)) throw error;
    } finally {
      this.#isRunning = false;
    }
  }

  async #pass(): Promise<void> {
    const rooms = this.#parts.rooms().toSorted((a, b) => ((a.last?.sentAt ?? '') > (b.last?.sentAt ?? '') ? -1 : 1));
    const onStep = (done: number, total: number): void => {
      this.#progress = { done, total };
      this.#parts.changed();
    };
    const done = await this.#search.catchUp(rooms, { signal: this.#parts.signal, onStep });
    this.#progress = { done, total: rooms.length };
  }
}
