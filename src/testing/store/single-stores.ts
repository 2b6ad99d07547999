import assert from 'node:assert/strict';
import { rm } from 'node:fs/promises';
import { EMPTY_CONF_STATE, ZERO_INDEX } from '../../consensus/types.ts';
import { FatalSwitch } from '../../node/store/fatal-switch.ts';
import { RowNames } from '../../node/store/hidden-rows.ts';
import { LevelLogStore } from '../../node/store/level-log-store.ts';
import { LevelStateStore } from '../../node/store/level-state-store.ts';
import { STORE_LIMITS, type StoreLimits } from '../../node/store/node-store.ts';
import { openLog } from '../../node/store/open-log.ts';
import { openState } from '../../node/store/open-state.ts';
import { StateFolders } from '../../node/store/state-folders.ts';
import { SILENT, makeTemporaryFolder } from './temporary-store.ts';
import { openTestKeys } from './test-keys.ts';

/** A log without the state that belongs to it. `fresh` makes what is missing. */
export async function openLogAlone(
  dir: string,
  { fresh, limits }: { readonly fresh: boolean; readonly limits?: Partial<StoreLimits> | undefined },
): Promise<LevelLogStore> {
  const fatal = throwing();
  const allLimits = { ...STORE_LIMITS, ...limits };
  const keys = await openTestKeys(dir);
  const seals = { log: keys.sealOf('log'), mark: keys.sealOf('mark') };
  const opened = await openLog({ dir, fresh, limits: allLimits, logger: SILENT, fatal, seals });
  assert(opened.kind === 'open', 'the log is damaged');
  return new LevelLogStore({
    ...opened,
    limits: allLimits,
    fatal,
    applied: () => ({ index: ZERO_INDEX, confState: EMPTY_CONF_STATE }),
    mayWrite: () => true,
  });
}

/** A state without the log that belongs to it. */
export async function openStateAlone(
  dir: string,
  { fresh, limits }: { readonly fresh: boolean; readonly limits?: Partial<StoreLimits> | undefined },
): Promise<LevelStateStore> {
  const fatal = throwing();
  const allLimits = { ...STORE_LIMITS, ...limits };
  const folders = await StateFolders.open(dir);
  const keys = await openTestKeys(dir);
  const sealing = { seal: keys.sealOf('state'), names: new RowNames(keys.nameKey) };
  const options = { folders, fresh, mayReplace: false, limits: allLimits, logger: SILENT, fatal, sealing };
  const { disk } = await openState(options);
  return new LevelStateStore({
    folders,
    disk,
    foundingConfState: () => EMPTY_CONF_STATE,
    limits: allLimits,
    fatal,
    sealing,
  });
}

function throwing(): FatalSwitch {
  return new FatalSwitch((error) => {
    throw error;
  });
}

/** A store in a folder of its own that can be closed and opened again. */
export class SingleStore<T extends { close(): Promise<void> }> {
  readonly dir: string;
  readonly #open: (fresh: boolean) => Promise<T>;
  #store: T;

  private constructor(dir: string, store: T, open: (fresh: boolean) => Promise<T>) {
    this.dir = dir;
    this.#store = store;
    this.#open = open;
  }

  static async log(limits?: Partial<StoreLimits>): Promise<SingleStore<LevelLogStore>> {
    const dir = await makeTemporaryFolder();
    const open = (fresh: boolean): Promise<LevelLogStore> => openLogAlone(dir, { fresh, limits });
    return new SingleStore(dir, await open(true), open);
  }

  static async state(limits?: Partial<StoreLimits>): Promise<SingleStore<LevelStateStore>> {
    const dir = await makeTemporaryFolder();
    const open = (fresh: boolean): Promise<LevelStateStore> => openStateAlone(dir, { fresh, limits });
    return new SingleStore(dir, await open(true), open);
  }

  get store(): T {
    return this.#store;
  }

  async reopen(): Promise<T> {
    await this.#store.close();
    this.#store = await this.#open(false);
    return this.#store;
  }

  async remove(): Promise<void> {
    await this.#store.close();
    await rm(this.dir, { recursive: true, force: true });
  }
}
