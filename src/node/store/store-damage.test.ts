import assert from 'node:assert/strict';
import { appendFile, cp, readFile, readdir, rename, rm, truncate, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { LogIndex } from '../../consensus/types.ts';
import { randomFrom } from '../../testing/store/crash-steps.ts';
import { appendAll, fillStore, testEntries, testEntry, type FilledStore } from '../../testing/store/fill-store.ts';
import {
  copyImage,
  filesOf,
  flipBit,
  logContentOf,
  removeImage,
  stateContentOf,
} from '../../testing/store/store-images.ts';
import {
  insistIntact,
  insistRepairing,
  makeTemporaryFolder,
  openMember,
  optionsFor,
} from '../../testing/store/temporary-store.ts';
import { readVersion } from './level-check/manifest-reader.ts';
import { copiesOf } from './mark-copies.ts';
import { SLOT_BYTES } from './mark-slot.ts';
import type { IntactStore, OpenedStore, StoreDamage } from './node-store.ts';
import { openNodeStore } from './open-node-store.ts';

const LAST = 200;
const COMPACTED = 120;

let original: string;
let filled: FilledStore;

beforeAll(async () => {
  original = await makeTemporaryFolder();
  filled = await fillStore(original, { last: LAST, compactTo: COMPACTED });
});

afterAll(() => removeImage(original));

const open = (dir: string): Promise<OpenedStore> => openNodeStore(optionsFor(dir));

async function folderOfState(dir: string): Promise<string> {
  const [json] = (await readFile(join(dir, 'state-current'), 'utf8')).split('\n');
  return (JSON.parse(json!) as { current: string }).current;
}

/** Log, mark and identity as they are on disk: what a damaged store must leave alone. */
async function keptFiles(dir: string): Promise<Map<string, string>> {
  const kept = new Map<string, string>();
  for (const { path } of await filesOf(dir)) {
    // What every start writes anew is left out.
    if (/^(lock|state-|boot|keys)|LOCK$|LOG(\.old)?$/.test(path)) continue;
    kept.set(path, (await readFile(join(dir, path))).toString('latin1'));
  }
  return kept;
}

type Outcome = OpenedStore['kind'] | 'repairing';

const outcomeOf = (store: OpenedStore): Outcome =>
  store.kind === 'intact' && store.repair !== undefined ? 'repairing' : store.kind;

async function loseManifest(dir: string): Promise<void> {
  for (const name of ['manifest', 'manifest.copy']) await unlink(join(dir, name));
}

/** Does the same to both files of the mark. */
async function toBothMarks(dir: string, change: (path: string) => Promise<void>): Promise<void> {
  for (const path of copiesOf(join(dir, 'mark'))) await change(path);
}

/** Makes slots (0 to 5; two on each side) of one file of the mark unreadable. */
async function breakSlots(path: string, ...slots: readonly number[]): Promise<void> {
  for (const slot of slots) await flipBit(path, 8 * (slot * SLOT_BYTES + 20));
}

/** What opening a changed copy says. Opens it twice, because the damage is there the second time, too. */
async function damageAfter(change: (dir: string) => Promise<unknown>): Promise<StoreDamage> {
  const dir = await copyImage(original);
  try {
    await change(dir);
    const first = await damageOf(dir);
    expect(await damageOf(dir)).toEqual(first);
    return first;
  } finally {
    await removeImage(dir);
  }
}

async function damageOf(dir: string): Promise<StoreDamage> {
  const store = await open(dir);
  await store.close();
  if (store.kind !== 'damaged') throw new Error('it is taken for sound');
  return store.damage;
}

/** What has to be reached again after a change, however often the store is opened before it is. */
async function repairAfter(change: (dir: string) => Promise<unknown>): Promise<StoreDamage> {
  const dir = await copyImage(original);
  try {
    await change(dir);
    const first = await promisedIn(dir);
    for (let start = 0; start < 2; start += 1) await promisedIn(dir);
    return first;
  } finally {
    await removeImage(dir);
  }
}

async function promisedIn(dir: string): Promise<StoreDamage> {
  const store = insistRepairing(await open(dir));
  try {
    expect(store.manifest).toMatchObject({ nodeName: 'n1', peerId: 1 });
    if (store.log.repair !== undefined) {
      expect(store.log.repair).toEqual({ entry: { index: LAST, term: 4 }, commit: LAST - 1 });
    }
    expect(store.log.initialState().hardState).toMatchObject({ term: 4, vote: 1 });
    await expectPrefix(store, 'repaired');
    return store.repair;
  } finally {
    await store.close();
  }
}

/** Nothing but what was there: entries without a gap, and a state that they lead up to. */
async function expectPrefix({ log, state }: IntactStore, where: string): Promise<void> {
  const [first, end] = [log.firstIndex(), (log.lastIndex() + 1) as LogIndex];
  const entries = first < end ? log.entries(first, end, Number.MAX_SAFE_INTEGER) : [];
  const expected = Array.from({ length: end - first }, (_, at) => testEntry(first + at, termOf(first + at)));
  assert(Array.isArray(entries), where);
  expect(
    entries.map((entry) => ({ ...entry, data: Uint8Array.from(entry.data) })),
    where,
  ).toEqual(expected);
  if (log.repair === undefined) expect(log.lastIndex(), where).toBe(LAST);
  expect(state.appliedIndex, where).toBeLessThan(end);
  // An empty one is fetched.
  if (state.appliedIndex > 0) expect(state.appliedIndex, where).toBeGreaterThanOrEqual(first - 1);
  if (state.appliedIndex > 0) expect(await stateContentOf(state), where).toBe(filled.states.get(state.appliedIndex));
}

/** Each of the four lives of the store was a term. */
const termOf = (index: number): number => 1 + Math.floor((4 * (index - 1)) / LAST);

describe('a store that lost something', () => {
  it('opens a copy as it was', async () => {
    const dir = await copyImage(original);
    const store = insistIntact(await open(dir));
    expect(logContentOf(store.log)).toBe(filled.log);
    expect(await stateContentOf(store.state)).toBe(filled.states.get(LAST));
    await store.close();
    await removeImage(dir);
  });

  const loseLog = (dir: string): Promise<void> => rm(join(dir, 'log'), { recursive: true });
  const loseState = async (dir: string): Promise<void> => rm(join(dir, await folderOfState(dir)), { recursive: true });

  it.each<[name: string, part: string, change: (dir: string) => Promise<unknown>]>([
    ["the state's CURRENT", 'state', async (dir) => unlink(join(dir, await folderOfState(dir), 'CURRENT'))],
    ['the state', 'state', loseState],
    ['the name of the state', 'state', (dir) => unlink(join(dir, 'state-current'))],
    [
      'log and state',
      'log',
      async (dir) => {
        await loseState(dir);
        await loseLog(dir);
      },
    ],
  ])('remembers what it promised when it is %s', async (_, part, change) => {
    expect(await repairAfter(change)).toMatchObject({ part });
  });

  it.each<[name: string, change: (dir: string) => Promise<unknown>]>([
    ["the log's CURRENT", (dir) => unlink(join(dir, 'log', 'CURRENT'))],
    ["the log's MANIFEST", async (dir) => truncate(join(dir, 'log', await manifestOf(join(dir, 'log'))), 10)],
    ['the log, all of which the state contains', loseLog],
    ['the manifest', (dir) => unlink(join(dir, 'manifest'))],
    ['the copy of the manifest', (dir) => unlink(join(dir, 'manifest.copy'))],
    [
      'one slot of each side of the mark in both files, and the log',
      async (dir) => {
        await toBothMarks(dir, (path) => breakSlots(path, 0, 3, 4));
        await loseLog(dir);
      },
    ],
    [
      'one side of the mark in one file, the other sides in the other, and the log',
      async (dir) => {
        await breakSlots(join(dir, 'mark'), 0, 1);
        await breakSlots(join(dir, 'mark.copy'), 2, 3, 4, 5);
        await loseLog(dir);
      },
    ],
    [
      'one file of the mark, and the log',
      async (dir) => {
        await unlink(join(dir, 'mark'));
        await loseLog(dir);
      },
    ],
    [
      'most of the copy of the mark, and the log',
      async (dir) => {
        await truncate(join(dir, 'mark.copy'), 100);
        await loseLog(dir);
      },
    ],
  ])('makes itself whole without help when it is %s', async (_, change) => {
    const dir = await copyImage(original);
    await change(dir);
    for (let start = 0; start < 2; start += 1) {
      const store = insistIntact(await open(dir));
      expect(store.manifest).toMatchObject({ nodeName: 'n1', peerId: 1 });
      expect(store.log.initialState().hardState).toMatchObject({ term: 4, vote: 1, commit: LAST });
      await expectPrefix(store, 'whole');
      expect(store.state.appliedIndex).toBe(LAST);
      await store.close();
    }
    await removeImage(dir);
  });

  const manifestOf = async (log: string): Promise<string> =>
    (await readdir(log)).find((name) => name.startsWith('MANIFEST-'))!;

  it.each<[name: string, part: string, change: (dir: string) => Promise<unknown>]>([
    ['both files of the mark', 'mark', (dir) => toBothMarks(dir, unlink)],
    ['half of both files of the mark', 'mark', (dir) => toBothMarks(dir, (path) => truncate(path, 4096))],
    ['most of both files of the mark', 'mark', (dir) => toBothMarks(dir, (path) => truncate(path, 100))],
    ['the manifest', 'manifest', loseManifest],
    [
      'the manifest and the founding record',
      'manifest',
      async (dir) => {
        await loseManifest(dir);
        await unlink(join(dir, 'founding'));
      },
    ],
    [
      'the manifest and the log',
      'manifest',
      async (dir) => {
        await loseManifest(dir);
        await loseLog(dir);
      },
    ],
    [
      'the manifest and the mark',
      'mark',
      async (dir) => {
        await loseManifest(dir);
        await toBothMarks(dir, unlink);
      },
    ],
    [
      'one side of the mark, and the log',
      'log',
      async (dir) => {
        await toBothMarks(dir, (path) => breakSlots(path, 0, 1));
        await loseLog(dir);
      },
    ],
  ])('is not the node that it was when it is %s', async (_, part, change) => {
    expect(await damageAfter(change)).toMatchObject({ part });
  });

  it('makes nothing new in the place of what is missing, and removes nothing', async () => {
    const dir = await copyImage(original);
    await loseManifest(dir);
    await unlink(join(dir, 'log', 'CURRENT'));
    const before = await keptFiles(dir);
    expect(before.size).toBeGreaterThan(4);
    await damageOf(dir);
    expect(await keptFiles(dir)).toEqual(before);
    await removeImage(dir);
  });

  it('does not mind zeros behind a MANIFEST, which a power cut may leave', async () => {
    const dir = await copyImage(original);
    for (const { path } of await filesOf(dir)) {
      if (/MANIFEST-\d+$/.test(path)) await appendFile(join(dir, path), new Uint8Array(5000));
    }
    const store = insistIntact(await open(dir));
    expect(logContentOf(store.log)).toBe(filled.log);
    expect(await stateContentOf(store.state)).toBe(filled.states.get(LAST));
    await store.close();
    await removeImage(dir);
  });

  /** A store whose log is replaced by the one it had before `later`. */
  async function withOlderLog(later: (store: IntactStore) => Promise<void>): Promise<OpenedStore> {
    const dir = await makeTemporaryFolder();
    let store = await openMember(dir);
    await appendAll(store, testEntries(1, 2, 1), { term: 4, commit: 0 });
    await store.close();
    const older = await copyImage(dir);
    store = await openMember(dir);
    await later(store);
    await store.close();
    await rm(join(dir, 'log'), { recursive: true });
    await rename(join(older, 'log'), join(dir, 'log'));
    await removeImage(older);
    return open(dir);
  }

  it('finds out a log that was replaced by an older one, and keeps what the mark says', async () => {
    const opened = insistRepairing(
      await withOlderLog((store) => appendAll(store, [testEntry(3, 4)], { term: 4, commit: 2 })),
    );
    expect(opened.repair).toMatchObject({ part: 'log', reason: expect.stringContaining('up to 3') as string });
    expect(opened.log.repair).toEqual({ entry: { index: 3, term: 4 }, commit: 2 });
    expect(opened.log.lastIndex()).toBe(2);
    // What is left may be what was replaced: that it is committed has to be heard again.
    expect(opened.log.initialState().hardState).toEqual({ term: 4, vote: 1, commit: 0 });
    await opened.close();
    await removeImage(opened.dir);
  });

  it('finds out a vote that was forgotten, and remembers it', async () => {
    const opened = insistRepairing(await withOlderLog((store) => appendAll(store, [], { term: 5, commit: 0 })));
    expect(opened.log.initialState().hardState).toMatchObject({ term: 5, vote: 1 });
    await opened.close();
    await removeImage(opened.dir);
  });

  it('finds out a log that is not the one the state was made from', async () => {
    const [dir, other] = [await makeTemporaryFolder(), await makeTemporaryFolder()];
    await fillStore(dir, { last: 8, compactTo: 0 });
    // Another log under the same keys.
    for (const name of ['keys', 'keys.copy']) await cp(join(dir, name), join(other, name));
    const store = await openMember(other);
    await appendAll(store, testEntries(1, 8, 9), { term: 9, commit: 8 });
    await store.close();
    for (const name of ['log', 'mark', 'mark.copy']) {
      await rm(join(dir, name), { recursive: true });
      await rename(join(other, name), join(dir, name));
    }
    const opened = await open(dir);
    expect(opened).toMatchObject({ kind: 'damaged', damage: { part: 'log' } });
    await opened.close();
    await removeImage(dir);
    await removeImage(other);
  });
});

/** `PARLEY_DAMAGE=N` damages each kind of file N times in each way, and prints what became of it. */
const ASKED = process.env['PARLEY_DAMAGE'];
const TIMES = Number(ASKED ?? 30);

describe('damaged files never give wrong data', () => {
  const table: string[] = [];
  afterAll(() => {
    if (ASKED !== undefined) process.stdout.write(`${table.join('\n')}\n`);
  });

  it.each([
    // All of it is in the state, or can be had from what is left.
    { kind: 'tables of the log', files: /^log\/\d+\.ldb$/, outcome: 'intact' },
    { kind: 'the write-ahead file of the log', files: /^log\/\d+\.log$/, outcome: 'intact' },
    { kind: 'the MANIFEST of the log', files: /^log\/MANIFEST-\d+$/, outcome: 'intact' },
    { kind: 'CURRENT of the log', files: /^log\/CURRENT$/, outcome: 'intact' },
    { kind: 'tables of the state', files: /^state-\d+\/\d+\.ldb$/, outcome: 'repairing' },
    // What comes after it is cut off, and made again from the log.
    { kind: 'the write-ahead file of the state', files: /^state-\d+\/\d+\.log$/, outcome: 'intact' },
    { kind: 'the MANIFEST of the state', files: /^state-\d+\/MANIFEST-\d+$/, outcome: 'repairing' },
    { kind: 'CURRENT of the state', files: /^state-\d+\/CURRENT$/, outcome: 'repairing' },
    { kind: 'the name of the state', files: /^state-current$/, outcome: 'repairing' },
    { kind: 'the manifest', files: /^manifest(\.copy)?$/, outcome: 'intact' },
    { kind: 'the mark', files: /^mark(\.copy)?$/, outcome: 'intact' },
    { kind: 'files that may be lost', files: /^(boot|founding)$|^lock\/|LOG$/, outcome: 'intact' },
  ] as const)('in $kind: $outcome', async ({ kind, files, outcome }) => {
    const dead = await deadTables(original);
    const candidates = (await filesOf(original)).filter(({ path }) => files.test(path) && !dead.has(path));
    expect(candidates).not.toEqual([]);
    const random = randomFrom(20_261);
    const flipped = new Map<Outcome, number>();
    const cut = new Map<Outcome, number>();
    const unexpected: string[] = [];
    for (let time = 0; time < TIMES; time += 1) {
      // Small files as often as large ones.
      const { path, bytes } = candidates[random(candidates.length)]!;
      const [bit, left] = [random(bytes * 8), random(bytes)];
      const where = `bit ${bit} of ${path} (${bytes} bytes)`;
      const found = await outcomeAfter(where, (dir) => flipBit(join(dir, path), bit));
      if (found !== outcome) unexpected.push(`${where}: ${found}`);
      count(flipped, found);
      count(cut, await outcomeAfter(`${path} cut to ${left}`, (dir) => truncate(join(dir, path), left)));
    }
    table.push(`${kind}: flipped ${told(flipped)}; truncated ${told(cut)}`);
    expect(unexpected).toEqual([]);
    expect([...cut.keys()]).not.toContain('damaged');
  });

  /** LevelDB is closed at times before it has deleted those that it merged into another: nobody reads them again. */
  async function deadTables(dir: string): Promise<ReadonlySet<string>> {
    const dead = new Set<string>();
    const tables = new Map<string, ReadonlySet<number>>();
    for (const { path } of await filesOf(dir)) {
      const [, database, number] = /^(.*)\/0*(\d+)\.ldb$/.exec(path) ?? [];
      if (database === undefined) continue;
      if (!tables.has(database)) {
        const version = await readVersion(join(dir, database));
        tables.set(database, new Set([...version.tables].map(([live]) => live)));
      }
      if (!tables.get(database)!.has(Number(number))) dead.add(path);
    }
    return dead;
  }

  const count = (counts: Map<Outcome, number>, outcome: Outcome): void =>
    void counts.set(outcome, (counts.get(outcome) ?? 0) + 1);
  const told = (counts: Map<Outcome, number>): string =>
    [...counts].map(([outcome, times]) => `${times} ${outcome}`).join(', ');

  /** Opens a changed copy, twice: the first time must not make the damage look sound. */
  async function outcomeAfter(where: string, change: (dir: string) => Promise<void>): Promise<Outcome> {
    const dir = await copyImage(original);
    await change(dir);
    const outcomes: Outcome[] = [];
    try {
      for (let start = 0; start < 2; start += 1) {
        const store = await open(dir);
        try {
          outcomes.push(outcomeOf(store));
          if (store.kind === 'damaged') continue;
          await expectPrefix(store, where);
        } finally {
          await store.close();
        }
      }
      expect(outcomes[1], `${where}, the second time`).toBe(outcomes[0]);
      return outcomes[0]!;
    } finally {
      await removeImage(dir);
    }
  }
});
