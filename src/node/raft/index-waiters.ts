import { strict as assert } from 'node:assert';
import type { LogIndex } from '../../consensus/types.ts';

interface IndexWaiter {
  readonly index: LogIndex;
  readonly deadlineMs: number;
  readonly done: (reached: boolean) => void;
}

/** Who waits for which applied index; kept in the order of the indexes. */
export class IndexWaiters {
  readonly #countMax: number;
  #waiters: IndexWaiter[] = [];

  constructor(countMax: number) {
    assert(countMax > 0);
    this.#countMax = countMax;
  }

  get full(): boolean {
    return this.#waiters.length >= this.#countMax;
  }

  /** `done(true)` once `index` is applied, `done(false)` when the deadline passes first. */
  add(waiter: IndexWaiter): void {
    assert(!this.full, 'too many waiters');
    // Most waiters want an index at or after all others.
    let at = this.#waiters.length;
    while (at > 0 && this.#waiters[at - 1]!.index > waiter.index) at -= 1;
    this.#waiters.splice(at, 0, waiter);
  }

  applied(index: LogIndex): void {
    const first = this.#waiters.findIndex((waiter) => waiter.index > index);
    const count = first === -1 ? this.#waiters.length : first;
    for (const waiter of this.#waiters.splice(0, count)) waiter.done(true);
  }

  expire(nowMs: number): void {
    this.#fail((waiter) => waiter.deadlineMs <= nowMs);
  }

  failAll(): void {
    this.#fail(() => true);
  }

  #fail(which: (waiter: IndexWaiter) => boolean): void {
    if (!this.#waiters.some(which)) return;
    const failed = this.#waiters.filter(which);
    this.#waiters = this.#waiters.filter((waiter) => !which(waiter));
    for (const waiter of failed) waiter.done(false);
  }
}
