import { readFile, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeTemporaryFolder } from '../../../testing/store/temporary-store.ts';
import { removeImage } from '../../../testing/store/store-images.ts';
import { openDatabase } from '../level-database.ts';
import { checkTable } from './table-check.ts';

describe('a table that LevelDB wrote', () => {
  let dir: string;
  let table: Buffer;

  beforeAll(async () => {
    dir = await makeTemporaryFolder();
    const options = { createIfMissing: true, writeBufferBytes: 1 << 20, blockCacheBytes: 1 << 20 };
    const database = await openDatabase(dir, options);
    for (let row = 0; row < 100; row += 1) await database.put(`row ${row}`, Buffer.alloc(row));
    await database.close();
    // Opening moves what is in the write-ahead file into a table.
    await (await openDatabase(dir, options)).close();
    const name = (await readdir(dir)).find((file) => file.endsWith('.ldb'));
    table = await readFile(join(dir, name!));
  });
  afterAll(() => removeImage(dir));

  it('is sound, and no bit of it can change unseen', () => {
    expect(checkTable(table)).toBeUndefined();
    const unseen: number[] = [];
    for (let bit = 0; bit < table.length * 8; bit += 1) {
      const damaged = Buffer.from(table);
      damaged[bit >> 3]! ^= 1 << (bit & 7);
      if (checkTable(damaged) === undefined) unseen.push(bit);
    }
    expect(unseen).toEqual([]);
  });

  it('cannot be cut off unseen', () => {
    for (let bytes = 0; bytes < table.length; bytes += 1) expect(checkTable(table.subarray(0, bytes))).toBeDefined();
  });
});
