import { damaged, messageOf } from './damage.ts';
import type { DatabaseIterator } from './level-database.ts';
import { RowReader, keyOfRow } from './state-rows.ts';

/** Errors of LevelDB while it reads are damage; others stay what they are. */
export function levelDamage(error: unknown, where: string): unknown {
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  // An iterator that outlives its database fails with these; the database itself is fine.
  if (!code.startsWith('LEVEL_') || code === 'LEVEL_ITERATOR_NOT_OPEN' || code === 'LEVEL_DATABASE_NOT_OPEN') {
    return error;
  }
  return damaged('state', where, messageOf(error), error);
}

/** Rows in key order, each checked. Sees the database as it was when it was made. */
export class RowIterator {
  readonly #iterator: DatabaseIterator;
  readonly #reader: RowReader;
  readonly #where: string;

  constructor(iterator: DatabaseIterator, where: string) {
    this.#iterator = iterator;
    this.#where = where;
    this.#reader = new RowReader(where);
  }

  /** At most `count` rows; none at the end. */
  async next(count: number): Promise<[key: string, value: Uint8Array][]> {
    try {
      const rows = await this.#iterator.nextv(count);
      return rows.map(([rowKey, stored]) => {
        const key = keyOfRow(rowKey);
        return [key, this.#reader.value(key, stored)];
      });
    } catch (error) {
      throw levelDamage(error, this.#where);
    }
  }

  close(): Promise<void> {
    return this.#iterator.close();
  }
}
