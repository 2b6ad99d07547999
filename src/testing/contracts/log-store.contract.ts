import assert from 'node:assert/strict';
import { entryBytes } from '../../consensus/log/entry-bytes.ts';
import { COMPACTED, SNAPSHOT_TEMPORARILY_UNAVAILABLE, UNAVAILABLE } from '../../consensus/log-storage.ts';
import {
  EMPTY_CONF_STATE,
  EntryType,
  type Entry,
  type HardState,
  type LogIndex,
  type PeerId,
  type SnapshotMetadata,
  type Term,
} from '../../consensus/types.ts';
import type { LogStore, LogWrite } from '../../node/ports.ts';
import type { ContractCase } from './contract-case.ts';

export interface LogStoreHarness {
  readonly store: LogStore;
  /** Closes the store and opens what it left behind; undefined when it leaves nothing behind. */
  readonly reopen: (() => Promise<LogStore>) | undefined;
  /** Ends whatever is open. */
  readonly close: () => Promise<void>;
}

type Check = (harness: LogStoreHarness) => Promise<void>;

/** What every `LogStore` promises. `open` makes an empty one. */
export function logStoreContract(open: () => Promise<LogStoreHarness>): ContractCase[] {
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

const at = (index: number): LogIndex => index as LogIndex;
const inTerm = (term: number): Term => term as Term;
const vote = (term: number, peer = 1, commit = 0): HardState => ({
  term: inTerm(term),
  vote: peer as PeerId,
  commit: at(commit),
});

const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text);

function entry(index: number, term: number, data = `${index} in ${term}`): Entry {
  return { index: at(index), term: inTerm(term), type: EntryType.normal, data: bytesOf(data) };
}

function run(from: number, to: number, term: number): Entry[] {
  const entries: Entry[] = [];
  for (let index = from; index <= to; index += 1) entries.push(entry(index, term));
  return entries;
}

function append(store: LogStore, write: Partial<LogWrite>): Promise<void> {
  return new Promise((resolve) => store.append({ entries: [], ...write }, resolve));
}

function read(store: LogStore, lo: number, hi: number, maxBytes = Number.MAX_SAFE_INTEGER): Entry[] {
  const entries = store.entries(at(lo), at(hi), maxBytes);
  assert(Array.isArray(entries), `entries(${lo}, ${hi}) is outside of the log`);
  // The bytes may be any view of bytes.
  return entries.map(({ index, term, type, data }) => ({ index, term, type, data: Uint8Array.from(data) }));
}

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

const snapshotAt = (index: number, term: number): SnapshotMetadata => ({
  index: at(index),
  term: inTerm(term),
  confState: { ...EMPTY_CONF_STATE, voters: [1 as PeerId] },
});

const CHECKS: Readonly<Record<string, Check>> = {
  'begins empty': async ({ store }) => {
    assert.equal(store.firstIndex(), 1);
    assert.equal(store.lastIndex(), 0);
    assert.equal(store.term(at(0)), 0);
    assert.equal(store.term(at(1)), UNAVAILABLE);
    assert.deepEqual(store.initialState().hardState, { term: 0, vote: 0, commit: 0 });
    assert.equal(hex(store.chainHash(at(0))), '00'.repeat(32));
  },

  'shows accepted writes at once and calls done later, in order': async ({ store }) => {
    const order: number[] = [];
    const last = new Promise<void>((resolve) => {
      store.append({ hardState: vote(1), entries: run(1, 2, 1) }, () => order.push(1));
      store.append({ entries: run(3, 3, 1) }, () => order.push(2));
      store.append({ hardState: vote(1, 1, 3), entries: [] }, () => {
        order.push(3);
        resolve();
      });
    });
    assert.deepEqual(order, []);
    assert.equal(store.lastIndex(), 3);
    assert.deepEqual(read(store, 1, 4), run(1, 3, 1));
    await last;
    assert.deepEqual(order, [1, 2, 3]);
  },

  'calls done exactly once for each of many writes': async ({ store }) => {
    let calls = 0;
    const writes: Promise<void>[] = [];
    for (let index = 1; index <= 100; index += 1) {
      writes.push(
        new Promise((resolve) =>
          store.append({ hardState: vote(1), entries: [entry(index, 1)] }, () => {
            calls += 1;
            resolve();
          }),
        ),
      );
      if (index % 7 === 0) await writes.at(-1);
    }
    await Promise.all(writes);
    assert.equal(calls, 100);
    assert.deepEqual(read(store, 1, 101), run(1, 100, 1));
  },

  'cuts entries by bytes, but gives at least one': async ({ store }) => {
    const entries = [1, 2, 3, 4].map((index) => entry(index, 1, 'x'.repeat(100)));
    await append(store, { hardState: vote(1), entries });
    const size = entryBytes(entries[0]!);
    assert.equal(read(store, 1, 5, 0).length, 1);
    assert.equal(read(store, 1, 5, 2 * size).length, 2);
    assert.equal(read(store, 1, 5, 3 * size - 1).length, 2);
    assert.equal(read(store, 2, 5, 10 * size).length, 3);
    assert.deepEqual(read(store, 3, 3), []);
  },

  'answers what lies outside the log': async ({ store }) => {
    await append(store, { hardState: vote(1), entries: run(1, 5, 1) });
    assert.equal(store.entries(at(4), at(7), 1000), UNAVAILABLE);
    assert.equal(store.term(at(6)), UNAVAILABLE);
    store.compact(at(3));
    assert.equal(store.entries(at(3), at(5), 1000), COMPACTED);
    assert.equal(store.term(at(2)), COMPACTED);
  },

  'replaces a conflicting suffix': async ({ store, reopen }) => {
    await append(store, { hardState: vote(1), entries: run(1, 6, 1) });
    const oldHash = hex(store.chainHash(at(6)));
    await append(store, { hardState: vote(2), entries: run(4, 5, 2) });
    const check = (log: LogStore): void => {
      assert.equal(log.lastIndex(), 5);
      assert.deepEqual(read(log, 1, 6), [...run(1, 3, 1), ...run(4, 5, 2)]);
      assert.deepEqual(
        [2, 3, 4, 5].map((index) => log.term(at(index))),
        [1, 1, 2, 2],
      );
      assert.notEqual(hex(log.chainHash(at(5))), oldHash);
    };
    check(store);
    if (reopen !== undefined) check(await reopen());
  },

  'replaces entries that are still being written': async ({ store, reopen }) => {
    const writes = [
      append(store, { hardState: vote(1), entries: run(1, 6, 1) }),
      append(store, { hardState: vote(2), entries: run(4, 4, 2) }),
    ];
    await Promise.resolve();
    writes.push(append(store, { hardState: vote(3), entries: run(2, 3, 3) }));
    await Promise.all(writes);
    const expected = [...run(1, 1, 1), ...run(2, 3, 3)];
    assert.deepEqual(read(store, 1, 4), expected);
    if (reopen !== undefined) assert.deepEqual(read(await reopen(), 1, 4), expected);
  },

  'keeps hard state, the last one written': async ({ store, reopen }) => {
    await append(store, { hardState: vote(3, 2) });
    await append(store, { hardState: vote(4, 1) });
    await append(store, { hardState: vote(4, 1), entries: run(1, 4, 4) });
    await append(store, { hardState: vote(4, 1, 2) });
    assert.deepEqual(store.initialState().hardState, vote(4, 1, 2));
    if (reopen === undefined) return;
    const { hardState } = (await reopen()).initialState();
    assert.equal(hardState.term, 4);
    assert.equal(hardState.vote, 1);
  },

  'chains hashes over all that came before': async ({ store, reopen }) => {
    await append(store, { hardState: vote(2), entries: [...run(1, 2, 1), ...run(3, 4, 2)] });
    const hashes = [0, 1, 2, 3, 4].map((index) => hex(store.chainHash(at(index))));
    assert.equal(new Set(hashes).size, 5);
    await append(store, { entries: run(3, 4, 2) });
    assert.deepEqual(
      [0, 1, 2, 3, 4].map((index) => hex(store.chainHash(at(index)))),
      hashes,
    );
    store.compact(at(2));
    assert.equal(hex(store.chainHash(at(2))), hashes[2]);
    assert.throws(() => store.chainHash(at(1)));
    if (reopen !== undefined) assert.equal(hex((await reopen()).chainHash(at(4))), hashes[4]);
  },

  'hashes data, type and term': async ({ store }) => {
    const seen = new Set<string>();
    const { data } = entry(1, 1);
    const variants: Entry[] = [
      entry(1, 1),
      entry(1, 2),
      { ...entry(1, 2), type: EntryType.confChange, data },
      { ...entry(1, 2), type: EntryType.confChangeV2, data },
      entry(1, 2, 'other'),
      entry(1, 2, ''),
    ];
    for (const variant of variants) {
      await append(store, { hardState: vote(2), entries: [variant] });
      seen.add(hex(store.chainHash(at(1))));
    }
    assert.equal(seen.size, variants.length);
  },

  'compacts, and goes on': async ({ store, reopen }) => {
    await append(store, { hardState: vote(1), entries: run(1, 10, 1) });
    await append(store, { hardState: vote(2), entries: run(11, 20, 2) });
    store.compact(at(10));
    store.compact(at(13));
    store.compact(at(13));
    await append(store, { entries: run(21, 22, 2) });
    const check = (log: LogStore): void => {
      assert.equal(log.firstIndex(), 14);
      assert.equal(log.term(at(13)), 2);
      assert.deepEqual(read(log, 14, 23), run(14, 22, 2));
    };
    check(store);
    if (reopen !== undefined) check(await reopen());
  },

  'compacts everything': async ({ store, reopen }) => {
    await append(store, { hardState: vote(1), entries: run(1, 10, 1) });
    store.compact(at(10));
    const check = async (log: LogStore): Promise<void> => {
      assert.equal(log.firstIndex(), 11);
      assert.equal(log.lastIndex(), 10);
      assert.equal(log.term(at(10)), 1);
    };
    await check(store);
    const next = reopen === undefined ? store : await reopen();
    await check(next);
    await append(next, { entries: run(11, 12, 1) });
    assert.deepEqual(read(next, 11, 13), run(11, 12, 1));
  },

  'restarts after a snapshot': async ({ store, reopen }) => {
    await append(store, { hardState: vote(1), entries: run(1, 10, 1) });
    const chainHash = Uint8Array.from({ length: 32 }, (_, position) => position);
    const snapshot = { metadata: snapshotAt(20, 3), chainHash };
    await append(store, { hardState: vote(3, 0, 20), entries: run(21, 22, 3), snapshot });
    const check = (log: LogStore): void => {
      assert.equal(log.firstIndex(), 21);
      assert.equal(log.lastIndex(), 22);
      assert.equal(log.term(at(20)), 3);
      assert.equal(hex(log.chainHash(at(20))), hex(chainHash));
      assert.deepEqual(read(log, 21, 23), run(21, 22, 3));
    };
    check(store);
    if (reopen !== undefined) check(await reopen());
  },

  'restarts before the end of a log that conflicts': async ({ store, reopen }) => {
    await append(store, { hardState: vote(2), entries: run(1, 10, 2) });
    const snapshot = { metadata: snapshotAt(7, 3), chainHash: new Uint8Array(32).fill(7) };
    const writes = [append(store, { entries: run(11, 12, 2) }), append(store, { hardState: vote(3, 0, 7), snapshot })];
    await Promise.all(writes);
    await append(store, { entries: run(8, 8, 3) });
    const check = (log: LogStore): void => {
      assert.equal(log.firstIndex(), 8);
      assert.deepEqual(read(log, 8, 9), run(8, 8, 3));
    };
    check(store);
    if (reopen !== undefined) check(await reopen());
  },

  'tells the newest snapshot of its source': async ({ store }) => {
    assert.equal(store.snapshot(), SNAPSHOT_TEMPORARILY_UNAVAILABLE);
    store.setSnapshotSource(() => snapshotAt(5, 2));
    const snapshot = store.snapshot();
    assert(typeof snapshot === 'object');
    assert.deepEqual(snapshot.metadata, snapshotAt(5, 2));
  },

  'keeps large and many entries': async ({ store, reopen }) => {
    const large = 'x'.repeat(300_000);
    await append(store, { hardState: vote(1), entries: [1, 2, 3].map((index) => entry(index, 1, large)) });
    for (let first = 4; first < 1004; first += 100) await append(store, { entries: run(first, first + 99, 1) });
    const log = reopen === undefined ? store : await reopen();
    assert.equal(log.lastIndex(), 1003);
    assert.deepEqual(read(log, 4, 1004), run(4, 1003, 1));
    assert.equal(read(log, 2, 3)[0]!.data.length, large.length);
  },

  'goes on after being opened again': async ({ store, reopen }) => {
    if (reopen === undefined) return;
    await append(store, { hardState: vote(1), entries: run(1, 3, 1) });
    const second = await reopen();
    await append(second, { hardState: vote(2), entries: run(3, 5, 2) });
    const third = await reopen();
    assert.deepEqual(read(third, 1, 6), [...run(1, 2, 1), ...run(3, 5, 2)]);
  },

  'waits for accepted writes when it is closed': async ({ store, reopen }) => {
    let called = false;
    store.append({ hardState: vote(1), entries: run(1, 3, 1) }, () => {
      called = true;
    });
    if (reopen === undefined) {
      await store.close();
    } else {
      assert.equal((await reopen()).lastIndex(), 3);
    }
    assert(called);
  },
};
