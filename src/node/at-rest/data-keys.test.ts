import { cp } from 'node:fs/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { removeImage } from '../../testing/store/store-images.ts';
import { makeTemporaryFolder } from '../../testing/store/temporary-store.ts';
import { waitUntil } from '../../testing/wait-until.ts';
import { DataKeys, type KeyUse } from './data-keys.ts';
import { readKeyFile } from './key-file.ts';
import { generationOf } from './row-seal.ts';
import { WrappingKey } from './wrapping-key.ts';

const wrapping = new WrappingKey(Buffer.alloc(32, 1));
const content = Buffer.from('content');

let dir: string;
beforeEach(async () => {
  dir = await makeTemporaryFolder();
});
afterEach(() => removeImage(dir));

const open = async (use?: KeyUse, folder = dir): Promise<DataKeys> => {
  const onFatal = (error: Error): never => {
    throw error;
  };
  const options = { dir: folder, wrapping, wallMs: () => 7, onFatal };
  return DataKeys.open(options, await readKeyFile(folder, wrapping), use);
};

describe('data keys', () => {
  it('are the same at the next start', async () => {
    const keys = await open();
    const sealed = keys.sealOf('state').seal('row', content);
    const again = await open();
    expect(again.sealOf('state').open('row', sealed)).toEqual(content);
    expect(again.nameKey.equals(keys.nameKey)).toBe(true);
    expect(again.generations).toEqual([{ number: 1, madeAtMs: 7 }]);
  });

  it('of one part open nothing of another, and those of one directory nothing of another', async () => {
    const keys = await open();
    const sealed = keys.sealOf('log').seal('row', content);
    expect(keys.sealOf('state').open('row', sealed)).toBeUndefined();
    const elsewhere = await makeTemporaryFolder();
    expect((await open(undefined, elsewhere)).sealOf('log').open('row', sealed)).toBeUndefined();
    await removeImage(elsewhere);
  });

  it('of a new generation seal from then on; older ones go on to open until they are retired', async () => {
    const keys = await open();
    const seal = keys.sealOf('state');
    const older = seal.seal('row', content);
    await keys.rotate();
    const newer = seal.seal('row', content);
    expect([generationOf(older), generationOf(newer), keys.current]).toEqual([1, 2, 2]);
    expect(seal.open('row', older)).toEqual(content);
    await keys.retireBefore(2);
    expect([seal.open('row', older), seal.open('row', newer)]).toEqual([undefined, content]);
    const again = (await open()).sealOf('state');
    expect([again.open('row', older), again.open('row', newer)]).toEqual([undefined, content]);
  });

  it('are on disk before anything is sealed under them', async () => {
    const keys = await open();
    const rotating = keys.rotate();
    const seal = keys.sealOf('log');
    while (keys.current === 1) {
      // Whatever was sealed by now opens with what is on disk by now.
      const sealed = seal.seal('row', content);
      const copy = await makeTemporaryFolder();
      await cp(dir, copy, { recursive: true });
      expect((await open(undefined, copy)).sealOf('log').open('row', sealed)).toEqual(content);
      await removeImage(copy);
    }
    await rotating;
  });

  it('are never all retired', async () => {
    const keys = await open();
    await keys.retireBefore(99);
    expect(keys.generations).toHaveLength(1);
  });

  it('count what they seal, also over starts that end without a word', async () => {
    const keys = await open();
    const seal = keys.sealOf('log');
    const before = keys.sealedRows;
    for (let row = 0; row < 10; row += 1) seal.seal('row', content);
    expect(keys.sealedRows).toBe(before + 10);
    // As it is found after a crash: what was set aside counts as used.
    expect((await open()).sealedRows).toBeGreaterThanOrEqual(keys.sealedRows);
  });

  it('ask to be replaced when they have sealed as much as they may', async () => {
    const use = { rowsMax: 2_003, rowsReserved: 1_000 };
    const keys = await open(use);
    let asked = 0;
    keys.onUsedUp = () => {
      asked += 1;
    };
    const seal = keys.sealOf('log');
    const empty = new Uint8Array(0);
    for (let rows = 0; rows < 510; rows += 1) seal.seal('row', empty);
    await waitUntil(async () => (await readKeyFile(dir, wrapping))!.generations[0]!.sealedMax === 2_000);
    expect(asked).toBe(0);
    for (let rows = 0; asked === 0 && rows < 100_000; rows += 1) {
      seal.seal('row', empty);
      if (rows % 100 === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    expect([asked, keys.sealedRows >= use.rowsMax]).toEqual([1, true]);
    await keys.close();
    // Also by the next start, if this one had no time for it.
    expect((await open(use)).current).toBe(2);
  });
});
