import type { RangeQuery, StateReader, StateView } from '../chat/ports.ts';

/** Rows in memory. Ranges are read when they are asked for and answered a turn later, as from a disk. */
export class MemoryState implements StateView, StateReader {
  appliedIndex = 0;
  readonly #rows = new Map<string, Uint8Array>();
  #sortedKeys: string[] | null = [];

  /** As it is now, whatever becomes of this one. */
  copy(): MemoryState {
    const copy = new MemoryState();
    copy.appliedIndex = this.appliedIndex;
    for (const [key, value] of this.#rows) copy.put(key, value);
    return copy;
  }

  /** All rows, in order of key, as text to compare. */
  dump(): readonly string[] {
    return Array.from(this.#rows, ([key, value]) => `${key}=${Buffer.from(value).toString('hex')}`).toSorted();
  }

  get(key: string): Uint8Array | undefined {
    return this.#rows.get(key);
  }

  put(key: string, value: Uint8Array): void {
    if (!this.#rows.has(key)) this.#sortedKeys = null;
    this.#rows.set(key, value);
  }

  delete(key: string): void {
    if (this.#rows.delete(key)) this.#sortedKeys = null;
  }

  range(query: RangeQuery): Promise<readonly (readonly [key: string, value: Uint8Array])[]> {
    const keys = (this.#sortedKeys ??= [...this.#rows.keys()].sort());
    const from = lowerBound(keys, query.gte);
    const to = lowerBound(keys, query.lt);
    const selected =
      query.reverse === true
        ? keys.slice(Math.max(from, to - query.limit), to).reverse()
        : keys.slice(from, Math.min(to, from + query.limit));
    const rows = selected.map((key) => [key, this.#rows.get(key)!] as const);
    return new Promise((resolve) => setImmediate(() => resolve(rows)));
  }
}

function lowerBound(keys: readonly string[], key: string): number {
  let low = 0;
  let high = keys.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (keys[middle]! < key) low = middle + 1;
    else high = middle;
  }
  return low;
}
