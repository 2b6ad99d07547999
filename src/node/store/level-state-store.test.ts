import { readFile, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { LogIndex, Term } from '../../consensus/types.ts';
import type { ClusterId, StampMs } from '../../protocol/ids.ts';
import { applyTestEntry, fillStore } from '../../testing/store/fill-store.ts';
import { SingleStore } from '../../testing/store/single-stores.ts';
import { filesOf, flipBit, removeImage } from '../../testing/store/store-images.ts';
import { insistIntact, insistRepairing, makeTemporaryFolder, optionsFor } from '../../testing/store/temporary-store.ts';
import { placesOfRow } from '../../testing/store/sealed-places.ts';
import { waitUntil } from '../../testing/wait-until.ts';
import type { StateSnapshotHeader } from '../ports.ts';
import { ByteReader } from './level-check/byte-reader.ts';
import { openDatabase } from './level-database.ts';
import type { LevelStateStore } from './level-state-store.ts';
import { MARKER_RANGE } from './state-rows.ts';
import { STORE_LIMITS } from './node-store.ts';
import { openNodeStore } from './open-node-store.ts';

describe('installing a snapshot', () => {
  let source: SingleStore<LevelStateStore>;
  let target: SingleStore<LevelStateStore>;
  beforeEach(async () => {
    [source, target] = [await SingleStore.state(), await SingleStore.state()];
  });
  afterEach(async () => {
    await source.remove();
    await target.remove();
  });

  /** Installs the state of `source`, which is ahead, while `meanwhile` goes on. */
  async function install(meanwhile: () => Promise<void>): Promise<void> {
    const snapshot = source.store.openSnapshot();
    const header: StateSnapshotHeader = {
      ...snapshot.header,
      clusterId: `C${'a'.repeat(26)}` as ClusterId,
      chainHash: new Uint8Array(32),
    };
    const receiving = await target.store.beginInstall(header);
    for (;;) {
      const chunk = await snapshot.nextChunk(new Uint8Array(1000));
      if (chunk === undefined) break;
      await receiving.write(chunk);
    }
    await snapshot.close();
    await Promise.all([receiving.finish(), meanwhile()]);
  }

  it('does not disturb a sync that is under way', async () => {
    applyTestEntry({ state: source.store }, 10, 1);
    applyTestEntry({ state: target.store }, 5, 1);
    // So many files to sync that the folder would be gone before the last of them.
    for (let file = 0; file < 500; file += 1) await writeFile(join(target.dir, 'state-1', `slow-${file}.log`), '');
    await install(() => target.store.sync());
    expect([target.store.appliedIndex, target.store.durableIndex]).toEqual([10, 10]);
    expect((await readdir(target.dir)).filter((name) => name.startsWith('state-') && name !== 'state-current')).toEqual(
      ['state-2'],
    );
  });

  it('is refused while entries are being applied', async () => {
    applyTestEntry({ state: source.store }, 10, 1);
    const transaction = target.store.begin();
    await expect(install(() => Promise.resolve())).rejects.toThrow('a transaction is open');
    transaction.commit({ index: 1 as LogIndex, term: 1 as Term, stampMs: 1 as StampMs });
  });
});

describe('writing', () => {
  let state: SingleStore<LevelStateStore>;
  beforeEach(async () => {
    // What waits for more then waits until somebody asks for it.
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    state = await SingleStore.state();
  });
  afterEach(async () => {
    vi.useRealTimers();
    await state.remove();
  });

  const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

  async function applyInTurns(from: number, to: number): Promise<void> {
    for (let index = from; index <= to; index += 1) {
      applyTestEntry({ state: state.store }, index, 1);
      await turn();
    }
  }

  /** One for each batch since the state was durable, to the knowledge of what is written. */
  async function batchesWritten(): Promise<number> {
    await state.store.close();
    const { writeBufferBytes } = STORE_LIMITS;
    const options = { createIfMissing: false, writeBufferBytes, blockCacheBytes: 0 };
    const database = await openDatabase(join(state.dir, 'state-1'), options);
    const markers = await database.keys(MARKER_RANGE).all();
    await database.close();
    return markers.length;
  }

  it('takes what several entries change in one batch, and whoever asks for durability does not wait for more', async () => {
    await applyInTurns(1, 20);
    expect(state.store.unflushedBytes).toBeGreaterThan(0);
    await state.store.sync();
    expect([state.store.unflushedBytes, state.store.durableIndex]).toEqual([0, 20]);
    expect(await batchesWritten()).toBe(1);
  });

  it('does not wait for entries that do not come', async () => {
    await applyInTurns(1, 3);
    vi.advanceTimersToNextTimer();
    vi.useRealTimers();
    await waitUntil(() => state.store.unflushedBytes === 0);
    expect(await batchesWritten()).toBe(1);
  });
});

describe('damage', () => {
  let dir: string;
  beforeEach(async () => {
    dir = await makeTemporaryFolder();
    await fillStore(dir, { last: 40, compactTo: 20 });
    // Once more, so that all of it is in tables, which nothing compacts while they are looked at.
    await (await openNodeStore(optionsFor(dir))).close();
    for (const state of (await readdir(dir)).filter((name) => /^state-\d+$/.test(name)))
      await compact(join(dir, state));
  });
  afterEach(() => removeImage(dir));

  const tables = async (): Promise<string[]> =>
    (await filesOf(dir)).map(({ path }) => join(dir, path)).filter((path) => /state-\d+\/\d+\.ldb$/.test(path));

  it('that is met while an entry is applied leaves nothing of it behind', async () => {
    const folder = (await readdir(dir)).find((name) => /^state-\d+$/.test(name))!;
    for (const { path, at } of await placesOfRow(dir, folder, 'row/17')) await flipBit(join(dir, path), 8 * at);
    const fatal: Error[] = [];
    const onFatal = (error: Error): void => void fatal.push(error);
    const limits = { verifyBytesAtOpenMax: 0 };
    const store = insistIntact(await openNodeStore({ ...optionsFor(dir), onFatal, limits }));
    const state = store.state as LevelStateStore;
    const transaction = state.begin();
    transaction.put('another', new Uint8Array(3));
    transaction.put('row/17', new Uint8Array(3));
    const position = { index: 41 as LogIndex, term: 4 as Term, stampMs: 5000 as StampMs };
    expect(() => transaction.commit(position)).toThrow(/row\/17/);
    expect([state.appliedIndex, state.unflushedBytes, fatal.length]).toEqual([40, 0, 1]);
    await store.close();
  });

  it('of a checksum that nothing depends on is found all the same', async () => {
    const [table] = await tables();
    // The checksum behind the first data block: LevelDB never looks at it, and every row behind it is sound.
    const file = await readFile(table!);
    const end = endOfFirstBlock(file);
    await flipBit(table!, 8 * (end + 1));
    const fatal: Error[] = [];
    const onFatal = (error: Error): void => void fatal.push(error);
    const large = await openNodeStore({ ...optionsFor(dir), onFatal, limits: { verifyBytesAtOpenMax: 0 } });
    await waitUntil(() => fatal.length > 0);
    expect(fatal[0]!.message).toContain('the checksum of the block at byte 0');
    await large.close();

    const store = insistRepairing(await openNodeStore(optionsFor(dir)));
    expect(store.repair).toMatchObject({ part: 'state' });
    await store.close();
  });
});

async function compact(location: string): Promise<void> {
  const { writeBufferBytes } = STORE_LIMITS;
  const database = await openDatabase(location, { createIfMissing: false, writeBufferBytes, blockCacheBytes: 0 });
  // The driver's own, of the LevelDB that is underneath.
  await (database as unknown as { compactRange(from: string, to: string): Promise<void> }).compactRange('', '\x7f');
  await database.close();
}

/** The footer names the index, whose first entry names the first data block: `shared, unshared, length, key, place`. */
function endOfFirstBlock(file: Buffer): number {
  const footer = new ByteReader(file, file.length - 48);
  const [, , index] = [footer.varint(), footer.varint(), footer.varint()];
  const entry = new ByteReader(file, index);
  const [, keyBytes] = [entry.varint(), entry.varint(), entry.varint()];
  entry.skip(keyBytes);
  return entry.varint() + entry.varint();
}
