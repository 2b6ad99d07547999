import { describe, expect, it } from 'vitest';
import { logStoreContract, type LogStoreHarness } from '../../testing/contracts/log-store.contract.ts';
import { stateStoreContract, type StateStoreHarness } from '../../testing/contracts/state-store.contract.ts';
import { SingleStore } from '../../testing/store/single-stores.ts';
import { MemoryLogStore } from './memory-log-store.ts';
import { MemoryStateStore } from '../../testing/store/memory-state-store.ts';
import type { StoreLimits } from './node-store.ts';

/** Next to nothing stays in memory: everything is read from disk, in many records. */
const TIGHT: Partial<StoreLimits> = { logCacheBytesMax: 0, recordBytesMax: 500, stateCacheBytesMax: 0 };

function memoryLog(): Promise<LogStoreHarness> {
  const store = new MemoryLogStore();
  return Promise.resolve({ store, reopen: undefined, close: () => store.close() });
}

async function levelLog(limits?: Partial<StoreLimits>): Promise<LogStoreHarness> {
  const single = await SingleStore.log(limits);
  return {
    store: single.store,
    reopen: () => single.reopen(),
    close: () => single.remove(),
  };
}

function memoryState(): Promise<StateStoreHarness> {
  const store = new MemoryStateStore();
  const openOther = () => Promise.resolve(new MemoryStateStore());
  return Promise.resolve({ store, openOther, reopen: undefined, close: () => store.close() });
}

async function levelState(limits?: Partial<StoreLimits>): Promise<StateStoreHarness> {
  const opened = [await SingleStore.state(limits)];
  return {
    store: opened[0]!.store,
    openOther: async () => {
      const other = await SingleStore.state(limits);
      opened.push(other);
      return other.store;
    },
    reopen: () => opened[0]!.reopen(),
    close: async () => {
      for (const each of opened) await each.remove();
    },
  };
}

describe.each([
  ['in memory', logStoreContract(memoryLog)],
  ['LevelDB', logStoreContract(() => levelLog())],
  ['LevelDB without cache', logStoreContract(() => levelLog(TIGHT))],
])('log store %s', (_, cases) => {
  it.each(cases)('$name', async ({ run }) => {
    await expect(run()).resolves.toBeUndefined();
  });
});

describe.each([
  ['in memory', stateStoreContract(memoryState)],
  ['LevelDB', stateStoreContract(() => levelState())],
  ['LevelDB without cache', stateStoreContract(() => levelState(TIGHT))],
])('state store %s', (_, cases) => {
  it.each(cases)('$name', async ({ run }) => {
    await expect(run()).resolves.toBeUndefined();
  });
});
