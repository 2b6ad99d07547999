import { afterEach, beforeEach, expect, it } from 'vitest';
import { EntryType, type Entry, type LogIndex, type Term } from '../../consensus/types.ts';
import { appendAll, applyTestEntry } from '../../testing/store/fill-store.ts';
import { placesOfEntries } from '../../testing/store/sealed-places.ts';
import { removeImage } from '../../testing/store/store-images.ts';
import { makeTemporaryFolder, openMember } from '../../testing/store/temporary-store.ts';

let dir: string;
beforeEach(async () => {
  dir = await makeTemporaryFolder();
});
afterEach(() => removeImage(dir));

function entryAt(index: number, times: number): Entry {
  const data = new TextEncoder().encode('some words '.repeat(times));
  return { index: index as LogIndex, term: 1 as Term, type: EntryType.normal, data };
}

/** How many records in the files of the log still hold any of these entries, whatever LevelDB makes of them. */
const recordsOf = async (first: number, last: number): Promise<number> =>
  (await placesOfEntries(dir, first, last)).length;

/** Sizes of one entry: with the last, tables come to lie on several levels. */
it.each([1, 200, 4_000])('leaves nothing of what was compacted in any file (%i times)', async (times) => {
  const store = await openMember(dir);
  for (let index = 1; index <= 100; index += 1) {
    await appendAll(store, [entryAt(index, times)], { term: 1, commit: index });
    applyTestEntry(store, index, 1);
  }
  await store.state.sync();
  await appendAll(store, [entryAt(101, times)], { term: 1, commit: 101 });
  expect(await recordsOf(1, 100)).toBeGreaterThanOrEqual(100);
  store.log.compact(100 as LogIndex);
  await store.log.eraseCompacted();
  expect(await recordsOf(1, 100)).toBe(0);
  expect(await recordsOf(101, 101)).toBe(1);

  // And again, over what the first time left.
  for (const index of [101, 102, 103]) applyTestEntry(store, index, 1);
  await store.state.sync();
  await appendAll(store, [entryAt(102, times), entryAt(103, 1)], { term: 1, commit: 103 });
  store.log.compact(103 as LogIndex);
  await store.log.eraseCompacted();
  expect(await recordsOf(1, 102)).toBe(0);
  await store.close();

  const reopened = await openMember(dir);
  expect([reopened.log.firstIndex(), reopened.log.lastIndex()]).toEqual([104, 103]);
  await reopened.close();
});
