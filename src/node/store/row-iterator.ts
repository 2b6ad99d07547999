import { damageUnlessRefused } from './damage.ts';
import type { DatabaseIterator } from './level-database.ts';
import { RowReader, keyOfRow } from './state-rows.ts';

/** What LevelDB says when it cannot read what it wrote. Its other errors tell of calls after it was closed. */
const DAMAGE_CODES = new Set(['LEVEL_CORRUPTION', 'LEVEL_IO_ERROR']);

/** Errors of LevelDB while it reads are damage; others stay what they are. */
export function levelDamage(error: unknown, where: string): unknown {
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  return DAMAGE_CODES.has(code) ? damageUnlessRefused('state', where, error) : error;
}

/** Rows in key order, each checked. Sees the database as it was when it was made. */
export class RowIterator {
  readonly #iterator: DatabaseIterator;
  readonly #reader: RowReader;

  readonly #explain: (error: unknown) => unknown;

  /** @param explain makes of an error what is to be thrown */
  constructor(iterator: DatabaseIterator, where: string, explain: (error: unknown) => unknown) {
    this.#iterator = iterator;
    this.#reader = new RowReader(where);
    this.#explain = explain;
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
      throw this.#explain(error);
    }
  }

  close(): Promise<void> {
    return this.#iterator.close();
  }
}
