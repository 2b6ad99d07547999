import { createSecretKey } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { EMPTY_CONF_STATE, type LogIndex, type Term } from '../../consensus/types.ts';
import type { StampMs } from '../../protocol/ids.ts';
import { removeImage } from '../../testing/store/store-images.ts';
import { makeTemporaryFolder } from '../../testing/store/temporary-store.ts';
import { singleSeal } from '../../testing/store/test-keys.ts';
import { RowNames } from './hidden-rows.ts';
import { StateBuilder } from './state-builder.ts';

/** The least that LevelDB takes. */
const WRITE_BUFFER_BYTES = 64 * 1024;
const ROW_BYTES = 4_096;
const ROWS_PER_WRITE = 16;
/** What LevelDB keeps open at least. */
const TABLES_MAX = 64;

let dir: string;
beforeEach(async () => {
  dir = await makeTemporaryFolder();
});
afterEach(() => removeImage(dir));

const tables = async (location: string): Promise<number> =>
  (await readdir(location)).filter((name) => name.endsWith('.ldb')).length;

/** Tables of which pages are, or may be, in the memory of this process. */
const mappedTables = async (location: string): Promise<number> =>
  (await readFile('/proc/self/maps', 'latin1'))
    .split('\n')
    .filter((map) => map.includes(location) && map.endsWith('.ldb')).length;

describe.skipIf(process.platform !== 'linux')('the memory that building a state takes', () => {
  it('does not grow with the number of its tables', async () => {
    const location = join(dir, 'state-7');
    const names = new RowNames(createSecretKey(Buffer.alloc(32)));
    const builder = await StateBuilder.create({
      ...{ location, where: 'state-7', seal: singleSeal(), names },
      writeBufferBytes: WRITE_BUFFER_BYTES,
    });
    let written = 0;
    for (; (await tables(location)) <= 2 * TABLES_MAX; written += ROWS_PER_WRITE) {
      await builder.putRows(
        Array.from({ length: ROWS_PER_WRITE }, (_, at) => [
          `row/${String(written + at).padStart(8, '0')}`,
          new Uint8Array(ROW_BYTES).fill(written + at),
        ]),
      );
    }
    expect(await mappedTables(location)).toBeLessThanOrEqual(TABLES_MAX);
    const expected = builder.hash.hex();
    const position = {
      index: 5 as LogIndex,
      term: 2 as Term,
      stampMs: 9 as StampMs,
      confState: EMPTY_CONF_STATE,
    };
    const built = await builder.finish(position, WRITE_BUFFER_BYTES);
    expect(built.durableIndex).toBe(5);
    expect((await built.verify()).hash.hex()).toBe(expected);
    await built.close();
  });
});
