export type Row = readonly [key: string, value: Uint8Array];
/** A row that was changed after it was written: undefined for one that was deleted. */
export type ChangedRow = readonly [key: string, value: Uint8Array | undefined];

/**
 * Rows from disk with newer changes laid over them, in key order. Both lists are sorted by key in the same direction
 * and hold each key once; where both have a key, the change counts.
 */
export class RowMerge {
  readonly #changes: readonly ChangedRow[];
  readonly #reverse: boolean;
  #at = 0;

  constructor(changes: readonly ChangedRow[], reverse = false) {
    this.#changes = changes;
    this.#reverse = reverse;
  }

  /** The rows that come out before and at this one from disk. */
  take(key: string, value: Uint8Array, out: Row[]): void {
    while (this.#at < this.#changes.length) {
      const [changedKey, changed] = this.#changes[this.#at]!;
      if (changedKey === key) {
        this.#at += 1;
        if (changed !== undefined) out.push([key, changed]);
        return;
      }
      if (this.#reverse ? changedKey < key : changedKey > key) break;
      this.#at += 1;
      if (changed !== undefined) out.push([changedKey, changed]);
    }
    out.push([key, value]);
  }

  /** The rows that come after the last one from disk. */
  rest(out: Row[]): void {
    for (; this.#at < this.#changes.length; this.#at += 1) {
      const [key, changed] = this.#changes[this.#at]!;
      if (changed !== undefined) out.push([key, changed]);
    }
  }
}

export function sortedChanges(
  changes: Iterable<[string, Uint8Array | undefined]>,
  reverse = false,
): readonly ChangedRow[] {
  const sorted = [...changes].sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
  return reverse ? sorted.reverse() : sorted;
}
