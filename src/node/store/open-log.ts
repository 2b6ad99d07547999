import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { EMPTY_HARD_STATE, ZERO_INDEX, ZERO_TERM } from '../../consensus/types.ts';
import { CHAIN_START, chainHashBytes } from './chain-hash.ts';
import { damaged, messageOf } from './damage.ts';
import type { FatalSwitch } from './fatal-switch.ts';
import { systemCodeOf } from './files.ts';
import { createLog } from './level-log-store.ts';
import { checkDatabase } from './level-check/check-database.ts';
import { openDatabase, type Database } from './level-database.ts';
import { recoverLog, type RecoveredLog } from './log-recovery.ts';
import { BASE_KEY } from './log-rows.ts';
import { MarkFile } from './mark-file.ts';
import type { MarkContent } from './mark-slot.ts';
import type { StoreLimits } from './node-store.ts';

const LOG_FOLDER = 'log';
const MARK_FILE = 'mark';
const BLOCK_CACHE_BYTES = 8 * 1024 * 1024;

const NOTHING_PROMISED: MarkContent = {
  hardState: EMPTY_HARD_STATE,
  mark: { ackTerm: ZERO_TERM, index: ZERO_INDEX, term: ZERO_TERM, hash: chainHashBytes(CHAIN_START) },
};

export interface OpenedLog {
  readonly database: Database;
  readonly markFile: MarkFile;
  readonly recovered: RecoveredLog;
}

export interface OpenLogOptions {
  readonly dir: string;
  /** Whether the directory has no manifest yet: then, and only then, what is missing is made. */
  readonly fresh: boolean;
  readonly limits: StoreLimits;
  readonly fatal: FatalSwitch;
}

export const markPath = (dir: string): string => join(dir, MARK_FILE);

/** @throws ParleyError `damaged` */
export async function openLog(options: OpenLogOptions): Promise<OpenedLog> {
  const markFile = await openMark(options);
  let database: Database | undefined;
  try {
    database = await openLogDatabase(options);
    const recovered = await recoverLog(database, markFile.content, options.limits.logCacheBytesMax);
    if (options.fresh) checkEmpty(recovered, markFile.content);
    return { database, markFile, recovered };
  } catch (error) {
    await markFile.close();
    await database?.close();
    throw error;
  }
}

async function openMark({ dir, fresh, limits, fatal }: OpenLogOptions): Promise<MarkFile> {
  const options = { path: markPath(dir), syncIntervalMs: limits.markSyncIntervalMs, fatal };
  let markFile;
  try {
    markFile = await MarkFile.open(options);
  } catch (error) {
    if (fresh && systemCodeOf(error) === 'ENOENT') return MarkFile.create(options, NOTHING_PROMISED);
    throw damaged('mark', MARK_FILE, messageOf(error), error);
  }
  if (markFile !== undefined) return markFile;
  // Without a manifest it is the trace of a first start that was cut short.
  if (fresh) return MarkFile.create(options, NOTHING_PROMISED);
  throw damaged('mark', MARK_FILE, 'both copies of the hard state are broken');
}

async function openLogDatabase({ dir, fresh, limits }: OpenLogOptions): Promise<Database> {
  const location = join(dir, LOG_FOLDER);
  const createIfMissing = fresh && !(await holdsData(location));
  const options = { createIfMissing, writeBufferBytes: limits.writeBufferBytes, blockCacheBytes: BLOCK_CACHE_BYTES };
  if (!createIfMissing) {
    const problem = await checkDatabase(location);
    if (problem !== undefined) throw damaged('log', LOG_FOLDER, problem);
  }
  let database;
  try {
    database = await openDatabase(location, options);
    if (fresh && (await database.get(BASE_KEY)) === undefined) await createLog(database);
    return database;
  } catch (error) {
    await database?.close();
    throw damaged('log', LOG_FOLDER, messageOf(error), error);
  }
}

/** Whether LevelDB would delete something if it made a new database here. */
async function holdsData(location: string): Promise<boolean> {
  try {
    const names = await readdir(location);
    return names.some((name) => name.endsWith('.ldb') || name.endsWith('.log'));
  } catch (error) {
    if (systemCodeOf(error) === 'ENOENT') return false;
    throw error;
  }
}

/** Nothing is written before there is a manifest: whatever is there means that the manifest was lost. */
function checkEmpty({ base, tail, hardState }: RecoveredLog, { mark }: MarkContent): void {
  const isEmpty = base.index === 0 && tail.next === 1 && hardState.term === 0 && mark.ackTerm === 0;
  if (!isEmpty) throw damaged('manifest', 'manifest', 'it is missing, but the log is not empty');
}
