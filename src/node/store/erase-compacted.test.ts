import { readFile, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { EntryType, type Entry, type LogIndex, type Term } from '../../consensus/types.ts';
import { appendAll, applyTestEntry } from '../../testing/store/fill-store.ts';
import { removeImage } from '../../testing/store/store-images.ts';
import { makeTemporaryFolder, openMember } from '../../testing/store/temporary-store.ts';

const CANARY = 'the words that have to go ';

let dir: string;
beforeEach(async () => {
  dir = await makeTemporaryFolder();
});
afterEach(() => removeImage(dir));

function entryAt(index: number, text: string, times: number): Entry {
  const data = new TextEncoder().encode(text.repeat(times));
  return { index: index as LogIndex, term: 1 as Term, type: EntryType.normal, data };
}

/** How many files of the log still say it. */
async function filesWith(text: string): Promise<number> {
  const names = (await readdir(dir, { recursive: true, withFileTypes: true })).filter((entry) => entry.isFile());
  const contents = await Promise.all(names.map((entry) => readFile(join(entry.parentPath, entry.name))));
  return contents.filter((bytes) => bytes.includes(text)).length;
}

/** Sizes of one entry: with the last, tables come to lie on several levels. */
it.each([1, 200, 4_000])('leaves nothing of what was compacted in any file (%i times)', async (times) => {
  const store = await openMember(dir);
  for (let index = 1; index <= 100; index += 1) {
    await appendAll(store, [entryAt(index, CANARY, times)], { term: 1, commit: index });
    applyTestEntry(store, index, 1);
  }
  await store.state.sync();
  await appendAll(store, [entryAt(101, 'what stays ', times)], { term: 1, commit: 101 });
  expect(await filesWith(CANARY)).toBeGreaterThan(0);
  store.log.compact(100 as LogIndex);
  await store.log.eraseCompacted();
  expect(await filesWith(CANARY)).toBe(0);
  expect(await filesWith('what stays ')).toBe(1);

  // And again, over what the first time left.
  for (const index of [101, 102, 103]) applyTestEntry(store, index, 1);
  await store.state.sync();
  await appendAll(store, [entryAt(102, CANARY, times), entryAt(103, 'end', 1)], { term: 1, commit: 103 });
  store.log.compact(103 as LogIndex);
  await store.log.eraseCompacted();
  expect(await filesWith(CANARY)).toBe(0);
  await store.close();

  const reopened = await openMember(dir);
  expect([reopened.log.firstIndex(), reopened.log.lastIndex()]).toEqual([104, 103]);
  await reopened.close();
});
