/** Whatever happens inside a process goes through its machine, which may be paused, dead or restarted by then. */
export interface EventOwner {
  enter(event: ScheduledEvent, run: () => void): void;
}

/** A callback in virtual time; cancelled ones stay in the queue as empty husks. */
export interface ScheduledEvent {
  readonly atMs: number;
  readonly order: number;
  run: (() => void) | undefined;
  readonly owner: EventOwner | undefined;
  /** Which life of the owner's process it belongs to. */
  readonly epoch: number;
  /** A timer of that process. */
  isTimer: boolean;
}

/** The clock of the simulated world and everything that is going to happen in it. */
export class VirtualTime {
  #nowMs = 0;
  #order = 0;
  /** A binary heap: no event is earlier than its parent at `(i - 1) >> 1`. */
  readonly #heap: ScheduledEvent[] = [];
  /** What is due now, in the order in which it was asked for: `[#soonSpent, #soonEnd)` of an array that is used again. */
  readonly #soon: ScheduledEvent[] = [];
  #soonSpent = 0;
  #soonEnd = 0;

  get nowMs(): number {
    return this.#nowMs;
  }

  at(atMs: number, run: () => void, owner?: EventOwner, epoch = 0): ScheduledEvent {
    this.#order += 1;
    const event: ScheduledEvent = { atMs, order: this.#order, run, owner, epoch, isTimer: false };
    if (atMs > this.#nowMs) this.#push(event);
    else this.again(event);
    return event;
  }

  after(delayMs: number, run: () => void, owner?: EventOwner, epoch?: number): ScheduledEvent {
    return this.at(this.#nowMs + delayMs, run, owner, epoch);
  }

  /** An event that was held back happens now, unless it was cancelled meanwhile. */
  again(event: ScheduledEvent): void {
    this.#soon[this.#soonEnd] = event;
    this.#soonEnd += 1;
  }

  /** Runs the next event; false when there is none up to `untilMs`. */
  step(untilMs: number): boolean {
    const event = this.#next(untilMs);
    if (event === undefined) return false;
    const { run, owner } = event;
    event.run = undefined;
    if (run === undefined) return true;
    if (owner === undefined) run();
    else owner.enter(event, run);
    return true;
  }

  #next(untilMs: number): ScheduledEvent | undefined {
    const first = this.#heap[0];
    // What was planned for this moment comes before what this moment asked for.
    if (first !== undefined && first.atMs <= this.#nowMs) return this.#pop();
    if (this.#soonSpent < this.#soonEnd) return this.#takeSoon();
    if (first === undefined || first.atMs > untilMs) return undefined;
    this.#nowMs = first.atMs;
    return this.#pop();
  }

  #takeSoon(): ScheduledEvent {
    const event = this.#soon[this.#soonSpent]!;
    this.#soonSpent += 1;
    if (this.#soonSpent === this.#soonEnd) {
      this.#soonSpent = 0;
      this.#soonEnd = 0;
    }
    return event;
  }

  #push(event: ScheduledEvent): void {
    const heap = this.#heap;
    let at = heap.length;
    heap.push(event);
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!isEarlier(event, heap[parent]!)) break;
      heap[at] = heap[parent]!;
      at = parent;
    }
    heap[at] = event;
  }

  #pop(): ScheduledEvent {
    const heap = this.#heap;
    const top = heap[0]!;
    const last = heap.pop()!;
    if (heap.length === 0) return top;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && isEarlier(heap[child + 1]!, heap[child]!)) child += 1;
      if (!isEarlier(heap[child]!, last)) break;
      heap[at] = heap[child]!;
      at = child;
    }
    heap[at] = last;
    return top;
  }
}

const isEarlier = (a: ScheduledEvent, b: ScheduledEvent): boolean =>
  a.atMs < b.atMs || (a.atMs === b.atMs && a.order < b.order);
