import { beginBatch, syncWriteAheadFiles, type Database } from './level-database.ts';
import type { StateSnapshotHeader } from '../ports.ts';
import { StateDatabase, openStateDatabase } from './state-database.ts';
import {
  APPLIED_KEY,
  DURABLE_KEY,
  INSTALLED_KEY,
  encodeApplied,
  encodeIndex,
  encodeInstalled,
  type AppliedRow,
} from './state-rows.ts';

/** Fills a new database: in pieces, and then in one synced batch everything that makes it a state. */
export class StateBuilder {
  readonly #database: Database;
  readonly #where: string;

  private constructor(database: Database, where: string) {
    this.#database = database;
    this.#where = where;
  }

  /** @param where the folder's name, for messages */
  static async create(location: string, where: string, writeBufferBytes: number): Promise<StateBuilder> {
    return new StateBuilder(await openStateDatabase(location, { createIfMissing: true, writeBufferBytes }), where);
  }

  async putRows(rows: readonly (readonly [rowKey: string, stored: Uint8Array])[]): Promise<void> {
    const batch = beginBatch(this.#database);
    for (const [rowKey, stored] of rows) batch.put(rowKey, stored);
    await batch.write();
  }

  async finish(applied: AppliedRow, installedFrom?: StateSnapshotHeader): Promise<StateDatabase> {
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
