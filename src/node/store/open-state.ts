import { EMPTY_CONF_STATE, ZERO_INDEX, ZERO_TERM } from '../../consensus/types.ts';
import type { StampMs } from '../../protocol/ids.ts';
import type { RowSeal } from '../at-rest/row-seal.ts';
import { damageOf, damageUnlessRefused, damaged, messageOf } from './damage.ts';
import type { FatalSwitch } from './fatal-switch.ts';
import { checkDatabase, checkTables, tableBytes } from './level-check/check-database.ts';
import { cutWriteAheadFiles } from './level-check/cut-write-ahead.ts';
import { readVersion, type LevelVersion } from './level-check/manifest-reader.ts';
import type { RowNames } from './hidden-rows.ts';
import type { StoreDamage, StoreLimits, StoreLogger } from './node-store.ts';
import { StateBuilder } from './state-builder.ts';
import { StateDatabase } from './state-database.ts';
import type { StateFolders } from './state-folders.ts';

export interface OpenStateOptions {
  readonly folders: StateFolders;
  /** Whether the directory has no manifest yet: then, and only then, a missing state is made. */
  readonly fresh: boolean;
  /** Whether a damaged state may make room for an empty one. */
  readonly mayReplace: boolean;
  readonly limits: StoreLimits;
  readonly logger: StoreLogger;
  readonly fatal: FatalSwitch;
  readonly sealing: StateSealing;
}

/** How rows stand on the disk. */
export interface StateSealing {
  readonly seal: RowSeal;
  readonly names: RowNames;
}

export interface OpenedState {
  readonly disk: StateDatabase;
  /** Whether all of it was read. */
  readonly isVerified: boolean;
  /** Why it is empty, where a member's state was set aside. */
  readonly damage?: StoreDamage | undefined;
}

/** @throws ParleyError `damaged` */
export async function openState(options: OpenStateOptions): Promise<OpenedState> {
  const { folders, fresh, mayReplace, logger } = options;
  let current: string | undefined;
  try {
    current = await folders.current();
    if (current === undefined && !fresh) throw damaged('state', 'state-current', 'it is missing');
    if (current === undefined) return { disk: await createState(options), isVerified: true };
    const opened = await openCurrent(current, options);
    await refuseIfStray(opened.disk, options);
    await folders.removeOthers(current);
    return opened;
  } catch (error) {
    const damage = damageOf(error);
    if (damage?.part !== 'state' || fresh || !mayReplace) throw error;
    logger.error({ damage }, 'the state is damaged: it is set aside and made again');
    if (current !== undefined) await folders.setAside(current);
    return { disk: await createState(options), isVerified: true, damage };
  }
}

async function refuseIfStray(disk: StateDatabase, { fresh }: OpenStateOptions): Promise<void> {
  if (!fresh || disk.applied.index === 0) return;
  await disk.close();
  throw damaged('manifest', 'manifest', 'it is missing, but the state is not empty');
}

export async function createState({
  folders,
  limits,
  sealing,
}: Pick<OpenStateOptions, 'folders' | 'limits' | 'sealing'>): Promise<StateDatabase> {
  const name = folders.unused();
  const builder = await StateBuilder.create({ location: folders.path(name), where: name, ...sealing });
  const position = { index: ZERO_INDEX, term: ZERO_TERM, stampMs: 0 as StampMs, confState: EMPTY_CONF_STATE };
  const disk = await builder.finish(position, limits.writeBufferBytes);
  await folders.point(name);
  return disk;
}

async function openCurrent(name: string, options: OpenStateOptions): Promise<OpenedState> {
  const { folders, limits, sealing } = options;
  const location = folders.path(name);
  const condemned = await folders.condemnation(name);
  if (condemned !== undefined) throw damaged('state', name, condemned);
  const place = { location, where: name, ...sealing, writeBufferBytes: limits.writeBufferBytes };
  await cutWriteAhead(name, options);
  if ((await tableBytes(location)) > limits.verifyBytesAtOpenMax) {
    const { tables } = await readVersion(location);
    const disk = await StateDatabase.open(place);
    void verifyInBackground(disk, tables, options);
    return { disk, isVerified: false };
  }
  const problem = await checkDatabase(location);
  if (problem !== undefined) throw damaged('state', name, problem);
  const disk = await StateDatabase.open(place);
  try {
    await disk.verify();
    return { disk, isVerified: true };
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
