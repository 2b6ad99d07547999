import { readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { LogIndex, Term } from '../../consensus/types.ts';
import type { RowSeal } from '../at-rest/row-seal.ts';
import { appendAll, applyTestEntry, hardStateOf, testEntries, testEntry } from '../../testing/store/fill-store.ts';
import { copyImage, logContentOf, removeImage, stateContentOf } from '../../testing/store/store-images.ts';
import { insistIntact, makeTemporaryFolder, openMember, optionsFor } from '../../testing/store/temporary-store.ts';
import { openTestKeys, sealOfFiles } from '../../testing/store/test-keys.ts';
import { CHAIN_START } from './chain-hash.ts';
import { FatalSwitch } from './fatal-switch.ts';
import { packRecord } from './log-record.ts';
import { recordKey } from './log-rows.ts';
import { SIDES, SIDE_BYTES, copiesOf, readMark } from './mark-copies.ts';
import { MarkFile } from './mark-file.ts';
import { decodeMarkSlot, newerSlot, type MarkContent, type MarkSlot } from './mark-slot.ts';
import { openNodeStore } from './open-node-store.ts';
import { RecordIndex } from './record-index.ts';
import { SealedDatabase } from './sealed-database.ts';
import { StoredRecords } from './stored-records.ts';

let dir: string;
/** Of the mark. */
let seal: RowSeal;
beforeEach(async () => {
  dir = await makeTemporaryFolder();
  await (await openTestKeys(dir)).close();
  seal = await sealOfFiles(dir, 'mark');
});
afterEach(() => removeImage(dir));

const markPath = (): string => join(dir, 'mark');

/** What the sides of the mark file say in this very turn. */
function slotsNow(): (MarkSlot | undefined)[] {
  const bytes = readFileSync(markPath());
  return Array.from({ length: SIDES }, (_, side) => decodeMarkSlot(bytes.subarray(side * SIDE_BYTES), seal));
}

const markNow = (): MarkContent => slotsNow().reduce(newerSlot, undefined)!;

describe('the mark', () => {
  it('is on disk before a vote is called done', async () => {
    const store = await openMember(dir);
    const said: MarkContent[] = [];
    await new Promise<void>((resolve) => {
      const done = (): void => {
        said.push(markNow());
        resolve();
      };
      store.log.append({ hardState: hardStateOf(7, 0), entries: [] }, done);
    });
    expect(said).toMatchObject([{ hardState: { term: 7, vote: 1 }, mark: { ackTerm: 7 } }]);
    await store.close();
  });

  it('is written before entries are called done, also while it is being synced', async () => {
    const store = await openMember(dir, { markSyncIntervalMs: 1 });
    const said: number[] = [];
    for (let index = 1; index <= 200; index += 1) {
      await new Promise<void>((resolve) => {
        const hardState = hardStateOf(1, 0);
        store.log.append({ hardState, entries: [testEntry(index, 1)] }, () => {
          said.push(markNow().mark.index);
          resolve();
        });
      });
    }
    expect(said).toEqual(Array.from({ length: 200 }, (_, at) => at + 1));
    await store.close();
  });

  it('is lowered on disk before entries it speaks of are replaced, also when they are while a write runs', async () => {
    const store = await openMember(dir);
    await appendAll(store, testEntries(1, 10, 1), { term: 1, commit: 0 });
    expect(markNow().mark.index).toBe(10);
    const writing = new Promise<void>((resolve) => {
      store.log.append({ entries: testEntries(11, 12, 1) }, resolve);
    });
    // The write of 11 and 12 begins, and cannot end, in this turn; then a new leader replaces the end of the log.
    for (let microtasks = 0; microtasks < 20; microtasks += 1) await Promise.resolve();
    await Promise.all([writing, appendAll(store, [testEntry(8, 2)], { term: 2, commit: 0 })]);
    // A side is left alone once it is synced: the one before the last was.
    expect(slotsNow().map((slot) => slot?.mark.index)).toEqual(expect.arrayContaining([7, 8]));
    await store.close();
    expect((await readMark(markPath(), seal))!.mark).toMatchObject({ index: 8, term: 2 });
  });

  it('catches up with the log when a crash came between the two', async () => {
    let store = await openMember(dir);
    await appendAll(store, testEntries(1, 3, 1), { term: 1, commit: 0 });
    await store.close();
    const older = readFileSync(markPath());
    store = await openMember(dir);
    await appendAll(store, testEntries(4, 6, 2), { term: 2, commit: 3 });
    await store.close();
    for (const path of copiesOf(markPath())) await writeFile(path, older);
    store = await openMember(dir);
    // Nothing was written yet, but the core may vote and acknowledge by what the log holds.
    expect(markNow()).toMatchObject({ hardState: { term: 2, vote: 1 }, mark: { index: 6, term: 2, ackTerm: 2 } });
    await store.close();
  });

  it('is not touched before there is anything to promise', async () => {
    await (await openNodeStore(optionsFor(dir))).close();
    const before = readFileSync(markPath());
    await (await openMember(dir)).close();
    expect(readFileSync(markPath())).toEqual(before);
  });

  it('follows a compaction that ends in the middle of a record', async () => {
    const store = await openMember(dir);
    await appendAll(store, testEntries(1, 10, 1), { term: 1, commit: 10 });
    for (let index = 1; index <= 10; index += 1) applyTestEntry(store, index, 1);
    await store.state.sync();
    store.log.compact(5 as LogIndex);
    await appendAll(store, [], { term: 1, commit: 10 });
    await store.close();
    const again = await openMember(dir);
    expect([again.log.firstIndex(), again.log.lastIndex()]).toEqual([6, 10]);
    await again.close();
  });
});

describe('closing', () => {
  it('waits for the writes under way', async () => {
    const store = await openMember(dir);
    const done: number[] = [];
    for (let index = 1; index <= 50; index += 1) {
      store.log.append({ hardState: hardStateOf(1, 0), entries: [testEntry(index, 1)] }, () => done.push(index));
      if (index % 7 === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    for (let index = 1; index <= 50; index += 1) applyTestEntry(store, index, 1);
    const contents = [logContentOf(store.log), await stateContentOf(store.state)];
    await store.close();
    expect(done).toEqual(Array.from({ length: 50 }, (_, at) => at + 1));
    expect(() => store.log.append({ entries: [] }, () => {})).toThrow('closed');
    const again = await openMember(dir);
    expect([logContentOf(again.log), await stateContentOf(again.state)]).toEqual(contents);
    await again.close();
  });

  it('waits for the write of a mark that is under way, even when nothing more may be written', async () => {
    const fatal = new FatalSwitch(() => {});
    const chainHash = new Uint8Array(32);
    const mark = { ackTerm: 1 as Term, index: 0 as LogIndex, term: 0 as Term, hash: chainHash };
    const options = { path: markPath(), syncIntervalMs: 60_000, fatal, seal };
    const file = await MarkFile.create(options, { hardState: hardStateOf(1, 0), mark });
    file.update({ hardState: hardStateOf(2, 0), mark });
    file.update({ hardState: hardStateOf(3, 0), mark });
    fatal.trip(new Error('another part failed'));
    await file.close();
    expect((await readMark(markPath(), seal))!.hardState.term).toBe(2);
  });

  it('leaves a truncation whole that was accepted in the same turn', async () => {
    const store = await openMember(dir);
    void appendAll(store, testEntries(1, 20, 1), { term: 1, commit: 0 });
    void appendAll(store, testEntries(11, 12, 3), { term: 3, commit: 0 });
    await store.close();
    const again = await openMember(dir);
    expect([again.log.lastIndex(), again.log.term(11 as LogIndex), again.log.term(10 as LogIndex)]).toEqual([12, 3, 1]);
    await again.close();
  });

  it('is the same as a crash for whoever copied the files before', async () => {
    const store = await openMember(dir);
    await appendAll(store, testEntries(1, 20, 1), { term: 1, commit: 0 });
    const copy = await copyImage(dir);
    await store.close();
    const other = insistIntact(await openNodeStore(optionsFor(copy)));
    expect(other.log.lastIndex()).toBe(20);
    await other.close();
    await removeImage(copy);
  });
});

describe('records', () => {
  it('of a very long log are dropped at once', async () => {
    const count = 150_000;
    const store = await openMember(dir, { recordBytesMax: 1, logCacheBytesMax: 0 });
    const data = new Uint8Array(0);
    const entries = testEntries(1, count, 1).map((entry) => ({ ...entry, data }));
    await appendAll(store, entries, { term: 1, commit: 0 });
    const metadata = { index: (count + 5) as LogIndex, term: 2 as Term, confState: store.state.confState };
    await new Promise<void>((resolve) => {
      store.log.append({ entries: [], snapshot: { metadata, chainHash: new Uint8Array(32) } }, resolve);
    });
    expect([store.log.firstIndex(), store.log.lastIndex()]).toEqual([count + 6, count + 5]);
    await store.log.close();
    await store.close();
  });

  it('are cut only when they are the ones that were written', async () => {
    const database = await SealedDatabase.open(
      join(dir, 'records'),
      { createIfMissing: true, writeBufferBytes: 65_536, blockCacheBytes: 65_536 },
      { part: 'log', where: 'records', seal },
    );
    const written = packRecord(CHAIN_START, testEntries(1, 4, 1));
    const other = packRecord(CHAIN_START, testEntries(1, 4, 2));
    await database
      .begin()
      .put(recordKey(1, 1 as LogIndex), other.bytes)
      .write();
    const places = new RecordIndex();
    places.push({ first: 1 as LogIndex, last: 4 as LogIndex, hash: written.hashes.at(-1)! });
    const records = new StoredRecords(database, places, 1);
    expect(() => records.cutFrom(3 as LogIndex, database.begin())).toThrow('not the one that was written');
    await database.close();
  });
});
