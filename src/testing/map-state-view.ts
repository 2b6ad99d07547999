import type { RangeQuery, StateReader, StateView } from '../chat/ports.ts';

/**
 * All rows in memory, for tests of what stands on `StateView` and `StateReader`. Counts its reads, so that a test
 * can say what something costs.
 */
export class MapStateView implements StateView, StateReader {
  readonly rows = new Map<string, Uint8Array>();
  appliedIndex = 0;
  gets = 0;
  puts = 0;
  rangedRows = 0;

  get(key: string): Uint8Array | undefined {
    this.gets++;
    return this.rows.get(key);
  }

  put(key: string, value: Uint8Array): void {
    this.puts++;
    this.rows.set(key, value);
  }

  delete(key: string): void {
    this.rows.delete(key);
  }

  /** Rows as they are when it is called. */
  range({ gte, lt, limit, reverse = false }: RangeQuery): Promise<readonly (readonly [string, Uint8Array])[]> {
    const found = [...this.rows].filter(([key]) => key >= gte && key < lt).toSorted(([a], [b]) => (a < b ? -1 : 1));
    if (reverse) found.reverse();
    const page = found.slice(0, limit);
    this.rangedRows += page.length;
    return Promise.resolve(page);
  }

  /** A text of all rows, equal exactly when the rows are. */
  dump(): string {
    const keys = [...this.rows.keys()].toSorted();
    return keys.map((key) => `${key} ${Buffer.from(this.rows.get(key)!).toString('hex')}`).join('\n');
  }
}
