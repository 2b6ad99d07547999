import type { ContractCase } from './contract-case.ts';
import type { ClientStore } from '../../client/store.ts';

export interface ClientStoreHarness {
  /** Opens the same store once more, as another program or page would. */
  readonly open: () => Promise<ClientStore>;
}

const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text);
const textOf = (value: Uint8Array | undefined): string | null =>
  value === undefined ? null : new TextDecoder().decode(value);

/** What every `ClientStore` promises. Runs where there is no Node too. @param fresh an empty store */
export function clientStoreContract(fresh: () => Promise<ClientStoreHarness>): ContractCase[] {
  return Object.entries(CHECKS).map(([name, check]) => ({ name, run: async () => check(await fresh()) }));
}

type Check = (harness: ClientStoreHarness) => Promise<void>;

const CHECKS: Readonly<Record<string, Check>> = {
  'keeps what was put, for the next one that opens it': async ({ open }) => {
    const first = await open();
    await first.transaction(async (tx) => {
      tx.put('a/1', bytesOf('one'));
      tx.put('a/2', bytesOf('two'));
      tx.put('b', bytesOf('other'));
    });
    await first.transaction(async (tx) => tx.delete('a/2'));
    await first.close();
    const second = await open();
    same(await rowsOf(second, 'a/'), [['a/1', 'one']]);
    await second.close();
  },
  'shows a transaction its own changes, in order of keys': async ({ open }) => {
    const store = await open();
    await store.transaction(async (tx) => tx.put('a/2', bytesOf('two')));
    await store.transaction(async (tx) => {
      tx.put('a/3', bytesOf('three'));
      tx.put('a/1', bytesOf('one'));
      tx.delete('a/2');
      same(textOf(await tx.get('a/1')), 'one');
      same(textOf(await tx.get('a/2')), null);
      const rows = await tx.list('a/');
      same(
        rows.map(([key]) => key),
        ['a/1', 'a/3'],
      );
    });
    await store.close();
  },
  'keeps nothing of a transaction that fails, and goes on': async ({ open }) => {
    const store = await open();
    const failing = store.transaction(async (tx) => {
      tx.put('a', bytesOf('half'));
      throw new Error('no');
    });
    same(await failing.then(() => 'done').catch((error: unknown) => (error as Error).message), 'no');
    same(await rowsOf(store, ''), []);
    await store.transaction(async (tx) => tx.put('a', bytesOf('whole')));
    same(await rowsOf(store, ''), [['a', 'whole']]);
    await store.close();
  },
  'lets transactions of several users take turns': async ({ open }) => {
    const stores = [await open(), await open()];
    const add = (store: ClientStore): Promise<void> =>
      store.transaction(async (tx) => {
        const count = Number(textOf(await tx.get('count')) ?? 0);
        // Something other than the store is waited for, as a cipher is.
        await new Promise((resolve) => setTimeout(resolve, 0));
        tx.put('count', bytesOf(String(count + 1)));
      });
    await Promise.all(Array.from({ length: 40 }, (_, i) => add(stores[i % 2]!)));
    same(await rowsOf(stores[0]!, ''), [['count', '40']]);
    for (const store of stores) await store.close();
  },
  'keeps any bytes as they are': async ({ open }) => {
    const store = await open();
    const value = Uint8Array.from({ length: 70_000 }, (_, i) => (i * 31) % 256);
    await store.transaction(async (tx) => tx.put('bytes', value.subarray(1)));
    await store.transaction(async (tx) => tx.put('none', new Uint8Array(0)));
    same([...((await store.transaction((tx) => tx.get('bytes'))) ?? [])].join(), [...value.subarray(1)].join());
    same((await store.transaction((tx) => tx.get('none')))?.length, 0);
    await store.close();
  },
};

async function rowsOf(store: ClientStore, prefix: string): Promise<(string | null)[][]> {
  const rows = await store.transaction((tx) => tx.list(prefix));
  return rows.map(([key, value]) => [key, textOf(value)]);
}

function same(actual: unknown, expected: unknown): void {
  const [a, b] = [JSON.stringify(actual), JSON.stringify(expected)];
  if (a !== b) throw new Error(`Expected ${b?.slice(0, 200)}, got ${a?.slice(0, 200)}`);
}
