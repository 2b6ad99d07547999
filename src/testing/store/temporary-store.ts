import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { PeerId } from '../../consensus/types.ts';
import type {
  Founding,
  IntactStore,
  NodeStoreOptions,
  OpenedStore,
  StoreDamage,
  StoreLimits,
  StoreLogger,
} from '../../node/store/node-store.ts';
import { openNodeStore } from '../../node/store/open-node-store.ts';
import type { ClusterId, NodeName } from '../../protocol/ids.ts';
import { TEST_WRAPPING_KEY } from './test-keys.ts';

export const SILENT: StoreLogger = { info: () => {}, warn: () => {}, error: () => {} };

export const TEST_NODE = 'n1' as NodeName;
export const TEST_FOUNDING: Founding = {
  clusterId: `C${'a'.repeat(26)}` as ClusterId,
  peers: [
    { name: TEST_NODE, peerId: 1 as PeerId, identity: null },
    { name: 'n2' as NodeName, peerId: 2 as PeerId, identity: null },
    { name: 'n3' as NodeName, peerId: 3 as PeerId, identity: null },
  ],
};

const MEMORY_FOLDER = '/dev/shm';

/** In memory where the system has such a place: these tests look at what is in files, not at how long a sync takes. */
export function makeTemporaryFolder(): Promise<string> {
  const parent = existsSync(MEMORY_FOLDER) ? MEMORY_FOLDER : tmpdir();
  return mkdtemp(join(parent, 'parley-store-'));
}

/** Options that turn a failed write into a failed test. */
export function optionsFor(dir: string, limits?: Partial<StoreLimits>): NodeStoreOptions {
  return {
    dir,
    nodeName: TEST_NODE,
    wrappingKey: TEST_WRAPPING_KEY,
    logger: SILENT,
    onFatal: (error) => {
      throw error;
    },
    ...(limits === undefined ? {} : { limits }),
  };
}

export function insistIntact(store: OpenedStore): IntactStore {
  assert(store.kind === 'intact', store.kind === 'damaged' ? store.damage.reason : '');
  assert(store.repair === undefined, store.repair?.reason);
  return store;
}

/** A store that its peers have to complete. */
export function insistRepairing(store: OpenedStore): IntactStore & { readonly repair: StoreDamage } {
  assert(store.kind === 'intact', store.kind === 'damaged' ? store.damage.reason : '');
  const { repair } = store;
  assert(repair !== undefined, 'it is taken for sound');
  return store as IntactStore & { readonly repair: StoreDamage };
}

/** Opens a directory and, the first time, makes it a member of a cluster of three. */
export async function openMember(dir: string, limits?: Partial<StoreLimits>): Promise<IntactStore> {
  const store = insistIntact(await openNodeStore(optionsFor(dir, limits)));
  if (store.manifest !== undefined) return store;
  await store.recordFounding(TEST_FOUNDING);
  await store.join();
  return store;
}

/** A member's store in a folder of its own, that can be opened again and again. */
export class TemporaryStore {
  readonly dir: string;
  readonly #limits: Partial<StoreLimits> | undefined;
  #store: IntactStore;

  private constructor(dir: string, store: IntactStore, limits: Partial<StoreLimits> | undefined) {
    this.dir = dir;
    this.#store = store;
    this.#limits = limits;
  }

  static async open(limits?: Partial<StoreLimits>): Promise<TemporaryStore> {
    const dir = await makeTemporaryFolder();
    return new TemporaryStore(dir, await openMember(dir, limits), limits);
  }

  get store(): IntactStore {
    return this.#store;
  }

  async reopen(): Promise<IntactStore> {
    await this.#store.close();
    this.#store = await openMember(this.dir, this.#limits);
    return this.#store;
  }

  async remove(): Promise<void> {
    await this.#store.close();
    await rm(this.dir, { recursive: true, force: true });
  }
}
