import assert from 'node:assert/strict';
import { EMPTY_CONF_STATE, type ConfState, type LogIndex, type PeerId, type Term } from '../../consensus/types.ts';
import type { StateSnapshot, StateSnapshotHeader, StateStore } from '../../node/ports.ts';
import { ParleyError } from '../../protocol/errors.ts';
import type { ClusterId, StampMs } from '../../protocol/ids.ts';
import type { ContractCase } from './contract-case.ts';

export interface StateStoreHarness {
  readonly store: StateStore;
  /** Another empty store of the same kind. */
  readonly openOther: () => Promise<StateStore>;
  /** Closes the store and opens what it left behind; undefined when it leaves nothing behind. */
  readonly reopen: (() => Promise<StateStore>) | undefined;
  /** Ends whatever is open. */
  readonly close: () => Promise<void>;
}

type Check = (harness: StateStoreHarness) => Promise<void>;

/** What every `StateStore` promises. `open` makes an empty one. */
export function stateStoreContract(open: () => Promise<StateStoreHarness>): ContractCase[] {
  return Object.entries(CHECKS).map(([name, check]) => ({
    name,
    run: async () => {
      const harness = await open();
      try {
        await check(harness);
      } finally {
        await harness.close();
      }
    },
  }));
}

const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text);
const textOf = (value: Uint8Array | undefined): string | undefined =>
  value === undefined ? undefined : new TextDecoder().decode(value);

const position = (index: number, confState?: ConfState) => ({
  index: index as LogIndex,
  term: 1 as Term,
  stampMs: (1000 + index) as StampMs,
  confState,
});

/** Applies one entry. Undefined deletes. */
function apply(store: StateStore, index: number, rows: Readonly<Record<string, string | undefined>>): void {
  const transaction = store.begin();
  for (const [key, value] of Object.entries(rows)) {
    if (value === undefined) transaction.delete(key);
    else transaction.put(key, bytesOf(value));
  }
  transaction.commit(position(index));
}

async function rowsOf(store: StateStore, gte = '!', lt = '~', limit = 1_000_000): Promise<Record<string, string>> {
  const rows = await store.range({ gte, lt, limit });
  return Object.fromEntries(rows.map(([key, value]) => [key, textOf(value)!]));
}

async function chunksOf(snapshot: StateSnapshot, chunkBytesMax: number): Promise<Uint8Array[]> {
  const chunks: Uint8Array[] = [];
  const room = new Uint8Array(chunkBytesMax);
  for (;;) {
    const chunk = await snapshot.nextChunk(room);
    if (chunk === undefined) break;
    assert(chunk.length > 0 && chunk.length <= chunkBytesMax);
    chunks.push(Uint8Array.from(chunk));
  }
  await snapshot.close();
  return chunks;
}

function fullHeader(snapshot: StateSnapshot): StateSnapshotHeader {
  return { ...snapshot.header, clusterId: `C${'a'.repeat(26)}` as ClusterId, chainHash: new Uint8Array(32).fill(9) };
}

async function install(store: StateStore, header: StateSnapshotHeader, chunks: readonly Uint8Array[]): Promise<void> {
  const target = await store.beginInstall(header);
  const room = new Uint8Array(Math.max(0, ...chunks.map(({ length }) => length)));
  for (const chunk of chunks) {
    room.set(chunk);
    await target.write(room.subarray(0, chunk.length));
    // It belongs to the caller again.
    room.fill(0xff);
  }
  await target.finish();
}

function fill(store: StateStore, from: number, to: number): void {
  for (let index = from; index <= to; index += 1) {
    apply(store, index, { [`row/${String(index).padStart(6, '0')}`]: `value ${index}`, counter: String(index) });
  }
}

const isDamage = (error: unknown): boolean => error instanceof ParleyError && error.code === 'damaged';

const CHECKS: Readonly<Record<string, Check>> = {
  'begins empty': async ({ store }) => {
    assert.equal(store.appliedIndex, 0);
    assert.equal(store.appliedTerm, 0);
    assert.equal(store.durableIndex, 0);
    assert.equal(store.installedFrom, undefined);
    assert.equal(store.get('a'), undefined);
    assert.deepEqual(await rowsOf(store), {});
  },

  'a transaction sees its own changes, others see them after the commit': async ({ store }) => {
    apply(store, 1, { a: 'one', b: 'two' });
    const transaction = store.begin();
    transaction.put('a', bytesOf('new'));
    transaction.delete('b');
    transaction.put('c', bytesOf('three'));
    assert.equal(textOf(transaction.get('a')), 'new');
    assert.equal(transaction.get('b'), undefined);
    assert.equal(textOf(transaction.get('c')), 'three');
    assert.equal(textOf(store.get('a')), 'one');
    assert.equal(textOf(store.get('b')), 'two');
    assert.equal(store.get('c'), undefined);
    transaction.commit(position(2));
    assert.deepEqual(await rowsOf(store), { a: 'new', c: 'three' });
    assert.equal(store.get('b'), undefined);
    assert.equal(store.appliedIndex, 2);
    assert.equal(store.lastStampMs, 1002);
    assert.equal(store.appliedTerm, 1);
  },

  'an entry that changes no row moves the applied index': async ({ store, reopen }) => {
    apply(store, 1, { a: 'one' });
    apply(store, 2, {});
    const { hash } = store.hash();
    assert.equal(store.appliedIndex, 2);
    const again = reopen === undefined ? store : await reopen();
    assert.equal(again.appliedIndex, 2);
    assert.deepEqual(again.hash(), { index: 2, hash });
  },

  'keeps the membership until it changes': async ({ store, reopen }) => {
    const confState: ConfState = { ...EMPTY_CONF_STATE, voters: [1 as PeerId, 2 as PeerId], autoLeave: true };
    store.begin().commit(position(1, confState));
    apply(store, 2, { a: 'one' });
    assert.deepEqual(store.confState, confState);
    if (reopen !== undefined) assert.deepEqual((await reopen()).confState, confState);
  },

  'ranges over rows in key order': async ({ store }) => {
    apply(store, 1, { 'a/1': '1', 'a/2': '2', 'a/3': '3', b: 'b' });
    const keys = async (limit: number, reverse: boolean): Promise<string[]> =>
      (await store.range({ gte: 'a/', lt: 'a0', limit, reverse })).map(([key]) => key);
    assert.deepEqual(await keys(10, false), ['a/1', 'a/2', 'a/3']);
    assert.deepEqual(await keys(2, false), ['a/1', 'a/2']);
    assert.deepEqual(await keys(2, true), ['a/3', 'a/2']);
    assert.deepEqual(await keys(0, false), []);
    await store.sync();
    assert.deepEqual(await keys(2, true), ['a/3', 'a/2']);
    apply(store, 2, { 'a/2': undefined, 'a/25': '25', 'a/0': '0' });
    assert.deepEqual(await keys(3, false), ['a/0', 'a/1', 'a/25']);
    assert.deepEqual(await keys(2, true), ['a/3', 'a/25']);
  },

  'a range is consistent while writes go on': async ({ store }) => {
    fill(store, 1, 50);
    const reads: Promise<void>[] = [];
    for (let index = 51; index <= 250; index += 1) {
      // All three rows always change together.
      apply(store, index, { 'x/a': String(index), 'x/b': String(index), 'x/c': String(index) });
      reads.push(
        rowsOf(store, 'x/', 'x0').then((rows) => {
          assert.deepEqual(rows, { 'x/a': String(index), 'x/b': String(index), 'x/c': String(index) });
        }),
      );
      if (index % 20 === 0) await reads.at(-1);
    }
    await Promise.all(reads);
  },

  'the hash depends on the rows alone': async ({ store, openOther }) => {
    apply(store, 1, { a: '1', b: '2', c: '3' });
    apply(store, 2, { a: 'x', d: '4' });
    apply(store, 3, { a: '1', d: undefined, nothing: undefined });
    const other = await openOther();
    apply(other, 1, { c: '3' });
    apply(other, 2, { b: '2' });
    await other.sync();
    apply(other, 3, { a: '1' });
    assert.deepEqual(store.hash(), other.hash());
    apply(other, 4, { a: '2' });
    assert.notEqual(store.hash().hash, other.hash().hash);
  },

  'a row moved to another key, or two swapped values, change the hash': async ({ store, openOther }) => {
    apply(store, 1, { a: '1', b: '2' });
    const other = await openOther();
    apply(other, 1, { a: '2', b: '1' });
    assert.notEqual(store.hash().hash, other.hash().hash);
    apply(other, 2, { a: '12', b: undefined });
    apply(store, 2, { a: undefined, b: undefined, a1: '2' });
    assert.notEqual(store.hash().hash, other.hash().hash);
  },

  'sync makes all that is applied durable': async ({ store }) => {
    fill(store, 1, 100);
    await store.sync();
    assert.equal(store.durableIndex, 100);
    apply(store, 101, { a: 'one' });
    assert.equal(store.durableIndex, 100);
    await Promise.all([store.sync(), store.sync()]);
    assert.equal(store.durableIndex, 101);
  },

  'keeps everything when it is closed': async ({ store, reopen }) => {
    if (reopen === undefined) return;
    fill(store, 1, 1000);
    apply(store, 1001, { 'row/000500': undefined });
    const expected = await rowsOf(store);
    const hash = store.hash();
    const again = await reopen();
    assert.equal(again.appliedIndex, 1001);
    assert.equal(again.durableIndex, 1001);
    assert.deepEqual(again.hash(), hash);
    assert.deepEqual(await rowsOf(again), expected);
    fill(again, 1002, 1010);
    assert.equal((await reopen()).appliedIndex, 1010);
  },

  'streams a snapshot of one moment while writes go on': async ({ store, openOther }) => {
    fill(store, 1, 300);
    await store.sync();
    fill(store, 301, 400);
    apply(store, 401, { 'row/000007': undefined });
    const expected = await rowsOf(store);
    const hash = store.hash();
    const snapshot = store.openSnapshot();
    assert.equal(snapshot.header.metadata.index, 401);
    assert.equal(snapshot.header.stateHash, hash.hash);
    fill(store, 402, 600);
    const chunks = await chunksOf(snapshot, 1000);
    assert(chunks.length > 5);
    const other = await openOther();
    apply(other, 1, { 'row/stale': 'to be replaced' });
    await install(other, fullHeader(snapshot), chunks);
    assert.equal(other.appliedIndex, 401);
    assert.equal(other.durableIndex, 401);
    assert.equal(other.lastStampMs, 1401);
    assert.deepEqual(await rowsOf(other), expected);
    assert.equal(other.get('row/stale'), undefined);
    assert.deepEqual(other.hash(), hash);
    assert.deepEqual(other.installedFrom, fullHeader(snapshot));
    apply(other, 402, { a: 'one' });
    assert.equal(textOf(other.get('a')), 'one');
  },

  'an installed state is there after being opened again': async ({ store, openOther, reopen }) => {
    const other = await openOther();
    fill(other, 1, 20);
    const snapshot = other.openSnapshot();
    const chunks = await chunksOf(snapshot, 100_000);
    fill(store, 1, 5);
    await install(store, fullHeader(snapshot), chunks);
    const again = reopen === undefined ? store : await reopen();
    assert.equal(again.appliedIndex, 20);
    assert.deepEqual(again.installedFrom, fullHeader(snapshot));
    assert.deepEqual(await rowsOf(again), await rowsOf(other));
  },

  'a snapshot without rows can be installed': async ({ store, openOther }) => {
    const other = await openOther();
    apply(other, 1, {});
    const snapshot = other.openSnapshot();
    await install(store, fullHeader(snapshot), await chunksOf(snapshot, 100));
    assert.equal(store.appliedIndex, 1);
    assert.deepEqual(await rowsOf(store), {});
  },

  'an altered or cut stream is refused and changes nothing': async ({ store, openOther }) => {
    const other = await openOther();
    fill(other, 1, 50);
    const header = fullHeader(other.openSnapshot());
    const [chunk] = await chunksOf(other.openSnapshot(), 1_000_000);
    apply(store, 1, { kept: 'yes' });
    const before = store.hash();
    const altered = Uint8Array.from(chunk!);
    altered[altered.length >> 1]! ^= 1;
    for (const bytes of [altered, chunk!.subarray(0, -1), chunk!.subarray(0, chunk!.length >> 1), new Uint8Array(0)]) {
      const target = await store.beginInstall(header);
      await assert.rejects(async () => {
        await target.write(bytes);
        target.check?.();
        await target.finish();
      }, isDamage);
      await target.abort();
    }
    assert.deepEqual(store.hash(), before);
    assert.equal(textOf(store.get('kept')), 'yes');
    apply(store, 2, { more: 'yes' });
    await store.sync();
    assert.equal(store.durableIndex, 2);
  },

  'a received snapshot can be checked before it is installed, without a consequence': async ({ store, openOther }) => {
    const other = await openOther();
    fill(other, 1, 50);
    const header = fullHeader(other.openSnapshot());
    const chunks = await chunksOf(other.openSnapshot(), 500);
    const target = await store.beginInstall(header);
    for (const chunk of chunks.slice(0, -1)) await target.write(chunk);
    assert.throws(() => target.check?.(), isDamage);
    await target.write(chunks.at(-1)!);
    target.check?.();
    assert.equal(store.appliedIndex, 0);
    assert.deepEqual(await rowsOf(store), {});
    await target.finish();
    assert.deepEqual(await rowsOf(store), await rowsOf(other));
  },

  'an aborted install changes nothing, and another one may follow': async ({ store, openOther }) => {
    const other = await openOther();
    fill(other, 1, 50);
    const snapshot = other.openSnapshot();
    const header = fullHeader(snapshot);
    const chunks = await chunksOf(snapshot, 500);
    const [aborted, second] = await Promise.all([store.beginInstall(header), store.beginInstall(header)]);
    await aborted.write(chunks[0]!);
    for (const chunk of chunks) await second.write(chunk);
    await aborted.abort();
    assert.equal(store.appliedIndex, 0);
    await second.finish();
    assert.deepEqual(await rowsOf(store), await rowsOf(other));
  },

  'many small entries and one large one': async ({ store, reopen }) => {
    for (let index = 1; index <= 2000; index += 1) {
      apply(store, index, { [`k/${index % 97}`]: `${index}`, [`l/${index}`]: 'x'.repeat(index % 50) });
      if (index % 500 === 0) await store.sync();
    }
    const big: Record<string, string> = {};
    for (let row = 0; row < 3000; row += 1) big[`big/${row}`] = `${row}`;
    apply(store, 2001, big);
    const again = reopen === undefined ? store : await reopen();
    assert.equal(Object.keys(await rowsOf(again, 'big/', 'big0')).length, 3000);
    assert.equal(textOf(again.get('k/5')), '1945');
    assert.equal(Object.keys(await rowsOf(again, 'l/', 'l0')).length, 2000);
  },
};
