import assert from 'node:assert';
import { ParleyError } from '../../protocol/errors.ts';
import { comparePositions, startOfEntry } from '../../chat/queries-cursor.ts';
import type { Position } from '../../chat/queries-cursor.ts';
import type { EventsPage } from '../../chat/queries-events.ts';
import type { PlacedEvent } from '../../protocol/events.ts';
import type { Session } from '../auth.ts';
import type { EventFrame } from './event-frame.ts';

const START = startOfEntry(0);

/** A frame outside the order of the log, in each wire form. */
export interface PassingFrame {
  readonly webSocketBytes: Buffer;
  readonly sentEventBytes: Buffer;
}

/** Where a feed ends: a WebSocket or a stream of server-sent events. */
export interface FeedSink {
  /** Once, before anything is delivered. `recovered`: whether what follows begins where it was asked to. */
  opened(start: { readonly position: Position; readonly recovered: boolean }): void;
  /** In order, each event once. */
  deliver(frame: EventFrame): void;
  /** What may be lost: dropped unless the reader keeps up. */
  pass(frame: PassingFrame): void;
  /** Whether the reader is near enough to be given more of what it missed. */
  hasRoom(): boolean;
  /** Resolves when it has room again, or is gone. */
  drained(): Promise<void>;
  /** Nothing follows. */
  end(error: ParleyError): void;
}

/** What a subscription asks of the hub that it belongs to. */
export interface SubscriptionSource {
  /** Resolves when live events of this account's rooms reach the subscription. */
  readonly loaded: () => Promise<void>;
  readonly readPage: (after: Position) => Promise<EventsPage>;
  readonly frameOf: (placed: PlacedEvent) => EventFrame;
  /** Everything up to here was offered; everything later will be. */
  readonly offered: () => Position;
  readonly waitingMax: number;
}

/**
 * One reader of one account's events. It begins at a place in the past, reads pages of what followed, and meanwhile
 * keeps what is applied; when a page reaches what was kept, the kept follows and from then on events pass straight
 * through. What does not fit is dropped and read again, so neither gap nor duplicate can arise, only delay.
 */
export class Subscription {
  readonly session: Session;
  readonly sink: FeedSink;
  readonly #source: SubscriptionSource;
  readonly #onClosed: () => void;
  #position: Position;
  #live = false;
  #closed = false;
  /** Null while nothing is kept: what is applied then will be read. */
  #kept: EventFrame[] | null = null;
  /** Every event of this reader after this place is kept, or will come. */
  #keptAfter: Position = START;
  #run = 0;
  #opened = false;

  constructor(
    parts: { readonly session: Session; readonly sink: FeedSink; readonly from: Position },
    source: SubscriptionSource,
    onClosed: () => void,
  ) {
    this.session = parts.session;
    this.sink = parts.sink;
    this.#position = parts.from;
    this.#source = source;
    this.#onClosed = onClosed;
  }

  /** Stops where it stands: what is offered from now on will be read instead. */
  detach(): void {
    const offered = this.#source.offered();
    if (this.#live && comparePositions(offered, this.#position) > 0) this.#position = offered;
    this.#live = false;
    this.#kept = null;
    this.#run += 1;
  }

  /** Begins, or begins again from where it stands. */
  catchUp(): void {
    if (this.#closed) return;
    this.detach();
    const run = this.#run;
    this.#read(run).catch((cause: unknown) => {
      if (run !== this.#run || this.#closed) return;
      this.sink.end(cause instanceof ParleyError ? cause : new ParleyError('internal', undefined, { cause }));
    });
  }

  /** An event that was just applied and concerns this account. */
  offer(frame: EventFrame): void {
    if (this.#live) {
      // The pages may have been ahead of what is offered: the hub offers in its own time.
      if (comparePositions(frame.placed, this.#position) > 0) this.sink.deliver(frame);
    } else if (this.#kept !== null) {
      this.#kept.push(frame);
      if (this.#kept.length > this.#source.waitingMax) this.#kept = null;
    }
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#kept = null;
    this.#live = false;
    this.#onClosed();
  }

  async #read(run: number): Promise<void> {
    const isOver = (): boolean => run !== this.#run || this.#closed;
    await this.#source.loaded();
    for (;;) {
      if (isOver()) return;
      if (this.#kept === null) {
        this.#kept = [];
        this.#keptAfter = this.#source.offered();
      }
      const page = await this.#source.readPage(this.#position);
      if (isOver()) return;
      this.#open(page);
      for (const placed of page.recovered ? page.events : []) {
        if (!this.sink.hasRoom()) await this.sink.drained();
        if (isOver()) return;
        this.sink.deliver(this.#source.frameOf(placed));
        this.#position = placed;
      }
      this.#position = page.next;
      if ((!page.recovered || page.done) && this.#goLive()) return;
    }
  }

  /** @throws ParleyError `slow_consumer` when events were lost that this feed had promised */
  #open({ recovered, next }: EventsPage): void {
    if (this.#opened && !recovered) throw new ParleyError('slow_consumer');
    if (this.#opened) return;
    this.#opened = true;
    this.sink.opened({ position: recovered ? this.#position : next, recovered });
  }

  /** @returns false when what was kept had to be dropped */
  #goLive(): boolean {
    if (this.#kept === null) return false;
    // The page was asked for after keeping began, and the state is never behind the events that were offered.
    assert(comparePositions(this.#position, this.#keptAfter) >= 0, 'the pages reach what was kept');
    for (const frame of this.#kept) {
      if (comparePositions(frame.placed, this.#position) > 0) this.sink.deliver(frame);
    }
    this.#kept = null;
    this.#live = true;
    return true;
  }
}
