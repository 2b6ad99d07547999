import { cp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { EMPTY_HARD_STATE, ZERO_INDEX, ZERO_TERM } from '../../consensus/types.ts';
import type { RowSeal } from '../at-rest/row-seal.ts';
import { CHAIN_START, chainHashBytes } from './chain-hash.ts';
import { damageOf, damageUnlessRefused, damaged, isRefusal } from './damage.ts';
import type { FatalSwitch } from './fatal-switch.ts';
import { systemCodeOf } from './files.ts';
import { checkDatabase } from './level-check/check-database.ts';
import { writeAheadProblem } from './level-check/cut-write-ahead.ts';
import { openFailure, removeDatabaseFiles, type DatabaseOptions } from './level-database.ts';
import { createLog } from './create-log.ts';
import { recoverLog, type RecoveredLog } from './log-recovery.ts';
import { finishReplacing, isThere, suspectPath } from './log-salvage.ts';
import { MarkFile } from './mark-file.ts';
import type { MarkContent } from './mark-slot.ts';
import type { StoreDamage, StoreLimits, StoreLogger } from './node-store.ts';
import { SealedDatabase } from './sealed-database.ts';

export const LOG_FOLDER = 'log';
const MARK_FILE = 'mark';
const BLOCK_CACHE_BYTES = 8 * 1024 * 1024;

const NOTHING_PROMISED: MarkContent = {
  hardState: EMPTY_HARD_STATE,
  mark: { ackTerm: ZERO_TERM, index: ZERO_INDEX, term: ZERO_TERM, hash: chainHashBytes(CHAIN_START) },
};

export interface OpenedLog {
  readonly kind: 'open';
  readonly database: SealedDatabase;
  readonly markFile: MarkFile;
  readonly recovered: RecoveredLog;
}

/** A log that cannot be used as it is, of a node that knows what it promised: `completeLog` makes another. */
export interface BrokenLog {
  readonly kind: 'broken';
  readonly markFile: MarkFile;
  readonly damage: StoreDamage;
}

export interface OpenLogOptions {
  readonly dir: string;
  /** Whether the directory has no manifest yet: then, and only then, what is missing is made. */
  readonly fresh: boolean;
  readonly limits: StoreLimits;
  readonly logger: StoreLogger;
  readonly fatal: FatalSwitch;
  readonly seals: LogSeals;
}

export interface LogSeals {
  readonly log: RowSeal;
  readonly mark: RowSeal;
}

export const logPath = (dir: string): string => join(dir, LOG_FOLDER);
export const markPath = (dir: string): string => join(dir, MARK_FILE);

/**
 * The order of making a log is: the mark, durably, then the database, durably; the manifest comes last of all. So a
 * directory without a manifest is one of two things, and the mark tells which:
 *
 * - The mark is as it was made: nobody was ever promised anything here. The first start was cut short, maybe in the
 *   middle of making the database, whose first files LevelDB does not sync. What is left of it is thrown away.
 * - Anything else, a mark that was written to, a log without a mark, a sound log with something in it: the manifest
 *   of a member was lost. That is damage, and everything stays as it is.
 *
 * @throws ParleyError `damaged`
 */
export async function openLog(options: OpenLogOptions): Promise<OpenedLog | BrokenLog> {
  const markFile = await openMark(options);
  try {
    if (!options.fresh) return await openOfMember(options, markFile);
    return { kind: 'open', markFile, ...(await openOrMake(options, markFile)) };
  } catch (error) {
    await markFile.close();
    throw error;
  }
}

async function openMark({ dir, fresh, limits, fatal, seals }: OpenLogOptions): Promise<MarkFile> {
  const options = { path: markPath(dir), syncIntervalMs: limits.markSyncIntervalMs, fatal, seal: seals.mark };
  let problem = 'both copies of the hard state are broken';
  let cause: unknown;
  try {
    const markFile = await MarkFile.open(options);
    if (markFile !== undefined) return markFile;
  } catch (error) {
    if (systemCodeOf(error) !== 'ENOENT') throw damageUnlessRefused('mark', MARK_FILE, error);
    problem = 'it is missing';
    cause = error;
  }
  // Before the log is there, the mark may not be made yet, or have been cut short while it was.
  if (fresh && !(await isThere(join(dir, LOG_FOLDER)))) return MarkFile.create(options, NOTHING_PROMISED);
  throw damaged('mark', MARK_FILE, problem, cause);
}

type OpenedDatabase = Pick<OpenedLog, 'database' | 'recovered'>;

/**
 * What is missing in a member's log can be had again from its own pieces or its peers. That takes a mark that tells
 * for sure what was promised: without it, this node is not the one that it was.
 */
async function openOfMember(options: OpenLogOptions, markFile: MarkFile): Promise<OpenedLog | BrokenLog> {
  const mayRepair = markFile.isNewest;
  if (mayRepair && (await finishReplacing(options.dir, LOG_FOLDER))) {
    options.logger.warn({ folder: LOG_FOLDER }, 'the new log takes the place of the damaged one: a crash came between');
  }
  try {
    const isSuspect = mayRepair && (await copyIfSuspect(logPath(options.dir)));
    const opened = await openAndRecover(options, { content: markFile.content, mayRepair });
    if (!isSuspect || opened.recovered.repair === undefined) return { kind: 'open', markFile, ...opened };
    await opened.database.close();
    throw damaged('log', LOG_FOLDER, opened.recovered.repair.reason);
  } catch (error) {
    const damage = damageOf(error);
    if (damage?.part !== 'log' || !mayRepair) throw error;
    return { kind: 'broken', markFile, damage };
  }
}

/**
 * LevelDB leaves out what it cannot read of a write-ahead file, and all behind it in the same block, without a word,
 * and removes the file. So it is kept until it is known that nothing is missing.
 */
async function copyIfSuspect(location: string): Promise<boolean> {
  const suspect = suspectPath(location);
  try {
    if ((await writeAheadProblem(location)) === undefined) {
      await rm(suspect, { recursive: true, force: true });
      return false;
    }
  } catch (error) {
    // What cannot be read at all is found out by whoever opens it, which changes nothing then.
    if (isRefusal(error)) throw error;
    return false;
  }
  // One that is there was made before a crash, of the same log or of what LevelDB had not touched yet.
  if (!(await isThere(suspect))) await cp(location, suspect, { recursive: true });
  return true;
}

async function openOrMake(options: OpenLogOptions, markFile: MarkFile): Promise<OpenedDatabase> {
  if (!markFile.untouched) throw lostManifest('this node has voted or acknowledged entries');
  const location = logPath(options.dir);
  if (await isThere(location)) {
    const found = await openUnlessUnfinished(options, markFile.content);
    if (found !== undefined) return found;
    await removeDatabaseFiles(location);
  }
  const database = await openLogDatabase(options, true);
  try {
    await createLog(database);
    const cacheBytesMax = options.limits.logCacheBytesMax;
    return { database, recovered: await recoverLog(database, markFile.content, { cacheBytesMax, mayRepair: false }) };
  } catch (error) {
    await database.close();
    throw error;
  }
}

/** Undefined when it is what an interrupted first start left behind. */
async function openUnlessUnfinished(options: OpenLogOptions, beside: MarkContent): Promise<OpenedDatabase | undefined> {
  let opened;
  try {
    opened = await openAndRecover(options, { content: beside, mayRepair: false });
  } catch (error) {
    const damage = damageOf(error);
    if (damage === undefined) throw error;
    options.logger.warn({ damage }, 'the first start of this node was cut short: its empty log is made again');
    return undefined;
  }
  const { base, tail, hardState } = opened.recovered;
  if (base.index === 0 && tail.next === 1 && hardState.term === 0) return opened;
  await opened.database.close();
  throw lostManifest('the log is not empty');
}

function lostManifest(but: string): Error {
  return damaged('manifest', 'manifest', `it is missing, but ${but}`);
}

function openLogDatabase(options: OpenLogOptions, createIfMissing: boolean): Promise<SealedDatabase> {
  const place = { part: 'log', where: LOG_FOLDER, seal: options.seals.log } as const;
  return SealedDatabase.open(logPath(options.dir), logDatabaseOptions(options, createIfMissing), place);
}

export function logDatabaseOptions({ limits }: OpenLogOptions, createIfMissing: boolean): DatabaseOptions {
  return { createIfMissing, writeBufferBytes: limits.writeBufferBytes, blockCacheBytes: BLOCK_CACHE_BYTES };
}

/** @throws ParleyError `damaged` */
export async function openAndRecover(
  options: OpenLogOptions,
  { content, mayRepair }: { readonly content: MarkContent; readonly mayRepair: boolean },
): Promise<OpenedDatabase> {
  const location = logPath(options.dir);
  const problem = await checkDatabase(location);
  if (problem !== undefined) throw damaged('log', LOG_FOLDER, problem);
  let database;
  try {
    database = await openLogDatabase(options, false);
  } catch (error) {
    throw openFailure(error, 'log', LOG_FOLDER);
  }
  try {
    const cacheBytesMax = options.limits.logCacheBytesMax;
    return { database, recovered: await recoverLog(database, content, { cacheBytesMax, mayRepair }) };
  } catch (error) {
    await database.close();
    throw error;
  }
}
