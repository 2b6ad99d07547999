import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { afterEach, describe, expect, it } from 'vitest';
import { EMPTY_CONF_STATE, EntryType, type LogIndex, type Term } from '../../consensus/types.ts';
import type { StampMs } from '../../protocol/ids.ts';
import { SingleStore } from '../../testing/store/single-stores.ts';
import { MultisetHash } from './multiset-hash.ts';
import { RowCache } from './row-cache.ts';
import { ChangeGroup } from './state-overlay.ts';

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

const COUNT = 32;
const SLAB_BYTES = 256 * 1024;
const VALUE_BYTES = 100;
const TERM = 1 as Term;

/** Makes small values as packers do: cut out of large buffers. */
class Packer {
  readonly #slabs: WeakRef<ArrayBufferLike>[] = [];

  cut(): Uint8Array {
    const value = new Uint8Array(SLAB_BYTES).subarray(8, 8 + VALUE_BYTES).fill(this.#slabs.length);
    this.#slabs.push(new WeakRef(value.buffer));
    return value;
  }

  async slabsInMemory(): Promise<number> {
    // Whatever is weakly referred to lives at least until its turn is over.
    await new Promise(setImmediate);
    collectGarbage();
    return this.#slabs.filter((slab) => slab.deref() !== undefined).length;
  }
}

describe('buffers that small values were cut from', () => {
  let store: { remove(): Promise<void> } | undefined;
  afterEach(async () => store?.remove());

  it('are not kept by the rows of a state', async () => {
    const single = await SingleStore.state();
    store = single;
    const packer = new Packer();
    const write = (index: LogIndex): void => {
      const transaction = single.store.begin();
      transaction.put(`row/${index}`, packer.cut());
      transaction.commit({ index, term: TERM, stampMs: 0 as StampMs });
    };
    for (let at = 1; at <= COUNT; at += 1) write(at as LogIndex);
    await single.store.sync();
    expect(await packer.slabsInMemory()).toBe(0);
    expect(single.store.get(`row/${COUNT}`)).toEqual(new Uint8Array(VALUE_BYTES).fill(COUNT - 1));
  });

  it('are not kept by the entries of a log', async () => {
    const single = await SingleStore.log();
    store = single;
    const packer = new Packer();
    const write = (index: LogIndex): Promise<void> =>
      new Promise((done) => {
        const entries = [{ index, term: TERM, type: EntryType.normal, data: packer.cut() }];
        single.store.append({ entries }, done);
      });
    for (let at = 1; at <= COUNT; at += 1) await write(at as LogIndex);
    expect(await packer.slabsInMemory()).toBe(0);
    const entries = single.store.entries(COUNT as LogIndex, (COUNT + 1) as LogIndex, Number.POSITIVE_INFINITY);
    expect(entries).toMatchObject([{ data: new Uint8Array(VALUE_BYTES).fill(COUNT - 1) }]);
  });

  it('are those of rows that were written together, and hold nothing else', () => {
    const group = new ChangeGroup({
      index: 1 as LogIndex,
      term: TERM,
      stampMs: 0 as StampMs,
      confState: EMPTY_CONF_STATE,
    });
    const packer = new Packer();
    for (const key of ['a', 'b', 'c']) group.change(key, packer.cut(), undefined);
    group.change('gone', null, packer.cut());
    const { rows } = group.seal(new MultisetHash());
    expect(rows.map(([key, value]) => [key, value?.[0]])).toEqual([
      ['a', 0],
      ['b', 1],
      ['c', 2],
      ['gone', undefined],
    ]);
    const buffers = new Set(rows.flatMap(([, value]) => (value === undefined ? [] : [value.buffer])));
    expect([...buffers].map(({ byteLength }) => byteLength)).toEqual([3 * VALUE_BYTES]);
  });

  it('are not kept by rows that are used, and so stay cached longer than those beside them', () => {
    const cache = new RowCache(1_000_000);
    const written = new Uint8Array(8_192).fill(7);
    cache.set('used', written.subarray(0, VALUE_BYTES));
    const { value } = cache.get('used')!;
    expect(value).toEqual(written.slice(0, VALUE_BYTES));
    expect(value!.buffer.byteLength).toBe(VALUE_BYTES);
    expect(cache.get('used')!.value).toBe(value);
  });
});
