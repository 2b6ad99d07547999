import type { StateSnapshotHeader } from '../ports.ts';
import { beginBatch, putAll, syncWriteAheadFiles, type Database } from './level-database.ts';
import { MultisetHash } from './multiset-hash.ts';
import { RowDigest } from './row-digest.ts';
import type { Row } from './row-merge.ts';
import { StateDatabase, openStateDatabase } from './state-database.ts';
import {
  APPLIED_KEY,
  DURABLE_KEY,
  INSTALLED_KEY,
  encodeApplied,
  encodeIndex,
  encodeInstalled,
  encodeRow,
  rowKeyOf,
  storedRowBytes,
  type AppliedRow,
} from './state-rows.ts';

/** Fills a new database: in pieces, and then in one synced batch everything that makes it a state. */
export class StateBuilder {
  readonly #database: Database;
  readonly #where: string;
  readonly #rowDigest = new RowDigest();
  readonly #hash = new MultisetHash();

  private constructor(database: Database, where: string) {
    this.#database = database;
    this.#where = where;
  }

  /** @param where the folder's name, for messages */
  static async create(location: string, where: string, writeBufferBytes: number): Promise<StateBuilder> {
    return new StateBuilder(await openStateDatabase(location, { createIfMissing: true, writeBufferBytes }), where);
  }

  /** Of the rows so far. */
  get hash(): MultisetHash {
    return this.#hash;
  }

  async putRows(rows: readonly Row[]): Promise<void> {
    const room = Buffer.allocUnsafe(rows.reduce((bytes, [, value]) => bytes + storedRowBytes(value), 0));
    let at = 0;
    const stored = rows.map(([key, value]): [string, Uint8Array] => {
      const digest = this.#rowDigest.of(key, value);
      this.#hash.addDigest(digest);
      const from = at;
      at += storedRowBytes(value);
      return [rowKeyOf(key), encodeRow(digest, value, room.subarray(from, at))];
    });
    await putAll(this.#database, stored);
  }

  async finish(position: Omit<AppliedRow, 'hash'>, installedFrom?: StateSnapshotHeader): Promise<StateDatabase> {
    const applied: AppliedRow = { ...position, hash: this.#hash };
    const batch = beginBatch(this.#database);
    batch.put(APPLIED_KEY, encodeApplied(applied));
    batch.put(DURABLE_KEY, encodeIndex(DURABLE_KEY, applied.index));
    if (installedFrom !== undefined) batch.put(INSTALLED_KEY, encodeInstalled(installedFrom));
    await batch.write({ sync: true });
    await syncWriteAheadFiles(this.#database.location);
    return new StateDatabase(this.#database, this.#where, {
      applied,
      installedFrom,
      durable: applied.index,
      markers: [],
    });
  }

  close(): Promise<void> {
    return this.#database.close();
  }
}
