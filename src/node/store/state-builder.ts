import type { StateSnapshotHeader } from '../ports.ts';
import type { RowSeal } from '../at-rest/row-seal.ts';
import { MultisetHash } from './multiset-hash.ts';
import { RowDigest } from './row-digest.ts';
import type { Row } from './row-merge.ts';
import type { RowNames } from './hidden-rows.ts';
import { SealedDatabase } from './sealed-database.ts';
import { StateDatabase } from './state-database.ts';
import {
  APPLIED_KEY,
  DURABLE_KEY,
  INSTALLED_KEY,
  encodeApplied,
  encodeIndex,
  encodeInstalled,
  type AppliedRow,
} from './state-rows.ts';

/** While a state is built, memory is what counts: nobody reads it, and its rows come in order. */
const BUILDING = { createIfMissing: true, blockCacheBytes: 0, openFilesMax: 74 };
const WRITE_BUFFER_BYTES = 4 * 1024 * 1024;

export interface StateBuilderOptions {
  readonly location: string;
  /** The folder's name, for messages. */
  readonly where: string;
  readonly seal: RowSeal;
  readonly names: RowNames;
  readonly writeBufferBytes?: number;
}

/** Fills a new database: in pieces, and then in one batch everything that makes it a state. */
export class StateBuilder {
  readonly #database: SealedDatabase;
  readonly #options: StateBuilderOptions;
  readonly #rowDigest = new RowDigest();
  readonly #hash = new MultisetHash();

  private constructor(database: SealedDatabase, options: StateBuilderOptions) {
    this.#database = database;
    this.#options = options;
  }

  static async create(options: StateBuilderOptions): Promise<StateBuilder> {
    const { location, where, seal, writeBufferBytes = WRITE_BUFFER_BYTES } = options;
    const place = { part: 'state', where, seal } as const;
    return new StateBuilder(await SealedDatabase.open(location, { ...BUILDING, writeBufferBytes }, place), options);
  }

  /** Of the rows so far. */
  get hash(): MultisetHash {
    return this.#hash;
  }

  /** One at a time. */
  async putRows(rows: readonly Row[]): Promise<void> {
    const { names } = this.#options;
    for (const [key, value] of rows) this.#hash.addDigest(this.#rowDigest.of(key, value));
    await this.#database.putAll(rows.map(([key, value]) => [names.storedKey(key), names.content(key, value)] as const));
  }

  /** All of it is durable then. */
  async finish(
    position: Omit<AppliedRow, 'hash'>,
    writeBufferBytes: number,
    installedFrom?: StateSnapshotHeader,
  ): Promise<StateDatabase> {
    const applied: AppliedRow = { ...position, hash: this.#hash };
    const batch = this.#database.begin();
    batch.put(APPLIED_KEY, encodeApplied(applied));
    batch.put(DURABLE_KEY, encodeIndex(applied.index));
    if (installedFrom !== undefined) batch.put(INSTALLED_KEY, encodeInstalled(installedFrom));
    await batch.write();
    await this.#database.close();
    return StateDatabase.open({ ...this.#options, writeBufferBytes });
  }

  close(): Promise<void> {
    return this.#database.close();
  }
}
