import { mkdir, readFile, rename, rm, stat, truncate, unlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { peerId } from '../../consensus/types.ts';
import { ParleyError } from '../../protocol/errors.ts';
import type { ClusterId, NodeName } from '../../protocol/ids.ts';
import { appendAll, fillStore, testEntry } from '../../testing/store/fill-store.ts';
import { copyImage, filesOf, flipBit, removeImage } from '../../testing/store/store-images.ts';
import {
  TEST_FOUNDING,
  insistIntact,
  makeTemporaryFolder,
  openMember,
  optionsFor,
} from '../../testing/store/temporary-store.ts';
import { BootRecord } from './boot-record.ts';
import { commandOrigin } from '../command-origin.ts';
import type { IntactStore, OpenedStore } from './node-store.ts';
import { openNodeStore } from './open-node-store.ts';
import { encodeSealedJson } from './sealed-json.ts';

let dir: string;
beforeEach(async () => {
  dir = await makeTemporaryFolder();
});
afterEach(() => removeImage(dir));

const open = (): Promise<OpenedStore> => openNodeStore(optionsFor(dir));
const openIntact = async (): Promise<IntactStore> => insistIntact(await open());
const fileIn = (...path: string[]): string => join(dir, ...path);

async function closed(store: OpenedStore | Promise<OpenedStore>): Promise<void> {
  await (await store).close();
}

describe('a directory that is not ours', () => {
  it('is refused when it belongs to another node', async () => {
    await closed(openMember(dir));
    const options = { ...optionsFor(dir), nodeName: 'n2' as NodeName };
    await expect(openNodeStore(options)).rejects.toMatchObject({ code: 'wrong_cluster' });
  });

  it.each([1, 2, 4])('is refused, and left alone, when it has another format (%i)', async (formatVersion) => {
    await writeFile(fileIn('manifest'), encodeSealedJson({ formatVersion, nodeName: 'n1' }));
    const before = await filesOf(dir);
    await expect(open()).rejects.toMatchObject({ code: 'unsupported_version' });
    expect((await filesOf(dir)).filter(({ path }) => !path.startsWith('lock'))).toEqual(before);
  });

  it('is refused when it is in use, which disturbs nobody', async () => {
    const store = await openMember(dir);
    await appendAll(store, [testEntry(1, 1)], { term: 1, commit: 0 });
    const refusal: unknown = await open().catch((error: unknown) => error);
    expect(refusal).toBeInstanceOf(ParleyError);
    expect(refusal).toMatchObject({ code: 'data_in_use' });
    await appendAll(store, [testEntry(2, 1)], { term: 1, commit: 1 });
    await store.close();
    const again = await openMember(dir);
    expect(again.log.lastIndex()).toBe(2);
    await again.close();
  });
});

describe('founding', () => {
  it('remembers a founding record, and stays empty until it joins', async () => {
    let store = await openIntact();
    const { bootId } = store;
    expect([store.manifest, store.founding]).toEqual([undefined, undefined]);
    expect(() => store.log.append({ entries: [testEntry(1, 1)] }, () => {})).toThrow("nobody's yet");
    await store.recordFounding(TEST_FOUNDING);
    await store.recordFounding(TEST_FOUNDING);
    await store.close();
    store = await openIntact();
    expect(store.bootId).toBeGreaterThan(bootId);
    expect(store.manifest).toBeUndefined();
    expect(store.founding).toMatchObject(TEST_FOUNDING);
    const other = { ...TEST_FOUNDING, clusterId: `C${'b'.repeat(26)}` as ClusterId };
    await expect(store.recordFounding(other)).rejects.toMatchObject({ code: 'wrong_cluster' });
    const manifest = await store.join();
    expect(manifest).toMatchObject({ ...TEST_FOUNDING, nodeName: 'n1', peerId: 1 });
    expect(store.state.confState.voters).toEqual([1, 2, 3]);
    await store.close();
    store = await openIntact();
    expect(store.manifest).toEqual(manifest);
    await expect(store.recordFounding(other)).rejects.toMatchObject({ code: 'wrong_cluster' });
    await store.close();
  });

  /** As a power cut leaves it: LevelDB names its first manifest before it is on disk. */
  const cutShort = {
    'the database was being made': () => truncate(fileIn('log', 'MANIFEST-000002'), 0),
    'the database was empty': async () => {
      await unlink(fileIn('log', 'CURRENT'));
      await unlink(fileIn('log', 'MANIFEST-000002'));
    },
    'the first rows were being written': () => truncate(fileIn('log', '000003.log'), 20),
    'only its folder was made': async () => {
      await rm(fileIn('log'), { recursive: true });
      await mkdir(fileIn('log'));
    },
    'the mark was being made': async () => {
      await rm(fileIn('log'), { recursive: true });
      await truncate(fileIn('mark'), 4096);
      await rm(fileIn('mark.copy'));
    },
    'the copy of the mark was being made': async () => {
      await rm(fileIn('log'), { recursive: true });
      await truncate(fileIn('mark.copy'), 4096);
    },
    'nothing was made yet': async () => {
      for (const name of ['log', 'mark', 'mark.copy', 'state-current', 'state-1']) {
        await rm(fileIn(name), { recursive: true });
      }
    },
  };

  it.each(Object.entries(cutShort))('begins anew when the first start ended while %s', async (_, damage) => {
    await closed(open());
    await damage();
    const store = await openMember(dir);
    await appendAll(store, [testEntry(1, 1)], { term: 1, commit: 0 });
    await store.close();
    const again = await openIntact();
    expect(again.log.lastIndex()).toBe(1);
    await again.close();
  });

  it('keeps what is not its own when it begins anew', async () => {
    await closed(open());
    await truncate(fileIn('log', 'MANIFEST-000002'), 0);
    await writeFile(fileIn('log', 'notes.txt'), 'mine');
    await closed(openMember(dir));
    expect(await readFile(fileIn('log', 'notes.txt'), 'utf8')).toBe('mine');
  });

  it('is begun anew where the first start was cut short while it wrote the mark', async () => {
    await closed(openIntact());
    // Of what is written twice, the second page did not reach the disk.
    const mark = await readFile(fileIn('mark'));
    for (const name of ['mark', 'mark.copy']) await writeFile(fileIn(name), mark.fill(0, 4096, 8192));
    for (let start = 0; start < 3; start += 1) {
      const store = await openIntact();
      expect(store.manifest).toBeUndefined();
      await store.close();
    }
    await closed(openMember(dir));
  });

  it('does not begin anew where the mark tells of a promise, even if nothing else does', async () => {
    await fillStore(dir, { last: 4, compactTo: 0 });
    for (const name of ['manifest', 'manifest.copy', 'founding', 'log', 'state-current', 'state-1']) {
      await rm(fileIn(name), { recursive: true });
    }
    const mark = await readFile(fileIn('mark'));
    const store = await open();
    expect(store).toMatchObject({ kind: 'damaged', damage: { part: 'manifest' }, mark: { index: 4 } });
    await store.close();
    expect(await readFile(fileIn('mark'))).toEqual(mark);
  });

  it('does not take a log that is not empty for an unfinished one, whatever the mark says', async () => {
    await closed(openIntact());
    const untouched = await copyImage(dir);
    await fillStore(dir, { last: 4, compactTo: 0 });
    for (const name of ['mark', 'mark.copy']) await rename(join(untouched, name), fileIn(name));
    for (const name of ['manifest', 'manifest.copy']) await unlink(fileIn(name));
    const store = await open();
    const reason = expect.stringContaining('not empty') as string;
    expect(store).toMatchObject({ kind: 'damaged', damage: { part: 'manifest', reason } });
    await store.close();
    await removeImage(untouched);
  });
});

describe('the lock of a directory', () => {
  it('survives damage to the database it is made of', async () => {
    await closed(openMember(dir));
    const { ino } = await stat(fileIn('lock', 'LOCK'));
    await writeFile(fileIn('lock', 'CURRENT'), 'MANIFEST-000099\n');
    await writeFile(fileIn('lock', 'notes.txt'), 'mine');
    const store = await openIntact();
    await expect(open()).rejects.toMatchObject({ code: 'data_in_use' });
    await store.close();
    // Whoever waits for the lock must find it in the same file.
    expect((await stat(fileIn('lock', 'LOCK'))).ino).toBe(ino);
    expect(await readFile(fileIn('lock', 'notes.txt'), 'utf8')).toBe('mine');
  });

  it('says so when it cannot be taken', async () => {
    await writeFile(fileIn('lock'), 'in the way');
    await expect(open()).rejects.toThrow(/cannot be locked/);
    expect(await readFile(fileIn('lock'), 'utf8')).toBe('in the way');
  });
});

describe('boot ids', () => {
  const NOW_MS = 1_700_000_000_000;
  const nextBootId = async (nowMs: number): Promise<number> => (await BootRecord.begin(dir, nowMs, false)).boot;

  it('grow with the wall clock by the millisecond, or are one more than the last', async () => {
    const first = await nextBootId(NOW_MS);
    expect(await nextBootId(NOW_MS)).toBe(first + 1);
    expect(await nextBootId(NOW_MS - 3_600_000)).toBe(first + 2);
    expect(await nextBootId(NOW_MS + 60_000)).toBe(first + 60_000);
  });

  it('fit beside a peer id into one number for many years to come', async () => {
    const late = await nextBootId(Date.UTC(2085, 0, 1));
    expect(commandOrigin(late, peerId(4095))).toBeLessThan(Number.MAX_SAFE_INTEGER);
  });

  it.each([
    ['emptied', () => unlink(fileIn('boot'))],
    ['damaged', () => flipBit(fileIn('boot'), 77)],
    ['restored from a copy', () => writeFile(fileIn('boot'), encodeSealedJson({ boot: 3 }))],
  ])('still grow, a millisecond later, in a directory that was %s', async (_, damage) => {
    const before = await nextBootId(NOW_MS);
    await damage();
    expect(await nextBootId(NOW_MS + 1)).toBeGreaterThan(before);
  });
});

describe('the record of starts', () => {
  const begin = (nowMs: number, isMember = true): Promise<BootRecord> => BootRecord.begin(dir, nowMs, isMember);
  const NOW_MS = 1_700_000_000_000;

  it('keeps all starts since the last one that another node has confirmed', async () => {
    const first = await begin(NOW_MS, false);
    expect(first.lineage).toEqual({ since: 0, starts: [first.boot] });
    const second = await begin(NOW_MS + 1);
    expect(second.lineage).toEqual({ since: 0, starts: [first.boot, second.boot] });
    await second.confirm();
    const third = await begin(NOW_MS + 2);
    expect(third.lineage).toEqual({ since: second.boot, starts: [second.boot, third.boot] });
  });

  it('keeps why a directory was refused', async () => {
    const record = await begin(NOW_MS);
    expect(record.refusal).toBeUndefined();
    await Promise.all([record.confirm(), record.refuse('it is an old copy')]);
    expect((await begin(NOW_MS + 1)).refusal).toBe('it is an old copy');
  });

  it.each([
    ['lost', () => unlink(fileIn('boot'))],
    ['damaged', () => flipBit(fileIn('boot'), 77)],
    ['written by an older program', () => writeFile(fileIn('boot'), encodeSealedJson({ boot: 1_700_000_000 }))],
  ])('does not pretend to know earlier starts when it was %s', async (_, damage) => {
    await (await begin(NOW_MS)).confirm();
    await damage();
    const next = await begin(NOW_MS + 5);
    expect(next.lineage).toEqual({ since: null, starts: [next.boot] });
  });
});
