import { ParleyError } from '../../protocol/errors.ts';
import { committed, done, ROWS } from './database.ts';
import { openValue, sealValue } from './sealed-value.ts';
import type { ClientStore, StoreTransaction } from '../../client/store.ts';
import type { Database } from './database.ts';

/**
 * A client's store in IndexedDB. Transactions take turns among all pages of this origin (Web Locks), so that a
 * transaction may wait for the cipher between its reads, which would end one of IndexedDB's own. All changes go in one
 * such transaction, with `durability: 'strict'`: the browser says that it is complete once it is on the disk.
 */
export class IndexedStore implements ClientStore {
  readonly #database: Database;
  readonly #lock: string;

  constructor(database: Database) {
    this.#database = database;
    this.#lock = `store:${database.db.name}`;
  }

  async transaction<T>(work: (tx: StoreTransaction) => Promise<T>): Promise<T> {
    // Awaited for its type: what the lock resolves with is what the work does.
    return await navigator.locks.request(this.#lock, async () => {
      const changes = new Changes(this.#database);
      const result = await work(changes);
      await changes.commit();
      return result;
    });
  }

  async close(): Promise<void> {
    await navigator.locks.request(this.#lock, () => this.#database.db.close());
  }
}

/** Reads see the store; changes wait for the end. */
class Changes implements StoreTransaction {
  readonly #database: Database;
  readonly #changes = new Map<string, Uint8Array | null>();

  constructor(database: Database) {
    this.#database = database;
  }

  async get(key: string): Promise<Uint8Array | undefined> {
    const changed = this.#changes.get(key);
    if (changed !== undefined) return changed ?? undefined;
    return sound(async () => {
      const row = await done(this.#rows().get(key) as IDBRequest<Uint8Array<ArrayBuffer> | undefined>);
      return row === undefined ? undefined : openValue(this.#database.key, key, row);
    });
  }

  async list(prefix: string): Promise<readonly (readonly [string, Uint8Array])[]> {
    const rows = new Map(await sound(() => this.#stored(prefix)));
    for (const [key, value] of this.#changes) {
      if (!key.startsWith(prefix)) continue;
      if (value === null) rows.delete(key);
      else rows.set(key, value);
    }
    return [...rows].toSorted(([a], [b]) => (a < b ? -1 : 1));
  }

  async #stored(prefix: string): Promise<[string, Uint8Array][]> {
    const range = IDBKeyRange.bound(prefix, `${prefix}\uFFFF`, false, true);
    const rows = this.#rows();
    const [keys, values] = await Promise.all([
      done(rows.getAllKeys(range) as IDBRequest<string[]>),
      done(rows.getAll(range) as IDBRequest<Uint8Array<ArrayBuffer>[]>),
    ]);
    return Promise.all(
      keys.map(async (key, i): Promise<[string, Uint8Array]> => [
        key,
        await openValue(this.#database.key, key, values[i]!),
      ]),
    );
  }

  put(key: string, value: Uint8Array): void {
    this.#changes.set(key, value);
  }

  delete(key: string): void {
    this.#changes.set(key, null);
  }

  async commit(): Promise<void> {
    if (this.#changes.size === 0) return;
    const { db, key: sealing } = this.#database;
    await sound(async () => {
      const sealed = await Promise.all(
        Array.from(this.#changes, async ([key, value]) => {
          return [key, value === null ? null : await sealValue(sealing, key, value)] as const;
        }),
      );
      const tx = db.transaction(ROWS, 'readwrite', { durability: 'strict' });
      const rows = tx.objectStore(ROWS);
      for (const [key, value] of sealed) {
        if (value === null) rows.delete(key);
        else rows.put(value, key);
      }
      await committed(tx);
    });
  }

  #rows(): IDBObjectStore {
    return this.#database.db.transaction(ROWS, 'readonly').objectStore(ROWS);
  }
}

/** @throws ParleyError `home_damaged` instead of the browser's own errors */
async function sound<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    throw new ParleyError('home_damaged', 'What this browser keeps for Parley cannot be used.', { cause });
  }
}
