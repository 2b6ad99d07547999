import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { LogIndex } from '../../consensus/types.ts';
import { appendAll, applyTestEntry, testEntries, testEntry } from '../../testing/store/fill-store.ts';
import { filesOf, logContentOf, removeImage, stateContentOf } from '../../testing/store/store-images.ts';
import { insistIntact, makeTemporaryFolder, openMember, optionsFor } from '../../testing/store/temporary-store.ts';
import { sealOfFiles } from '../../testing/store/test-keys.ts';
import { waitUntil } from '../../testing/wait-until.ts';
import { soundRows } from '../store/level-check/sound-rows.ts';
import type { IntactStore } from '../store/node-store.ts';
import { openNodeStore } from '../store/open-node-store.ts';
import { generationOf } from './row-seal.ts';

let dir: string;
beforeEach(async () => {
  dir = await makeTemporaryFolder();
});
afterEach(() => removeImage(dir));

/** What others keep in the directory: nothing of it is sealed anew here. */
function attachOthers({ keys }: IntactStore): void {
  for (const part of ['files', 'blobs'] as const) keys.attach(part, () => Promise.resolve());
}

async function filled(): Promise<IntactStore> {
  const store = await openMember(dir);
  await appendAll(store, testEntries(1, 60, 1), { term: 1, commit: 60 });
  for (let index = 1; index <= 60; index += 1) applyTestEntry(store, index, 1);
  await store.state.sync();
  return store;
}

const contentOf = async (store: IntactStore): Promise<string[]> => [
  logContentOf(store.log),
  await stateContentOf(store.state),
];
const isDone = ({ keys }: IntactStore): boolean => keys.status.retiring.length === 0;

describe('new data keys', () => {
  it('seal everything that is there, while writes go on, and the old ones are destroyed', async () => {
    const store = await filled();
    attachOthers(store);
    await store.keys.rotate();
    for (let index = 61; index <= 90; index += 1) {
      await appendAll(store, [testEntry(index, 1)], { term: 1, commit: index });
      applyTestEntry(store, index, 1);
    }
    await waitUntil(() => isDone(store));
    expect(store.keys.status).toMatchObject({ generation: 2, retiring: [], resealing: null });
    const content = await contentOf(store);
    await store.close();

    const again = insistIntact(await openNodeStore(optionsFor(dir)));
    expect(await contentOf(again)).toEqual(content);
    await again.close();
    // Nothing that the old keys sealed, and which may linger in files, opens with the keys that are left.
    for (const [folder, part] of [
      ['log', 'log'],
      ['state-1', 'state'],
    ] as const) {
      const seal = await sealOfFiles(dir, part);
      let older = 0;
      for await (const { key, value } of soundRows(join(dir, folder))) {
        if (value === undefined || generationOf(value) > 1) continue;
        older += 1;
        expect(seal.open(key, value)).toBeUndefined();
      }
      if (part === 'log') expect(older).toBeGreaterThan(0);
    }
  });

  it('are finished by the next start where this one had no time', async () => {
    const store = await filled();
    // Nobody says how files are sealed anew: it cannot end.
    await store.keys.rotate();
    expect(store.keys.status).toMatchObject({ generation: 2, retiring: [1] });
    const content = await contentOf(store);
    await store.close();
    const again = insistIntact(await openNodeStore(optionsFor(dir)));
    expect(again.keys.status.retiring).toEqual([1]);
    attachOthers(again);
    await waitUntil(() => isDone(again));
    expect(await contentOf(again)).toEqual(content);
    await again.close();
  });

  it('leave the mark as it was, on all of its sides', async () => {
    const store = await filled();
    attachOthers(store);
    await store.keys.rotate();
    await waitUntil(() => isDone(store));
    await store.close();
    const again = insistIntact(await openNodeStore(optionsFor(dir)));
    expect(again.log.promised()).toMatchObject({ term: 1, vote: 1, entry: { index: 60, term: 1 } });
    await again.close();
  });

  it('wait for a snapshot that is being received under the old ones', async () => {
    const store = await filled();
    attachOthers(store);
    const { header } = store.state.openSnapshot();
    const metadata = { ...header.metadata, index: 99 as LogIndex };
    const install = await store.state.beginInstall({
      ...header,
      metadata,
      clusterId: 'Ca' as never,
      chainHash: new Uint8Array(32),
    });
    await store.keys.rotate();
    await waitUntil(() => store.keys.status.resealing === 'state');
    for (let turns = 0; turns < 50; turns += 1) await new Promise((resolve) => setImmediate(resolve));
    expect(store.keys.status).toMatchObject({ retiring: [1], resealing: 'state' });
    await install.abort();
    await waitUntil(() => isDone(store));
    await store.close();
  });

  it('may be asked for again while the last ones are under way', async () => {
    const store = await filled();
    attachOthers(store);
    await Promise.all([store.keys.rotate(), store.keys.rotate(), store.keys.rotate()]);
    await waitUntil(() => isDone(store));
    expect(store.keys.status.generation).toBe(4);
    const content = await contentOf(store);
    await store.close();
    const again = insistIntact(await openNodeStore(optionsFor(dir)));
    expect(await contentOf(again)).toEqual(content);
    await again.close();
  });
});

it('a directory says nothing of what is in it', async () => {
  const store = await filled();
  await store.close();
  for (const { path } of await filesOf(dir)) {
    const bytes = (await readFile(join(dir, path))).toString('latin1');
    expect(/entry \d|value \d/.test(bytes), path).toBe(false);
  }
});
