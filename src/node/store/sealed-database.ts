import { generationOf, type RowSeal } from '../at-rest/row-seal.ts';
import { damaged } from './damage.ts';
import {
  beginBatch,
  iterate,
  openDatabase,
  putAll,
  type Batch,
  type Database,
  type DatabaseIterator,
  type DatabaseOptions,
  type KeyRange,
} from './level-database.ts';
import type { DamagedPart } from './node-store.ts';

const ROWS_PER_STEP = 1024;
/** What waits for one step of sealing anew is not to notice. */
const ROWS_PER_RESEAL = 256;
const BYTES_PER_RESEAL = 512 * 1024;

export type DatabaseSnapshot = ReturnType<Database['snapshot']>;

/** Whose rows these are: for messages. */
export interface SealedPlace {
  readonly part: DamagedPart;
  /** The folder's name. */
  readonly where: string;
}

/**
 * A LevelDB whose values are sealed, each under its key: what is put is sealed on its way in, what is read is opened,
 * and whoever reads gets either what was written under this very key, or `damaged`. Keys stand there in clear.
 */
export class SealedDatabase {
  /** For what concerns files and tables only. */
  readonly level: Database;
  readonly #seal: RowSeal;
  readonly #place: SealedPlace;

  constructor(level: Database, seal: RowSeal, place: SealedPlace) {
    this.level = level;
    this.#seal = seal;
    this.#place = place;
  }

  /** @throws DatabaseOpenError */
  static async open(
    location: string,
    options: DatabaseOptions,
    { seal, ...place }: SealedPlace & { readonly seal: RowSeal },
  ): Promise<SealedDatabase> {
    return new SealedDatabase(await openDatabase(location, options), seal, place);
  }

  get location(): string {
    return this.level.location;
  }

  /** Sees the database as it is now. To be closed. */
  snapshot(): DatabaseSnapshot {
    return this.level.snapshot();
  }

  /** @throws ParleyError `damaged` when it is not what was written */
  async get(key: string, snapshot?: DatabaseSnapshot): Promise<Uint8Array | undefined> {
    const sealed = await this.level.get(key, snapshot === undefined ? {} : { snapshot });
    return sealed === undefined ? undefined : this.opened(key, sealed);
  }

  /** @throws ParleyError `damaged` when it is not what was written */
  getSync(key: string): Uint8Array | undefined {
    const sealed = this.level.getSync(key);
    return sealed === undefined ? undefined : this.opened(key, sealed);
  }

  /** In the order of the keys. @throws ParleyError `damaged` */
  async getMany(keys: readonly string[], snapshot: DatabaseSnapshot): Promise<(Uint8Array | undefined)[]> {
    const rows = await this.level.getMany([...keys], { snapshot });
    return rows.map((sealed, at) => (sealed === undefined ? undefined : this.opened(keys[at]!, sealed)));
  }

  begin(): SealedBatch {
    return new SealedBatch(beginBatch(this.level), this.#seal);
  }

  /** As `putAll` of `level-database.ts`. */
  putAll(rows: readonly (readonly [key: string, value: Uint8Array])[]): Promise<void> {
    return putAll(
      this.level,
      rows.map(([key, value]) => [key, this.#seal.seal(key, value)] as const),
    );
  }

  iterate(range: KeyRange): SealedIterator {
    return new SealedIterator(iterate(this.level, range), this);
  }

  /** All rows of a range as it is now. @throws ParleyError `damaged` */
  async *each(range: KeyRange): AsyncGenerator<readonly [key: string, value: Uint8Array]> {
    const iterator = this.iterate(range);
    try {
      for (
        let rows = await iterator.nextv(ROWS_PER_STEP);
        rows.length > 0;
        rows = await iterator.nextv(ROWS_PER_STEP)
      ) {
        yield* rows;
      }
    } finally {
      await iterator.close();
    }
  }

  opened(key: string, sealed: Uint8Array): Uint8Array {
    const value = this.#seal.open(key, sealed);
    if (value !== undefined) return value;
    const { part, where } = this.#place;
    throw damaged(part, where, `the row ${JSON.stringify(key)} is not what was sealed there`);
  }

  /**
   * Seals some rows anew where an older generation of the keys sealed them. Nothing else may be written meanwhile.
   *
   * @param after key after which to go on
   * @returns the last key that was looked at, undefined at the end
   * @throws ParleyError `damaged`
   */
  async resealSome(after: string, before: number): Promise<string | undefined> {
    const range = { gt: after, limit: ROWS_PER_RESEAL, fillCache: false, highWaterMarkBytes: BYTES_PER_RESEAL };
    const iterator = this.level.iterator(range);
    try {
      // As many as come at once: few where they are large.
      const rows = await iterator.nextv(ROWS_PER_RESEAL);
      const batch = this.begin();
      for (const [key, sealed] of rows) if (generationOf(sealed) < before) batch.put(key, this.opened(key, sealed));
      await batch.write();
      return rows.at(-1)?.[0];
    } finally {
      await iterator.close();
    }
  }

  close(): Promise<void> {
    return this.level.close();
  }
}

/** Writes all that it was told at once. */
export class SealedBatch {
  readonly #batch: Batch;
  readonly #seal: RowSeal;

  constructor(batch: Batch, seal: RowSeal) {
    this.#batch = batch;
    this.#seal = seal;
  }

  put(key: string, value: Uint8Array): this {
    this.#batch.put(key, this.#seal.seal(key, value));
    return this;
  }

  del(key: string): this {
    this.#batch.del(key);
    return this;
  }

  write(options: { readonly sync?: boolean } = {}): Promise<void> {
    return this.#batch.write(options);
  }
}

/** Rows in key order. Sees the database as it was when it was made, or as the snapshot does that it was given. */
export class SealedIterator {
  readonly #iterator: DatabaseIterator;
  readonly #database: SealedDatabase;

  constructor(iterator: DatabaseIterator, database: SealedDatabase) {
    this.#iterator = iterator;
    this.#database = database;
  }

  /** At most `count` rows; none at the end. @throws ParleyError `damaged` */
  async nextv(count: number): Promise<[key: string, value: Uint8Array][]> {
    const rows = await this.#iterator.nextv(count);
    return rows.map(([key, sealed]) => [key, this.#database.opened(key, sealed)]);
  }

  close(): Promise<void> {
    return this.#iterator.close();
  }
}
