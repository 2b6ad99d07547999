import type { ClientStore, StoreTransaction } from '../../client/store.ts';

/**
 * A client's store in memory. What a program sees of it after a crash is what was committed; several clients may be
 * given the same one, as programs that share a home.
 */
export class MemoryStore implements ClientStore {
  #rows: Map<string, Uint8Array>;
  #last: Promise<unknown> = Promise.resolve();
  #crashed = false;

  constructor(rows: ReadonlyMap<string, Uint8Array> = new Map()) {
    this.#rows = new Map(rows);
  }

  transaction<T>(work: (tx: StoreTransaction) => Promise<T>): Promise<T> {
    const mine = this.#last.then(async () => {
      if (this.#crashed) throw new Error('This program is dead.');
      const rows = new Map(this.#rows);
      const result = await work(transactionOn(rows));
      this.#rows = rows;
      return result;
    });
    this.#last = mine.catch(() => {});
    return mine;
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  /** The program that used it is killed: whatever it does from now on fails. @returns what is left on its disk */
  kill(): MemoryStore {
    this.#crashed = true;
    return new MemoryStore(this.#rows);
  }

  /** Another disk with the same on it. */
  copy(): MemoryStore {
    return new MemoryStore(this.#rows);
  }

  /** Row keys that begin so, in order. */
  keys(prefix = ''): string[] {
    return [...this.#rows.keys()].filter((key) => key.startsWith(prefix)).sort();
  }
}

function transactionOn(rows: Map<string, Uint8Array>): StoreTransaction {
  return {
    get: async (key) => rows.get(key),
    list: async (prefix) =>
      [...rows].filter(([key]) => key.startsWith(prefix)).toSorted(([a], [b]) => (a < b ? -1 : 1)),
    put: (key, value) => void rows.set(key, value),
    delete: (key) => void rows.delete(key),
  };
}
