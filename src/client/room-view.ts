import { ParleyError } from '../protocol/errors.ts';
import { goneLine } from './archive.ts';
import { Timeline } from './timeline.ts';
import type { AccountName, RoomId } from '../protocol/ids.ts';
import type { Archive } from './archive.ts';
import type { Mark } from './receipts.ts';
import type { MessageLine } from './reader.ts';
import type { HistoryRun, RoomHistory } from './room-history.ts';

/** What a conversation begins with, and what is added at a time. */
const FIRST_LINES = 60;
const MORE_LINES = 100;

export interface RoomViewParts {
  readonly history: Pick<RoomHistory, 'newest' | 'before' | 'after' | 'around'>;
  readonly archive: Pick<Archive, 'before' | 'rooms'>;
  /** How far others have got. */
  readonly marks: () => Promise<ReadonlyMap<AccountName, Mark>>;
  /** Something of this view is not as it was. */
  readonly changed: () => void;
}

/**
 * One conversation on the screen: a stretch of its lines without gaps, mostly the newest, which grows as people scroll.
 * What this device has kept is shown at once, and corrected by what a node tells.
 */
export class RoomView {
  readonly room: RoomId;
  readonly #parts: RoomViewParts;
  #timeline = new Timeline();
  #marks: ReadonlyMap<AccountName, Mark> = new Map();
  #loading: 'first' | 'older' | 'newer' | null = null;
  #isAtNewest = true;
  #hasOlder = true;
  #failure: ParleyError | null = null;
  /** Lines came that do not follow, or while something else was fetched: the newest have to be read again. */
  #isBehind = false;
  /** The last seq that came live, whether it has a place here or not. */
  #heard = 0;
  #isClosed = false;

  constructor(room: RoomId, parts: RoomViewParts) {
    this.room = room;
    this.#parts = parts;
  }

  get timeline(): Timeline {
    return this.#timeline;
  }

  get marks(): ReadonlyMap<AccountName, Mark> {
    return this.#marks;
  }

  /** What is being fetched. */
  get loading(): 'first' | 'older' | 'newer' | null {
    return this.#loading;
  }

  /** False while people look at a stretch of the past. */
  get isAtNewest(): boolean {
    return this.#isAtNewest;
  }

  get hasOlder(): boolean {
    return this.#hasOlder;
  }

  /** Why what is shown may lack something; null where it does not. */
  get failure(): ParleyError | null {
    return this.#failure;
  }

  /** The newest messages. */
  async open(): Promise<void> {
    const kept = await this.#parts.archive.before(this.room, await this.#keptUntil(), FIRST_LINES);
    if (this.#timeline.last === 0) this.#timeline.put(kept);
    this.#parts.changed();
    await this.toNewest();
    await this.#readMarks();
  }

  /** While older or newer ones are fetched, it waits for them. */
  async toNewest(): Promise<void> {
    if (this.#loading === 'older' || this.#loading === 'newer') this.#isBehind = true;
    await this.#load('first', async () => {
      do {
        this.#isBehind = false;
        const run = await this.#parts.history.newest(this.room, FIRST_LINES);
        if (run.offline === null && (!this.#isAtNewest || !this.#timeline.put(run.lines))) {
          // What came live meanwhile may be newer than what the node knew: it is asked once more.
          this.#isBehind ||= this.#isAtNewest && this.#timeline.last > (run.lines.at(-1)?.seq ?? 0);
          this.#replace(run.lines);
        }
        this.#isAtNewest ||= run.offline === null;
        this.#noteEnd(run, FIRST_LINES);
      } while (this.#isBehind && this.#failure === null && !this.#isClosed);
    });
  }

  /** What stands before what is here. */
  async older(): Promise<void> {
    if (this.#timeline.first <= 1 || !this.#hasOlder) return;
    await this.#load('older', async () => {
      const run = await this.#parts.history.before(this.room, this.#timeline.first, MORE_LINES);
      this.#timeline.put(run.lines);
      this.#noteEnd(run, MORE_LINES);
    });
  }

  /** What follows what is here, while that is not the newest. */
  async newer(): Promise<void> {
    if (this.#isAtNewest) return;
    await this.#load('newer', async () => {
      const run = await this.#parts.history.after(this.room, this.#timeline.last, MORE_LINES);
      this.#timeline.put(run.lines);
      this.#noteNewest(run);
    });
  }

  /** Shows the place of one message. @returns whether it is there */
  async jumpTo(seq: number): Promise<boolean> {
    if (seq >= this.#timeline.first && seq <= this.#timeline.last) return true;
    await this.#load('first', async () => {
      const run = await this.#parts.history.around(this.room, seq, MORE_LINES);
      if (run.lines.length === 0) return;
      this.#replace(run.lines);
      this.#noteNewest(run);
      this.#hasOlder = this.#timeline.first > 1;
    });
    return this.#timeline.line(seq) !== undefined;
  }

  /** Live, without gap to those before. */
  arrived(lines: readonly MessageLine[]): void {
    this.#heard = Math.max(this.#heard, lines.at(-1)?.seq ?? 0);
    if (this.#isAtNewest && this.#timeline.put(lines)) this.#parts.changed();
    else if (this.#loading === 'first') this.#isBehind = true;
    else if (this.#isAtNewest) void this.toNewest();
  }

  wentAway(seqs: readonly number[], reason: NonNullable<MessageLine['gone']>): void {
    for (const seq of seqs) {
      const line = this.#timeline.line(seq);
      if (line !== undefined) this.#timeline.put([goneLine(line, reason)]);
    }
    this.#parts.changed();
  }

  marked(account: AccountName, mark: Mark): void {
    this.#marks = new Map(this.#marks).set(account, mark);
    this.#parts.changed();
  }

  close(): void {
    this.#isClosed = true;
  }

  #replace(lines: readonly MessageLine[]): void {
    this.#timeline = new Timeline();
    this.#timeline.put(lines);
    this.#hasOlder = true;
  }

  /** What came live while this was fetched has no place here yet: then these are not the newest. */
  #noteNewest(run: HistoryRun): void {
    const isLast = run.offline === null && run.lines.length < MORE_LINES;
    this.#isAtNewest = isLast && this.#timeline.last >= this.#heard;
  }

  #noteEnd(run: HistoryRun, wanted: number): void {
    this.#failure = run.offline;
    if (run.lines.length < wanted && run.offline === null) this.#hasOlder = false;
    if (this.#timeline.first === 1) this.#hasOlder = false;
  }

  /** One at a time; a second is not begun. Failures are shown beside the conversation. */
  async #load(what: 'first' | 'older' | 'newer', work: () => Promise<void>): Promise<void> {
    if (this.#loading !== null) return;
    this.#loading = what;
    this.#parts.changed();
    try {
      await work();
    } catch (error) {
      if (!(error instanceof ParleyError)) throw error;
      // A direct room comes into being with its first message.
      this.#failure = error.code === 'no_such_room' ? null : error;
      this.#hasOlder = false;
    } finally {
      this.#loading = null;
      this.#parts.changed();
    }
    if (this.#isBehind && what !== 'first' && !this.#isClosed) await this.toNewest();
    this.#isBehind = false;
  }

  async #keptUntil(): Promise<number> {
    const rooms = await this.#parts.archive.rooms();
    return (rooms.find(({ room }) => room === this.room)?.lastSeq ?? 0) + 1;
  }

  async #readMarks(): Promise<void> {
    try {
      const marks = await this.#parts.marks();
      this.#marks = new Map([...marks, ...this.#marks]);
      this.#parts.changed();
    } catch (error) {
      if (!(error instanceof ParleyError)) throw error;
    }
  }
}
