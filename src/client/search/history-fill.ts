import { ParleyError } from '../../protocol/errors.ts';
import { KEY, pack, unpack } from '../rows.ts';
import type { RoomId } from '../../protocol/ids.ts';
import type { Archive } from '../archive.ts';
import type { AskOptions, HistoryRun, RoomHistory } from '../room-history.ts';
import type { ClientStore } from '../store.ts';

/** Asked for at a time. */
const PAGE = 100;
/** So much of one room is kept to be searched; what is older is left to the nodes. */
export const FILLED_LINES_MAX = 200_000;

/** The stretch of a room that was read without gaps: from the first seq to the last. */
interface Filled {
  readonly from: number;
  readonly to: number;
  /** Whether nothing stands before it, or nothing more is to be kept. */
  readonly isWhole: boolean;
}

/** Reads the rooms of this device into its archive, the newest first, until all that it may read is there. */
export class HistoryFill {
  readonly #store: ClientStore;
  readonly #archive: Archive;
  readonly #history: RoomHistory;
  /** Up to where rooms are there as a whole, as far as this program has seen. */
  readonly #whole = new Map<RoomId, number>();

  constructor(store: ClientStore, parts: { readonly archive: Archive; readonly history: RoomHistory }) {
    this.#store = store;
    this.#archive = parts.archive;
    this.#history = parts.history;
  }

  /** Whether all of a room is there up to this seq. */
  async isFilled(room: RoomId, lastSeq: number): Promise<boolean> {
    if ((this.#whole.get(room) ?? 0) >= lastSeq) return true;
    const filled = await this.#filled(room);
    if (filled?.isWhole === true) this.#whole.set(room, filled.to);
    return filled !== null && filled.isWhole && filled.to >= lastSeq;
  }

  /**
   * Asks a node once.
   * @returns whether there is more to ask for
   * @throws ParleyError when no node answers, or this account is not in the room any more
   */
  async step(room: RoomId, lastSeq: number): Promise<boolean> {
    if (await this.isFilled(room, lastSeq)) return false;
    const filled = await this.#filled(room);
    const next = await this.#next(room, lastSeq, filled);
    await this.#store.transaction(async (tx) => {
      // Another program that shares the store may have got further.
      const known = await tx.get(KEY.filled(room));
      if (known === undefined || covers(next, unpack<Filled>(known))) tx.put(KEY.filled(room), pack(next));
    });
    return !(await this.isFilled(room, lastSeq));
  }

  async #filled(room: RoomId): Promise<Filled | null> {
    const bytes = await this.#store.transaction((tx) => tx.get(KEY.filled(room)));
    return bytes === undefined ? null : unpack<Filled>(bytes);
  }

  async #next(room: RoomId, lastSeq: number, filled: Filled | null): Promise<Filled> {
    if (filled === null) {
      const [first, last] = await this.#ends((how) => this.#history.newest(room, PAGE, how));
      return first === null ? { from: 1, to: lastSeq, isWhole: true } : { from: first, to: last, isWhole: first === 1 };
    }
    if (filled.to < lastSeq) {
      if (await this.#isKept(room, filled.to, lastSeq)) return { ...filled, to: lastSeq };
      const [first, last] = await this.#ends((how) => this.#history.after(room, filled.to, PAGE, how));
      if (first === null) return { ...filled, to: lastSeq };
      // Whoever left and came back reads nothing of what was before.
      return first === filled.to + 1 ? { ...filled, to: last } : { from: first, to: last, isWhole: true };
    }
    if (filled.to - filled.from + 1 >= FILLED_LINES_MAX) return { ...filled, isWhole: true };
    const [first] = await this.#ends((how) => this.#history.before(room, filled.from, PAGE, how));
    return first === null ? { ...filled, isWhole: true } : { ...filled, from: first, isWhole: first === 1 };
  }

  /** Whether what follows came live, so that nobody has to be asked. */
  async #isKept(room: RoomId, after: number, until: number): Promise<boolean> {
    const missing = until - after;
    return missing <= PAGE && (await this.#archive.before(room, until + 1, missing)).length === missing;
  }

  /**
   * Of what a node answered: the first seq and the last. That there is nothing counts only as the whole cluster's word:
   * a node may be behind the one that told how far the room goes.
   *
   * @throws ParleyError when it was only what this device has
   */
  async #ends(
    ask: (how: AskOptions) => Promise<HistoryRun>,
  ): Promise<readonly [number, number] | readonly [null, null]> {
    for (const mustBeNewest of [false, true]) {
      const { lines, offline } = await ask({ mustBeNewest });
      if (offline !== null) throw offline;
      const [first, last] = [lines[0], lines.at(-1)];
      if (first !== undefined && last !== undefined) return [first.seq, last.seq];
    }
    return [null, null];
  }
}

function covers(a: Filled, b: Filled): boolean {
  return a.to >= b.to && (a.from <= b.from || a.from > b.to);
}

/** Whether the next attempt, or another room, may do better. */
export function isPassing(error: unknown): error is ParleyError {
  return error instanceof ParleyError && error.retryable;
}
