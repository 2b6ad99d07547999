import { mkdir, readFile, rename, rm, truncate, unlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { EntryType, type Entry, type HardState, type LogIndex, type Term } from '../../consensus/types.ts';
import { ParleyError } from '../../protocol/errors.ts';
import type { NodeName, StampMs } from '../../protocol/ids.ts';
import {
  contentOf,
  copyImage,
  filesOf,
  flipBit,
  logContentOf,
  removeImage,
  stateContentOf,
} from '../../testing/store/store-images.ts';
import {
  TEST_FOUNDING,
  insistIntact,
  makeTemporaryFolder,
  openMember,
  optionsFor,
} from '../../testing/store/temporary-store.ts';
import type { IntactStore, OpenedStore } from './node-store.ts';
import { openNodeStore } from './open-node-store.ts';
import { encodeSealedJson } from './sealed-json.ts';

const FLIPS = 400;

function entry(index: number, term: number): Entry {
  const data = new TextEncoder().encode(`entry ${index} `.repeat(1 + (index % 5)));
  return { index: index as LogIndex, term: term as Term, type: EntryType.normal, data };
}

function append({ log }: IntactStore, entries: readonly Entry[], term: number, commit: number): Promise<void> {
  const hardState = { term, vote: 1, commit } as HardState;
  return new Promise((resolve) => log.append({ hardState, entries }, resolve));
}

function apply({ state }: IntactStore, index: number, term: number): void {
  const transaction = state.begin();
  transaction.put(`row/${index}`, new TextEncoder().encode(`value ${index} `.repeat(1 + (index % 7))));
  transaction.put('counter', new TextEncoder().encode(String(index)));
  if (index % 10 === 0) transaction.delete(`row/${index - 5}`);
  transaction.commit({ index: index as LogIndex, term: term as Term, stampMs: (1000 + index) as StampMs });
}

interface Built {
  readonly log: string;
  /** The state after each entry. */
  readonly states: ReadonlyMap<number, string>;
}

/** Entries up to `last`, all applied, in several writes and several lives of the store, compacted at the end. */
async function buildStore(dir: string, { last, compactTo }: { last: number; compactTo: number }): Promise<Built> {
  const states = new Map<number, string>();
  for (let life = 0; life < 4; life += 1) {
    const store = await openMember(dir);
    const from = 1 + (last / 4) * life;
    for (let index = from; index < from + last / 4; index += 1) {
      await append(store, [entry(index, 1 + life)], 1 + life, index - 1);
      apply(store, index, 1 + life);
      states.set(index, await stateContentOf(store.state));
    }
    if (life === 3 && compactTo > 0) {
      await store.state.sync();
      store.log.compact(compactTo as LogIndex);
    }
    await store.close();
  }
  // From a copy: opening a database moves what is in its write-ahead file into a table.
  const copy = await copyImage(dir);
  const store = await openMember(copy);
  const log = logContentOf(store.log);
  await store.close();
  await removeImage(copy);
  return { log, states };
}

async function open(dir: string): Promise<OpenedStore> {
  return openNodeStore(optionsFor(dir));
}

/** Numbers from a seed, each below its bound (mulberry32). */
function randomFrom(seed: number): (bound: number) => number {
  let state = seed;
  return (bound) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) % bound;
  };
}

let original: string;
let built: Built;

beforeAll(async () => {
  original = await makeTemporaryFolder();
  built = await buildStore(original, { last: 200, compactTo: 120 });
});

afterAll(() => removeImage(original));

/** Opens a changed copy of the store. */
async function openChanged(change: (dir: string) => Promise<void>): Promise<{ store: OpenedStore; dir: string }> {
  const dir = await copyImage(original);
  await change(dir);
  return { store: await open(dir), dir };
}

async function expectDamage(part: string, change: (dir: string) => Promise<void>): Promise<void> {
  const { store, dir } = await openChanged(change);
  try {
    const before = await filesOf(dir);
    expect(store.kind === 'damaged' && store.damage).toMatchObject({ part });
    expect((await filesOf(dir)).length).toBe(before.length);
  } finally {
    await store.close();
    await removeImage(dir);
  }
}

describe('a store that lost something', () => {
  it('opens a copy as it was', async () => {
    const { store, dir } = await openChanged(async () => {});
    expect(await contentOf(insistIntact(store))).toBe(`${built.log}\n${built.states.get(200)}`);
    await store.close();
    await removeImage(dir);
  });

  it('says so when a file is missing, and makes nothing new in its place', async () => {
    await expectDamage('log', (dir) => unlink(join(dir, 'log', 'CURRENT')));
    await expectDamage('log', (dir) => rm(join(dir, 'log'), { recursive: true }));
    await expectDamage('state', async (dir) => {
      const current = JSON.parse((await readFile(join(dir, 'state-current'), 'utf8')).split('\n')[0]!) as {
        current: string;
      };
      await unlink(join(dir, current.current, 'CURRENT'));
    });
    await expectDamage('state', (dir) => unlink(join(dir, 'state-current')));
    await expectDamage('mark', (dir) => unlink(join(dir, 'mark')));
    await expectDamage('manifest', (dir) => unlink(join(dir, 'manifest')));
    await expectDamage('mark', (dir) => truncate(join(dir, 'mark'), 100));
  });

  it('finds out a log that was replaced by an older one', async () => {
    const dir = await makeTemporaryFolder();
    let store = await openMember(dir);
    await append(store, [entry(1, 1), entry(2, 1)], 1, 0);
    await store.close();
    const older = await copyImage(dir);
    store = await openMember(dir);
    await append(store, [entry(3, 1)], 1, 0);
    await store.close();
    await rm(join(dir, 'log'), { recursive: true });
    await rename(join(older, 'log'), join(dir, 'log'));
    const opened = await open(dir);
    expect(opened.kind === 'damaged' && opened.damage).toMatchObject({ part: 'log' });
    expect(opened.kind === 'damaged' && opened.mark).toMatchObject({ index: 3, term: 1, ackTerm: 1 });
    expect(opened.kind === 'damaged' && opened.hardState).toMatchObject({ term: 1, vote: 1 });
    await opened.close();
    await removeImage(dir);
    await removeImage(older);
  });

  it('finds out a vote that was forgotten', async () => {
    const dir = await makeTemporaryFolder();
    let store = await openMember(dir);
    await append(store, [], 4, 0);
    await store.close();
    const older = await copyImage(dir);
    store = await openMember(dir);
    await append(store, [], 5, 0);
    await store.close();
    await rm(join(dir, 'log'), { recursive: true });
    await rename(join(older, 'log'), join(dir, 'log'));
    const opened = await open(dir);
    expect(opened.kind === 'damaged' && opened.damage).toMatchObject({ part: 'log' });
    await opened.close();
    await removeImage(dir);
    await removeImage(older);
  });

  it('rebuilds a damaged state when the log is complete', async () => {
    const dir = await makeTemporaryFolder();
    await buildStore(dir, { last: 40, compactTo: 0 });
    for (const { path } of await filesOf(dir)) {
      if (path.startsWith('state-') && path.endsWith('.ldb')) await flipBit(join(dir, path), 999);
    }
    const store = insistIntact(await open(dir));
    expect(store.state.appliedIndex).toBe(0);
    expect(store.log.lastIndex()).toBe(40);
    expect(store.log.initialState().hardState.commit).toBe(39);
    await store.close();
    await removeImage(dir);
  });
});

describe('flipped bits', () => {
  it(`never give wrong data: ${FLIPS} flips over all files`, async () => {
    const files = (await filesOf(original)).filter(({ path }) => !path.endsWith('LOCK'));
    const random = randomFrom(20_261);
    const outcomes = { damaged: 0, harmless: 0 };
    for (let flip = 0; flip < FLIPS; flip += 1) {
      // Small files as often as large ones.
      const { path, bytes } = files[random(files.length)]!;
      const bit = random(bytes * 8);
      const { store, dir } = await openChanged((dir) => flipBit(join(dir, path), bit));
      try {
        if (store.kind === 'damaged') outcomes.damaged += 1;
        else {
          // The last applied entries may be missing, since the log has them.
          const { appliedIndex } = store.state;
          expect(await contentOf(store), `bit ${bit} of ${path}`).toBe(
            `${built.log}\n${built.states.get(appliedIndex)}`,
          );
          outcomes.harmless += 1;
        }
      } finally {
        await store.close();
        await removeImage(dir);
      }
    }
    expect(outcomes.damaged).toBeGreaterThan(FLIPS / 10);
    expect(outcomes.harmless).toBeGreaterThan(0);
  });
});

describe('a directory that is not ours', () => {
  it('refuses the directory of another node', async () => {
    const options = { ...optionsFor(original), nodeName: 'n2' as NodeName };
    await expect(openNodeStore(options)).rejects.toMatchObject({ code: 'wrong_cluster' });
  });

  it('refuses a format of the future', async () => {
    const dir = await makeTemporaryFolder();
    await mkdir(dir, { recursive: true });
    await writeFile(join(dir, 'manifest'), encodeSealedJson({ formatVersion: 2, nodeName: 'n1' }));
    const before = await filesOf(dir);
    await expect(open(dir)).rejects.toMatchObject({ code: 'unsupported_version' });
    expect((await filesOf(dir)).filter(({ path }) => !path.startsWith('lock'))).toEqual(before);
    await removeImage(dir);
  });

  it('refuses a directory that is in use', async () => {
    const dir = await makeTemporaryFolder();
    const store = await openMember(dir);
    await append(store, [entry(1, 1)], 1, 0);
    const refusal: unknown = await open(dir).catch((error: unknown) => error);
    expect(refusal).toBeInstanceOf(ParleyError);
    expect(refusal).toMatchObject({ code: 'data_in_use' });
    await append(store, [entry(2, 1)], 1, 1);
    await store.close();
    const again = await openMember(dir);
    expect(again.log.lastIndex()).toBe(2);
    await again.close();
    await removeImage(dir);
  });
});

describe('founding', () => {
  it('remembers a founding record, and stays empty until it joins', async () => {
    const dir = await makeTemporaryFolder();
    let store = insistIntact(await open(dir));
    expect([store.manifest, store.founding, store.bootId]).toEqual([undefined, undefined, 1]);
    expect(() => store.log.append({ entries: [entry(1, 1)] }, () => {})).toThrow();
    await store.recordFounding(TEST_FOUNDING);
    await store.recordFounding(TEST_FOUNDING);
    await store.close();
    store = insistIntact(await open(dir));
    expect(store.bootId).toBe(2);
    expect(store.manifest).toBeUndefined();
    expect(store.founding).toMatchObject(TEST_FOUNDING);
    const other = { ...TEST_FOUNDING, clusterId: `C${'b'.repeat(26)}` as typeof TEST_FOUNDING.clusterId };
    await expect(store.recordFounding(other)).rejects.toMatchObject({ code: 'wrong_cluster' });
    const manifest = await store.join();
    expect(manifest).toMatchObject({ ...TEST_FOUNDING, nodeName: 'n1', peerId: 1 });
    expect(store.state.confState.voters).toEqual([1, 2, 3]);
    await store.close();
    store = insistIntact(await open(dir));
    expect(store.bootId).toBe(3);
    expect(store.manifest).toEqual(manifest);
    await expect(store.recordFounding(other)).rejects.toMatchObject({ code: 'wrong_cluster' });
    await store.close();
    await removeImage(dir);
  });
});
