import { damageUnlessRefused } from './damage.ts';
import { rowOf, type RowNames } from './hidden-rows.ts';
import type { DatabaseSnapshot, SealedDatabase, SealedIterator } from './sealed-database.ts';

/** What LevelDB says when it cannot read what it wrote. Its other errors tell of calls after it was closed. */
const DAMAGE_CODES = new Set(['LEVEL_CORRUPTION', 'LEVEL_IO_ERROR']);

/** Errors of LevelDB while it reads are damage; others stay what they are. */
export function levelDamage(error: unknown, where: string): unknown {
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  return DAMAGE_CODES.has(code) ? damageUnlessRefused('state', where, error) : error;
}

type StoredRow = readonly [key: string, value: Uint8Array];

/** Rows in the order of their keys. */
interface Rows {
  /** At most `count` rows; none at the end. */
  next(count: number): Promise<readonly StoredRow[]>;
  close(): Promise<void>;
}

/** Those whose keys stand in the database, in its order. */
export class PlainRows implements Rows {
  readonly #iterator: SealedIterator;

  constructor(iterator: SealedIterator) {
    this.#iterator = iterator;
  }

  async next(count: number): Promise<readonly StoredRow[]> {
    const rows = await this.#iterator.nextv(count);
    return rows.map(([storedKey, content]) => rowOf(storedKey, content));
  }

  close(): Promise<void> {
    return this.#iterator.close();
  }
}

/** Those whose keys are given, in this order, as far as they were there when the snapshot was taken. */
export class HiddenRows implements Rows {
  readonly #database: SealedDatabase;
  readonly #names: RowNames;
  readonly #snapshot: DatabaseSnapshot;
  readonly #keys: readonly string[];
  #at = 0;

  /** @param snapshot closed along with this */
  constructor(database: SealedDatabase, names: RowNames, snapshot: DatabaseSnapshot, keys: readonly string[]) {
    this.#database = database;
    this.#names = names;
    this.#snapshot = snapshot;
    this.#keys = keys;
  }

  async next(count: number): Promise<readonly StoredRow[]> {
    const rows: StoredRow[] = [];
    while (rows.length === 0 && this.#at < this.#keys.length) {
      const names = this.#keys.slice(this.#at, (this.#at += count)).map((key) => this.#names.storedKey(key));
      const contents = await this.#database.getMany(names, this.#snapshot);
      for (const [at, content] of contents.entries()) if (content !== undefined) rows.push(rowOf(names[at]!, content));
    }
    return rows;
  }

  close(): Promise<void> {
    return this.#snapshot.close();
  }
}

interface Source {
  readonly rows: Rows;
  read: readonly StoredRow[];
  /** How many of `read` were handed out. */
  at: number;
  ended: boolean;
}

/** Rows of several sources that have no key in common, in the order of their keys. */
export class RowIterator {
  readonly #sources: Source[];
  readonly #reverse: boolean;
  readonly #explain: (error: unknown) => unknown;

  /** @param explain makes of an error what is to be thrown */
  constructor(
    sources: readonly Rows[],
    { reverse, explain }: { readonly reverse: boolean; readonly explain: (error: unknown) => unknown },
  ) {
    this.#sources = sources.map((rows) => ({ rows, read: [], at: 0, ended: false }));
    this.#reverse = reverse;
    this.#explain = explain;
  }

  /** At most `count` rows; none at the end. */
  async next(count: number): Promise<StoredRow[]> {
    try {
      const rows: StoredRow[] = [];
      // What was read is handed out before more is.
      while (rows.length < count && (rows.length === 0 || this.#isReady)) {
        await this.#fill(count);
        const row = this.#take();
        if (row === undefined) break;
        rows.push(row);
      }
      return rows;
    } catch (error) {
      throw this.#explain(error);
    }
  }

  get #isReady(): boolean {
    return this.#sources.every(({ read, at, ended }) => ended || at < read.length);
  }

  async #fill(count: number): Promise<void> {
    if (this.#isReady) return;
    for (const source of this.#sources) {
      if (source.ended || source.at < source.read.length) continue;
      source.read = await source.rows.next(count);
      source.at = 0;
      source.ended = source.read.length === 0;
    }
  }

  #take(): StoredRow | undefined {
    let first: Source | undefined;
    for (const source of this.#sources) {
      const [key] = source.read[source.at] ?? [];
      if (key === undefined) continue;
      const best = first?.read[first.at]?.[0];
      if (best === undefined || key < best !== this.#reverse) first = source;
    }
    if (first === undefined) return undefined;
    first.at += 1;
    return first.read[first.at - 1];
  }

  async close(): Promise<void> {
    for (const { rows } of this.#sources) await rows.close();
  }
}
