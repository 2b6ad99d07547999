import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { LogIndex, Term } from '../../consensus/types.ts';
import type { StampMs } from '../../protocol/ids.ts';
import { filesOf } from '../../testing/store/store-images.ts';
import { SingleStore } from '../../testing/store/single-stores.ts';
import type { LevelStateStore } from './level-state-store.ts';

/** Keys as the chat makes them, hidden and plain ones in turn, in order. */
const KEYS = [
  'G/anglers/Oroom',
  'P/Aaccount1',
  'W/anna%20liv/Aaccount1',
  'a/Aaccount1',
  'l/deploy-thursday',
  'm/Rroom/0000000000000001',
  'n/annalivia',
  'n/annabel',
  'x/0000000000000007/l/deploy-thursday',
  'x/0000000000000007/m/Rroom',
].sort();
const TELLING = ['anglers', 'anna', 'annabel', 'deploy', 'thursday'];

let single: SingleStore<LevelStateStore>;
beforeEach(async () => {
  single = await SingleStore.state();
});
afterEach(() => single.remove());

let index = 0;
function change(work: (put: (key: string) => void, remove: (key: string) => void) => void): void {
  index = single.store.appliedIndex + 1;
  const transaction = single.store.begin();
  work(
    (key) => transaction.put(key, Buffer.from(`of ${key}`)),
    (key) => transaction.delete(key),
  );
  transaction.commit({ index: index as LogIndex, term: 1 as Term, stampMs: index as StampMs });
}

const rowsOf = async (
  range: { gte?: string; lt?: string; reverse?: boolean; limit?: number } = {},
): Promise<string[]> => {
  const rows = await single.store.range({ gte: '\0', lt: '\x7f', limit: 100, ...range });
  for (const [key, value] of rows) expect(Buffer.from(value).toString()).toBe(`of ${key}`);
  return rows.map(([key]) => key);
};

describe('rows whose keys tell more than ids', () => {
  it.each(['before they are written', 'from the disk', 'after a restart'])(
    'are in their place among the others, %s',
    async (when) => {
      change((put) => KEYS.forEach(put));
      if (when !== 'before they are written') await single.store.sync();
      if (when === 'after a restart') await single.reopen();
      expect(await rowsOf()).toEqual(KEYS);
      expect(await rowsOf({ reverse: true })).toEqual(KEYS.toReversed());
      expect(await rowsOf({ gte: 'n/anna', lt: 'n/annb' })).toEqual(['n/annabel', 'n/annalivia']);
      expect(await rowsOf({ gte: 'm/', lt: 'y', limit: 3 })).toEqual(KEYS.filter((key) => key >= 'm/').slice(0, 3));
      expect(await rowsOf({ gte: 'x/', lt: 'x0', limit: 1, reverse: true })).toEqual(['x/0000000000000007/m/Rroom']);
      expect(Buffer.from(single.store.get('n/annabel')!).toString()).toBe('of n/annabel');
      expect(single.store.get('n/anna')).toBeUndefined();
    },
  );

  it('are gone once they are deleted, and may come back', async () => {
    change((put) => KEYS.forEach(put));
    await single.store.sync();
    change((_, remove) => ['n/annabel', 'G/anglers/Oroom'].forEach(remove));
    const left = KEYS.filter((key) => key !== 'n/annabel' && key !== 'G/anglers/Oroom');
    expect(await rowsOf()).toEqual(left);
    await single.store.sync();
    expect(await rowsOf()).toEqual(left);
    await single.reopen();
    expect(await rowsOf()).toEqual(left);
    change((put) => put('n/annabel'));
    await single.store.sync();
    expect(await rowsOf({ gte: 'n/', lt: 'n0' })).toEqual(['n/annabel', 'n/annalivia']);
  });

  it('count in the hash of the state as any others, on disk and in a snapshot', async () => {
    change((put) => KEYS.forEach(put));
    await single.store.sync();
    change((put) => put('n/zoe'));
    const { hash } = single.store.hash();
    await single.store.sync();
    expect((await single.store.recomputeHash()).hash).toBe(hash);

    const other = await SingleStore.state();
    const snapshot = single.store.openSnapshot();
    const header = { ...snapshot.header, clusterId: 'Ca' as never, chainHash: new Uint8Array(32) };
    const install = await other.store.beginInstall(header);
    const room = new Uint8Array(64);
    for (let chunk = await snapshot.nextChunk(room); chunk !== undefined; chunk = await snapshot.nextChunk(room)) {
      await install.write(chunk);
    }
    await install.finish();
    await snapshot.close();
    expect(other.store.hash().hash).toBe(hash);
    expect((await other.store.range({ gte: 'n/', lt: 'n0', limit: 9 })).map(([key]) => key)).toEqual([
      'n/annabel',
      'n/annalivia',
      'n/zoe',
    ]);
    await other.remove();
  });

  it('say nothing in any file, neither what they hold nor under which key', async () => {
    change((put) => KEYS.forEach(put));
    await single.store.sync();
    await single.reopen();
    for (const { path } of await filesOf(single.dir)) {
      const content = (await readFile(join(single.dir, path))).toString('latin1');
      for (const word of TELLING) expect(content.includes(word), `${word} in ${path}`).toBe(false);
    }
  });
});
