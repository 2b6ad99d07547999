import { ParleyError } from '../../protocol/errors.ts';
import { Archive } from '../archive.ts';
import { RoomHistory } from '../room-history.ts';
import { findInRoom } from './find-in-room.ts';
import { HistoryFill, isPassing } from './history-fill.ts';
import { WordIndex } from './word-index.ts';
import { queryWords } from './words.ts';
import type { RoomId } from '../../protocol/ids.ts';
import type { ClientContext } from '../context.ts';
import type { Reader } from '../reader.ts';
import type { SearchHit } from './find-in-room.ts';

export const QUERY_WORDS_MAX = 16;
/** Between two questions of the background, so that nodes and screens have their peace. */
const GENTLE_MS = 120;

/** A room, and the last seq in it that is known. */
export interface SearchedRoom {
  readonly room: RoomId;
  readonly lastSeq: number;
}

export interface SearchOptions {
  /** Only in this room. */
  readonly room?: RoomId | undefined;
  /** Asks nodes whether what was found still stands: this device may have been away when it was deleted. */
  readonly check?: boolean;
  readonly signal?: AbortSignal | undefined;
}

export interface CatchUpOptions {
  /** Stops in between; what was done is kept. */
  readonly signal: AbortSignal;
  /** Between steps, milliseconds; without it: those of the background. */
  readonly pauseMs?: number;
  /** Told after each step how many rooms are wholly searchable. */
  readonly onStep?: ((done: number, total: number) => void) | undefined;
}

/**
 * Finds messages by their words, on this device alone: nodes cannot read them. What is searched is the archive, into
 * which `catchUp` reads all that this device may read; its words are indexed step by step.
 */
export class MessageSearch {
  readonly #context: ClientContext;
  readonly #archive: Archive;
  readonly #history: RoomHistory;
  readonly #fill: HistoryFill;
  readonly #index: WordIndex;
  #isOpen = false;

  constructor(context: ClientContext, reader: Reader) {
    const { store } = context.platform;
    this.#context = context;
    this.#archive = new Archive(store);
    this.#history = new RoomHistory(context, { reader, archive: this.#archive });
    this.#fill = new HistoryFill(store, { archive: this.#archive, history: this.#history });
    this.#index = new WordIndex(store);
  }

  /** Whether there is a word in it that can be looked for. */
  isSearchable(query: string): boolean {
    return queryWords(query, QUERY_WORDS_MAX).length > 0;
  }

  /**
   * Messages in which every word of the query stands, or one that begins so; newest first. Nothing is asked of nodes
   * but whether what was found still stands. It ends with the last hit: take as many as are wanted.
   */
  async *find(query: string, { room, check = false, signal }: SearchOptions = {}): AsyncGenerator<SearchHit> {
    const words = queryWords(query, QUERY_WORDS_MAX);
    if (words.length === 0) return;
    const { store } = this.#context.platform;
    const rooms = (await this.#archive.rooms()).filter((one) => room === undefined || one.room === room);
    const still = check ? new Standing(this.#history) : null;
    for await (const hit of newestFirst(rooms.map((one) => findInRoom(store, one, words)))) {
      if (signal?.aborted === true) return;
      if (still === null || (await still.stands(hit))) yield hit;
    }
  }

  /**
   * Reads what is missing of these rooms, the first ones first, and indexes it, until all of it can be found.
   * @returns how many rooms are wholly searchable
   * @throws ParleyError when no node answers; what was read is indexed all the same
   */
  async catchUp(rooms: readonly SearchedRoom[], options: CatchUpOptions): Promise<number> {
    let failure: ParleyError | null = null;
    let left: readonly SearchedRoom[] = rooms;
    await this.indexAll(options);
    while (left.length > 0 && failure === null && !options.signal.aborted) {
      const further: SearchedRoom[] = [];
      for (const one of left) {
        if (failure !== null || options.signal.aborted) break;
        try {
          if (await this.#fill.step(one.room, one.lastSeq)) further.push(one);
        } catch (error) {
          if (isPassing(error)) failure = error;
          // Whoever was removed from a room has nothing to read in it.
          else if (!(error instanceof ParleyError)) throw error;
        }
        await this.#pause(options);
      }
      await this.indexAll(options);
      if (failure === null) left = further;
      options.onStep?.(rooms.length - left.length, rooms.length);
    }
    if (failure !== null) throw failure;
    return rooms.length - left.length;
  }

  /** Indexes what has changed. */
  async indexAll(options: CatchUpOptions): Promise<void> {
    if (!this.#isOpen) await this.#index.open();
    this.#isOpen = true;
    while (!options.signal.aborted && (await this.#index.step())) await this.#pause(options);
  }

  async #pause({ pauseMs = GENTLE_MS, signal }: CatchUpOptions): Promise<void> {
    if (pauseMs > 0) await this.#context.platform.pause(pauseMs, signal);
  }
}

/** Whether what this device remembers still stands in its room. Where no node answers, it is believed to. */
class Standing {
  readonly #history: RoomHistory;
  #isAsking = true;

  constructor(history: RoomHistory) {
    this.#history = history;
  }

  async stands({ line }: SearchHit): Promise<boolean> {
    if (!this.#isAsking) return true;
    try {
      const { lines, offline } = await this.#history.after(line.room, line.seq - 1, 1);
      this.#isAsking = offline === null;
      return offline !== null || (lines[0]?.seq === line.seq && lines[0].gone === undefined);
    } catch (error) {
      if (!(error instanceof ParleyError)) throw error;
      return error.code !== 'no_such_room';
    }
  }
}

/** Merges what is found in each room by when it was sent. */
async function* newestFirst(rooms: readonly AsyncGenerator<SearchHit>[]): AsyncGenerator<SearchHit> {
  const heads: { readonly hit: SearchHit; readonly from: AsyncGenerator<SearchHit> }[] = [];
  const advance = async (from: AsyncGenerator<SearchHit>): Promise<void> => {
    const { value, done } = await from.next();
    if (done !== true) heads.push({ hit: value, from });
  };
  for (const room of rooms) await advance(room);
  while (heads.length > 0) {
    let newest = 0;
    for (const [i, { hit }] of heads.entries()) if (hit.line.sentAt > heads[newest]!.hit.line.sentAt) newest = i;
    const [{ hit, from }] = heads.splice(newest, 1) as [(typeof heads)[number]];
    yield hit;
    await advance(from);
  }
}
