import { EMPTY_CONF_STATE, ZERO_INDEX, ZERO_TERM, type LogIndex } from '../../consensus/types.ts';
import type { StampMs } from '../../protocol/ids.ts';
import { damageOf, damageUnlessRefused, damaged, messageOf } from './damage.ts';
import type { FatalSwitch } from './fatal-switch.ts';
import { checkDatabase, checkTables, tableBytes } from './level-check/check-database.ts';
import { cutWriteAheadFiles } from './level-check/cut-write-ahead.ts';
import { readVersion, type LevelVersion } from './level-check/manifest-reader.ts';
import type { StoreLimits, StoreLogger } from './node-store.ts';
import { StateBuilder } from './state-builder.ts';
import { StateDatabase } from './state-database.ts';
import type { StateFolders } from './state-folders.ts';

export interface OpenStateOptions {
  readonly folders: StateFolders;
  /** Whether the directory has no manifest yet: then, and only then, a missing state is made. */
  readonly fresh: boolean;
  /** Where the log begins: from 0 a lost state can be made again by applying all of it. */
  readonly logBase: LogIndex;
  readonly limits: StoreLimits;
  readonly logger: StoreLogger;
  readonly fatal: FatalSwitch;
}

/** @throws ParleyError `damaged` */
export async function openState(options: OpenStateOptions): Promise<StateDatabase> {
  const { folders, fresh, logBase, logger } = options;
  const current = await currentState(options);
  if (current === undefined) return createState(options);
  let disk;
  try {
    disk = await openCurrent(current, options);
  } catch (error) {
    const damage = damageOf(error);
    if (damage === undefined || logBase > 0) throw error;
    logger.warn({ damage }, 'the state is damaged: it is rebuilt from the log, which is complete');
    await folders.setAside(current);
    return createState(options);
  }
  if (fresh && disk.applied.index > 0) {
    await disk.close();
    throw damaged('manifest', 'manifest', 'it is missing, but the state is not empty');
  }
  await folders.removeOthers(current);
  return disk;
}

/** Undefined when there is none yet, or none that can be found and need be. */
async function currentState({ folders, fresh, logBase, logger }: OpenStateOptions): Promise<string | undefined> {
  try {
    const current = await folders.current();
    if (current === undefined && !fresh) throw damaged('state', 'state-current', 'it is missing');
    return current;
  } catch (error) {
    const damage = damageOf(error);
    if (damage === undefined || fresh || logBase > 0) throw error;
    logger.warn({ damage }, 'which state counts is not known: it is rebuilt from the log');
    return undefined;
  }
}

export async function createState({
  folders,
  limits,
}: Pick<OpenStateOptions, 'folders' | 'limits'>): Promise<StateDatabase> {
  const name = folders.unused();
  const builder = await StateBuilder.create(folders.path(name), name, limits.writeBufferBytes);
  const disk = await builder.finish({
    index: ZERO_INDEX,
    term: ZERO_TERM,
    stampMs: 0 as StampMs,
    confState: EMPTY_CONF_STATE,
  });
  await folders.point(name);
  return disk;
}

async function openCurrent(name: string, options: OpenStateOptions): Promise<StateDatabase> {
  const { folders, limits } = options;
  const location = folders.path(name);
  const condemned = await folders.condemnation(name);
  if (condemned !== undefined) throw damaged('state', name, condemned);
  await cutWriteAhead(name, options);
  if ((await tableBytes(location)) > limits.verifyBytesAtOpenMax) {
    const { tables } = await readVersion(location);
    const disk = await StateDatabase.open(location, name, limits.writeBufferBytes);
    void verifyInBackground(disk, tables, options);
    return disk;
  }
  const problem = await checkDatabase(location);
  if (problem !== undefined) throw damaged('state', name, problem);
  const disk = await StateDatabase.open(location, name, limits.writeBufferBytes);
  try {
    await disk.verify();
    return disk;
  } catch (error) {
    await disk.close();
    throw error;
  }
}

async function cutWriteAhead(name: string, { folders, logger }: OpenStateOptions): Promise<void> {
  try {
    const cut = await cutWriteAheadFiles(folders.path(name));
    if (cut !== undefined) logger.warn({ state: name, ...cut }, 'the last writes of the state are broken: cut off');
  } catch (error) {
    throw damageUnlessRefused('state', name, error);
  }
}

/**
 * Reading every row of a large state takes long: a node serves meanwhile. What is found ends the process and is there
 * at the next start.
 */
async function verifyInBackground(
  disk: StateDatabase,
  tables: LevelVersion['tables'],
  { folders, fatal, logger }: OpenStateOptions,
): Promise<void> {
  try {
    // First of all: a broken index of a table could end the process without a word.
    const problem = await checkTables(disk.location, tables, { mayVanish: true });
    if (problem !== undefined) throw damaged('state', disk.where, problem);
    const { index, hash } = await disk.verify();
    logger.info({ index, rows: hash.rows }, 'every row of the state was verified');
  } catch (error) {
    const damage = damageOf(error);
    // Anything else comes from closing the database.
    if (damage === undefined) return;
    folders.condemn(disk.where, damage.reason);
    fatal.trip(new Error(messageOf(error), { cause: error }));
  }
}
