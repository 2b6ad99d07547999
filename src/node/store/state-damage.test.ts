import { readFile, readdir, rename, unlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ParleyError } from '../../protocol/errors.ts';
import { fillStore, type FilledStore } from '../../testing/store/fill-store.ts';
import { filesOf, flipBit, logContentOf, removeImage, stateContentOf } from '../../testing/store/store-images.ts';
import { insistIntact, insistRepairing, makeTemporaryFolder, optionsFor } from '../../testing/store/temporary-store.ts';
import { placesOfRow } from '../../testing/store/sealed-places.ts';
import { waitUntil } from '../../testing/wait-until.ts';
import type { IntactStore, NodeStoreOptions, OpenedStore } from './node-store.ts';
import { openNodeStore } from './open-node-store.ts';

let dir: string;
let fatal: Error[];
beforeEach(async () => {
  dir = await makeTemporaryFolder();
  fatal = [];
});
afterEach(() => removeImage(dir));

/** `large`: the state counts as too large to be verified before the node serves. */
function open(large = false): Promise<OpenedStore> {
  const options: NodeStoreOptions = { ...optionsFor(dir), onFatal: (error) => fatal.push(error) };
  return openNodeStore(large ? { ...options, limits: { verifyBytesAtOpenMax: 0 } } : options);
}

const fill = (compactTo: number): Promise<FilledStore> => fillStore(dir, { last: 40, compactTo });

/** Opens once more, so that all of the state is in tables. */
async function flush(): Promise<void> {
  const store = insistIntact(await open());
  await store.close();
}

async function tablesOfState(): Promise<string[]> {
  return (await filesOf(dir)).map(({ path }) => path).filter((path) => /^state-\d+\/\d+\.ldb$/.test(path));
}

/** Flips a bit of a row where it is stored, so that everything but its own seal holds if LevelDB does not look. */
async function damageRow(row: string): Promise<void> {
  const folder = (await readdir(dir)).find((name) => /^state-\d+$/.test(name))!;
  // In all of them: one may be a leftover of a compaction.
  const places = (await placesOfRow(dir, folder, row)).filter(({ path }) => path.endsWith('.ldb'));
  if (places.length === 0) throw new Error(`no table holds ${row}`);
  for (const { path, at } of places) await flipBit(join(dir, path), 8 * at);
}

async function expectRebuilding(store: OpenedStore): Promise<void> {
  const { state, log } = insistIntact(store);
  expect(state.appliedIndex).toBe(0);
  expect(log.lastIndex()).toBe(40);
  expect(log.initialState().hardState.commit).toBe(39);
  await store.close();
}

describe('a damaged state', () => {
  it('is made again when the log is complete, and kept beside', async () => {
    await fill(0);
    for (const path of await tablesOfState()) await flipBit(join(dir, path), 999);
    await expectRebuilding(await open());
    expect(await readdir(dir)).toContain('state-1.damaged');
    await expectRebuilding(await open());
  });

  it('is made again when a crash came between setting it aside and making the new one', async () => {
    await fill(0);
    await rename(join(dir, 'state-1'), join(dir, 'state-1.damaged'));
    await expectRebuilding(await open());
    expect(await readdir(dir)).toContain('state-1.damaged');
  });

  it('is set aside alone when the log cannot replace it, once: all promises stay', async () => {
    const { log: content } = await fill(20);
    for (let round = 1; round <= 2; round += 1) {
      await unlink(join(dir, `state-${round}`, 'CURRENT'));
      // It is lacking at the next start, too.
      for (const start of ['first', 'second']) {
        const store = insistRepairing(await open());
        const { repair, log, state } = store;
        expect(log.repair).toBeUndefined();
        expect(logContentOf(log).split('\n').slice(1)).toEqual(content.split('\n').slice(1));
        expect([log.firstIndex(), log.lastIndex(), state.appliedIndex]).toEqual([21, 40, 0]);
        expect(repair).toMatchObject({ part: 'state', where: `state-${start === 'first' ? round : round + 1}` });
        await store.close();
        const kept = (await readdir(dir)).filter((name) => name.endsWith('.damaged'));
        expect(kept).toEqual([`state-${round}.damaged`]);
      }
    }
  });
});

describe('a large state', () => {
  it('is verified while the node serves', async () => {
    const { states } = await fill(20);
    await flush();
    const store = insistIntact(await open(true));
    expect(await stateContentOf(store.state)).toBe(states.get(40));
    await store.close();
    expect(fatal.map(String)).toEqual([]);
    expect(await readdir(dir)).not.toContain('state-condemned');
  });

  it('ends the process when it is found to be damaged, and is not used again', async () => {
    await fill(20);
    await flush();
    await damageRow('row/17');
    const store = await open(true);
    expect(store.kind).toBe('intact');
    await waitUntil(() => fatal.length > 0);
    expect(fatal[0]!.message).toMatch(/damaged/);
    await store.close();
    const again = insistRepairing(await open(true));
    expect(again.repair).toMatchObject({ part: 'state', where: 'state-1' });
    expect(again.state.appliedIndex).toBe(0);
    await again.close();
  });

  it('is not used again after a broken row was read, however soon the process ended', async () => {
    await fill(20);
    await flush();
    await damageRow('row/17');
    const store = insistIntact(await open(true));
    expect(() => store.state.get('row/17')).toThrow(ParleyError);
    // This very turn may have been the last one.
    expect(fatal).toHaveLength(1);
    // Unless the search in the background was faster, and found its table.
    expect(await readFile(join(dir, 'state-condemned'), 'utf8')).toMatch(/row\/17|\.ldb/);
    await store.close();
  });

  it('is not condemned because it is closed while it is being verified', async () => {
    await fill(20);
    await flush();
    for (let round = 0; round < 20; round += 1) {
      const store = insistIntact(await open(true));
      for (let turns = 0; turns < round; turns += 1) await new Promise((resolve) => setImmediate(resolve));
      await store.close();
    }
    expect(fatal.map(String)).toEqual([]);
    const store = insistIntact(await open());
    expect(store.state.appliedIndex).toBe(40);
    await store.close();
  });

  it('that was condemned is made again when the log is complete, and is then judged anew', async () => {
    await fill(0);
    await writeFile(join(dir, 'state-condemned'), 'no longer readable');
    await expectRebuilding(await open());
    expect(await readdir(dir)).not.toContain('state-condemned');
    const store: IntactStore = insistIntact(await open());
    expect(await readdir(dir)).not.toContain('state-2.damaged');
    await store.close();
  });
});
