import type { StateSnapshotHeader } from '../ports.ts';
import { beginBatch, openDatabase, putAll, type Database } from './level-database.ts';
import { MultisetHash } from './multiset-hash.ts';
import { RowDigest } from './row-digest.ts';
import type { Row } from './row-merge.ts';
import { StateDatabase } from './state-database.ts';
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

/** While a state is built, memory is what counts: nobody reads it, and its rows come in order. */
const BUILDING = { createIfMissing: true, blockCacheBytes: 0, openFilesMax: 74 };
const WRITE_BUFFER_BYTES = 4 * 1024 * 1024;

/** Fills a new database: in pieces, and then in one batch everything that makes it a state. */
export class StateBuilder {
  readonly #database: Database;
  readonly #where: string;
  readonly #rowDigest = new RowDigest();
  readonly #hash = new MultisetHash();
  /** For one writing after the other: LevelDB copies what it is given. */
  #room = Buffer.alloc(0);

  private constructor(database: Database, where: string) {
    this.#database = database;
    this.#where = where;
  }

  /** @param where the folder's name, for messages */
  static async create(location: string, where: string, writeBufferBytes = WRITE_BUFFER_BYTES): Promise<StateBuilder> {
    return new StateBuilder(await openDatabase(location, { ...BUILDING, writeBufferBytes }), where);
  }

  /** Of the rows so far. */
  get hash(): MultisetHash {
    return this.#hash;
  }

  /** One at a time. */
  async putRows(rows: readonly Row[]): Promise<void> {
    const bytes = rows.reduce((sum, [, value]) => sum + storedRowBytes(value), 0);
    if (bytes > this.#room.length) this.#room = Buffer.allocUnsafeSlow(bytes);
    const room = this.#room;
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

  /** All of it is durable then. */
  async finish(
    position: Omit<AppliedRow, 'hash'>,
    writeBufferBytes: number,
    installedFrom?: StateSnapshotHeader,
  ): Promise<StateDatabase> {
    const applied: AppliedRow = { ...position, hash: this.#hash };
    const batch = beginBatch(this.#database);
    batch.put(APPLIED_KEY, encodeApplied(applied));
    batch.put(DURABLE_KEY, encodeIndex(DURABLE_KEY, applied.index));
    if (installedFrom !== undefined) batch.put(INSTALLED_KEY, encodeInstalled(installedFrom));
    await batch.write();
    await this.#database.close();
    return StateDatabase.open(this.#database.location, this.#where, writeBufferBytes);
  }

  close(): Promise<void> {
    return this.#database.close();
  }
}
