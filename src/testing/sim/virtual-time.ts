/** A callback in virtual time; cancelled ones stay in the queue as empty husks. */
export interface ScheduledEvent {
  readonly atMs: number;
  readonly order: number;
  run: (() => void) | undefined;
}

/** The clock of the simulated world and everything that is going to happen in it. */
export class VirtualTime {
  #nowMs = 0;
  #order = 0;
  /** A binary heap: no event is earlier than its parent at `(i - 1) >> 1`. */
  readonly #heap: ScheduledEvent[] = [];

  get nowMs(): number {
    return this.#nowMs;
  }

  at(atMs: number, run: () => void): ScheduledEvent {
    this.#order += 1;
    const event: ScheduledEvent = { atMs: Math.max(atMs, this.#nowMs), order: this.#order, run };
    this.#push(event);
    return event;
  }

  after(delayMs: number, run: () => void): ScheduledEvent {
    return this.at(this.#nowMs + delayMs, run);
  }

  /** Runs the next event; false when there is none up to `untilMs`. */
  step(untilMs: number): boolean {
    const first = this.#heap[0];
    if (first === undefined || first.atMs > untilMs) return false;
    this.#pop();
    this.#nowMs = first.atMs;
    const { run } = first;
    first.run = undefined;
    run?.();
    return true;
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

  #pop(): void {
    const heap = this.#heap;
    const last = heap.pop()!;
    if (heap.length === 0) return;
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
  }
}

const isEarlier = (a: ScheduledEvent, b: ScheduledEvent): boolean =>
  a.atMs < b.atMs || (a.atMs === b.atMs && a.order < b.order);
