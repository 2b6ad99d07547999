import { readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { EMPTY_CONF_STATE, type HardState, type LogIndex, type PeerId, type Term } from '../../consensus/types.ts';
import { appendAll, applyTestEntry, testEntries, testEntry } from '../../testing/store/fill-store.ts';
import { copyImage, filesOf, flipBit, logContentOf, removeImage } from '../../testing/store/store-images.ts';
import {
  insistIntact,
  insistRepairing,
  makeTemporaryFolder,
  openMember,
  optionsFor,
} from '../../testing/store/temporary-store.ts';
import { placesOfEntry } from '../../testing/store/sealed-places.ts';
import { sealOfFiles } from '../../testing/store/test-keys.ts';
import { waitUntil } from '../../testing/wait-until.ts';
import type { LevelStateStore } from './level-state-store.ts';
import { newerHardState } from './log-recovery.ts';
import { readMark } from './mark-copies.ts';
import type { IntactStore } from './node-store.ts';
import { openNodeStore } from './open-node-store.ts';

/** Entries 1 to 8 of term 4, of which 6 are committed and 5 applied, in one record each. */
const LAST = 8;
const GOAL = { entry: { index: LAST, term: 4 }, commit: 6 };

let dir: string;
/** What the log held before it was damaged. */
let content: string;

beforeEach(async () => {
  dir = await filled();
});
afterEach(() => removeImage(dir));

async function filled(afterwards: (store: IntactStore) => Promise<void> = async () => {}): Promise<string> {
  const folder = await makeTemporaryFolder();
  const store = await openMember(folder);
  for (let index = 1; index <= LAST; index += 1) {
    await appendAll(store, [testEntry(index, 4)], { term: 4, commit: Math.min(6, index - 1) });
    if (index <= 5) applyTestEntry(store, index, 4);
  }
  content = logContentOf(store.log);
  // What is applied reaches the disk a little later.
  await waitUntil(() => (store.state as LevelStateStore).unflushedBytes === 0);
  await afterwards(store);
  // Of a running process: all records are in the write-ahead file, one behind the other.
  const image = await copyImage(folder);
  await store.close();
  await removeImage(folder);
  return image;
}

const open = () => openNodeStore(optionsFor(dir));
const repairing = async (): Promise<ReturnType<typeof insistRepairing>> => insistRepairing(await open());
const names = async (): Promise<string[]> => (await readdir(dir)).sort();
const promised = async (): Promise<{ index: number; term: number; commit: number; vote: number }> => {
  const { mark, hardState } = (await readMark(join(dir, 'mark'), await sealOfFiles(dir, 'mark')))!;
  return { index: mark.index, term: mark.term, commit: hardState.commit, vote: hardState.vote };
};

/** Flips a bit in the record of one entry. */
async function damageEntry(index: number): Promise<void> {
  const place = (await placesOfEntry(dir, index)).find(({ path }) => /^log\/\d+\.(log|ldb)$/.test(path));
  if (place === undefined) throw new Error(`no file of the log holds entry ${index}`);
  await flipBit(join(dir, place.path), 8 * place.at);
}

const entriesOf = ({ log }: IntactStore): string[] => logContentOf(log).split('\n').slice(2);

describe('a log with a damaged entry', () => {
  it('keeps what comes before it, and the state that this leads up to', async () => {
    await damageEntry(7);
    const store = await repairing();
    expect(store.repair.reason).toBe('it ends at entry 6, but entries up to 8 were acknowledged');
    expect(store.log.repair).toEqual(GOAL);
    expect(entriesOf(store)).toEqual(content.split('\n').slice(2, 8));
    expect(store.state.appliedIndex).toBe(5);
    expect(store.log.initialState().hardState).toEqual({ term: 4, vote: 1, commit: 5 });
    await store.close();
    expect(await names()).toEqual(expect.arrayContaining(['log', 'log.damaged']));
    // Nothing is taken from what was set aside.
    await rm(join(dir, 'log'), { recursive: true });
    await rename(join(dir, 'log.damaged'), join(dir, 'log'));
    const again = await repairing();
    expect(entriesOf(again)).toHaveLength(6);
    await again.close();
  });

  it('keeps what comes after it, too, until somebody fills the gap, across every start', async () => {
    await damageEntry(7);
    for (let start = 0; start < 3; start += 1) {
      const store = await repairing();
      const { lost } = store.log;
      const after7 = lost!.chain(store.log.chainHash(6 as LogIndex), testEntry(7, 4));
      expect(lost!.following(after7)).toMatchObject([{ index: 8, term: 4 }]);
      expect(lost!.following(store.log.chainHash(6 as LogIndex))).toEqual([]);
      expect(Buffer.from(lost!.chain(after7, testEntry(8, 4)))).toEqual(Buffer.from(lost!.hash));
      await store.close();
    }
  });

  it('owns up to what it acknowledged to a later leader before it knows how much of that is committed', async () => {
    await damageEntry(7);
    let store = await repairing();
    expect(store.log.promised().entry).toEqual({ index: 8, term: 4 });
    await appendAll(store, [testEntry(7, 5)], { term: 5, commit: 5 });
    for (let start = 0; start < 3; start += 1) {
      expect(store.log.repair).toBeDefined();
      expect(store.log.promised()).toMatchObject({ term: 5, entry: { index: 7, term: 5 } });
      await store.close();
      store = await repairing();
    }
    await store.close();
  });

  it('needs nobody when the state contains what is missing', async () => {
    await damageEntry(3);
    const store = insistIntact(await open());
    expect([store.log.firstIndex(), store.log.lastIndex(), store.state.appliedIndex]).toEqual([5, LAST, 5]);
    expect(entriesOf(store)).toEqual(content.split('\n').slice(6));
    expect(store.log.initialState().hardState).toEqual({ term: 4, vote: 1, commit: 6 });
    await store.close();
    expect(await names()).toEqual(expect.arrayContaining(['log', 'log.damaged', 'state-1']));
    await insistIntact(await open()).close();
  });

  it('begins where the state ends, when all after that is left', async () => {
    await damageEntry(5);
    const store = insistIntact(await open());
    expect([store.log.firstIndex(), store.log.lastIndex(), store.state.appliedIndex]).toEqual([6, LAST, 5]);
    await store.close();
  });

  it('never begins beyond what is committed, though all after that is left and the state is lost', async () => {
    await removeImage(dir);
    dir = await filled(async ({ log }) => {
      log.compact(2 as LogIndex);
      await new Promise<void>((done) => log.append({ entries: [] }, done));
    });
    await rm(join(dir, 'state-1'), { recursive: true });
    await damageEntry(7);
    const store = await repairing();
    expect([store.log.firstIndex(), store.log.lastIndex(), store.state.appliedIndex]).toEqual([3, 6, 0]);
    expect(store.log.repair).toEqual(GOAL);
    await store.close();
  });

  it('makes the state again when it is ahead of what is left', async () => {
    await damageEntry(5);
    await damageEntry(7);
    const store = await repairing();
    expect(store.log.lastIndex()).toBe(4);
    expect([store.state.appliedIndex, store.state.get('counter')]).toEqual([0, undefined]);
    expect(store.log.initialState().hardState.commit).toBe(0);
    await store.close();
    expect(await names()).toContain('state-1.damaged');
  });

  it('remembers what it promised through every write and every start, until it has it again', async () => {
    await damageEntry(6);
    await damageEntry(7);
    let store = await repairing();
    for (const index of [6, 7]) {
      await appendAll(store, [testEntry(index, 4)], { term: 4, commit: index - 1 });
      expect(await promised()).toEqual({ index: LAST, term: 4, commit: 6, vote: 1 });
      await store.close();
      store = await repairing();
      expect(store.log.repair).toEqual(GOAL);
      expect(store.log.lastIndex()).toBe(index);
    }
    await appendAll(store, [testEntry(8, 4)], { term: 4, commit: 7 });
    expect(store.log.repair).toBeUndefined();
    await appendAll(store, [testEntry(9, 4)], { term: 4, commit: 8 });
    await store.close();
    expect(await promised()).toMatchObject({ index: 9 });
    const whole = insistIntact(await open());
    expect(entriesOf(whole).slice(0, LAST)).toEqual(content.split('\n').slice(2));
    await whole.close();
  });

  it('is not whole with all entries again as long as it does not know that they are committed', async () => {
    await damageEntry(7);
    let store = await repairing();
    await appendAll(store, testEntries(7, 9, 4), { term: 4, commit: 5 });
    expect(store.log.repair).toEqual(GOAL);
    await store.close();
    store = await repairing();
    await appendAll(store, [testEntry(10, 4)], { term: 4, commit: 9 });
    expect(store.log.repair).toBeUndefined();
    await store.close();
    await insistIntact(await open()).close();
  });

  it('is whole again with newer entries in the place of those it promised', async () => {
    await damageEntry(7);
    const store = await repairing();
    await appendAll(store, [testEntry(7, 4), testEntry(8, 5)], { term: 5, commit: 7 });
    expect(store.log.repair).toBeUndefined();
    await store.close();
    await insistIntact(await open()).close();
  });

  it('keeps votes and terms that it gives while it is repaired', async () => {
    await damageEntry(7);
    const store = await repairing();
    await new Promise<void>((resolve) =>
      store.log.append(
        { hardState: { term: 9 as Term, vote: 3 as PeerId, commit: 5 as LogIndex }, entries: [] },
        resolve,
      ),
    );
    await store.close();
    const again = await repairing();
    expect(again.log.initialState().hardState).toMatchObject({ term: 9, vote: 3 });
    expect(again.log.repair).toEqual(GOAL);
    await again.close();
    // And once more without a log that could tell.
    await rm(join(dir, 'log'), { recursive: true });
    const third = await repairing();
    expect(third.log.initialState().hardState).toMatchObject({ term: 9, vote: 3 });
    expect(third.log.repair).toEqual(GOAL);
    await third.close();
  });

  it('is whole again after a snapshot beyond what it promised', async () => {
    await damageEntry(7);
    const store = await repairing();
    const metadata = { index: 20 as LogIndex, term: 4 as Term, confState: EMPTY_CONF_STATE };
    const snapshot = { metadata, chainHash: new Uint8Array(32).fill(7) };
    const hardState = { term: 4 as Term, vote: 1 as PeerId, commit: 20 as LogIndex };
    const written = new Promise<void>((resolve) => store.log.append({ hardState, entries: [], snapshot }, resolve));
    expect(store.log.promised().entry, 'before it is on the disk').toEqual(GOAL.entry);
    await written;
    expect(store.log.repair).toBeUndefined();
    expect(await promised()).toMatchObject({ index: 20, term: 4 });
    await store.close();
  });

  it('sets aside the newest damaged log only', async () => {
    for (let round = 0; round < 2; round += 1) {
      await damageEntry(7 - round);
      await (await repairing()).close();
    }
    expect((await names()).filter((name) => name.startsWith('log'))).toEqual(['log', 'log.damaged']);
  });

  it('is found where a crash left it: written, but not in its place', async () => {
    await damageEntry(7);
    await (await repairing()).close();
    await rename(join(dir, 'log'), join(dir, 'log.new'));
    const store = await repairing();
    expect(store.log.lastIndex()).toBe(6);
    await store.close();
    expect((await names()).filter((name) => name.startsWith('log'))).toEqual(['log', 'log.damaged']);
  });

  it('begins anew when a crash came while the new log was being written', async () => {
    await (
      await copyLogTo('log.new')
    )();
    await damageEntry(7);
    const store = await repairing();
    expect(store.log.lastIndex()).toBe(6);
    await store.close();
    expect(await names()).not.toContain('log.new');
  });

  /** Half of a log in another folder. */
  async function copyLogTo(folder: string): Promise<() => Promise<void>> {
    const image = await copyImage(join(dir, 'log'));
    return async () => {
      for (const { path } of (await filesOf(image)).slice(1)) await rm(join(image, path));
      await rm(join(dir, folder), { recursive: true, force: true });
      await rename(image, join(dir, folder));
    };
  }
});

describe('of two copies of the hard state', () => {
  const state = ([term, vote]: readonly number[]): HardState => ({ term, vote, commit: 0 }) as HardState;

  it.each([
    { a: [4, 1], b: [5, 0], newer: [5, 0] },
    { a: [5, 0], b: [4, 1], newer: [5, 0] },
    { a: [5, 0], b: [5, 2], newer: [5, 2] },
    { a: [5, 2], b: [5, 0], newer: [5, 2] },
  ])('$a and $b, $newer is the newer', ({ a, b, newer }) => {
    expect(newerHardState(state(a), state(b))).toEqual(state(newer));
  });
});
