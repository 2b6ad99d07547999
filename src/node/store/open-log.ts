import { access } from 'node:fs/promises';
import { join } from 'node:path';
import { EMPTY_HARD_STATE, ZERO_INDEX, ZERO_TERM, type LogIndex, type Term } from '../../consensus/types.ts';
import { CHAIN_START, chainHashBytes } from './chain-hash.ts';
import { damageOf, damageUnlessRefused, damaged } from './damage.ts';
import type { FatalSwitch } from './fatal-switch.ts';
import { systemCodeOf } from './files.ts';
import { checkDatabase } from './level-check/check-database.ts';
import { openDatabase, openFailure, removeDatabaseFiles, type Database } from './level-database.ts';
import { createLog } from './level-log-store.ts';
import { recoverLog, type RecoveredLog } from './log-recovery.ts';
import { finishSalvage, salvageLog } from './log-salvage.ts';
import { MarkFile } from './mark-file.ts';
import type { MarkContent } from './mark-slot.ts';
import type { StoreLimits, StoreLogger } from './node-store.ts';

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
  readonly logger: StoreLogger;
  readonly fatal: FatalSwitch;
}

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
export async function openLog(options: OpenLogOptions): Promise<OpenedLog> {
  const markFile = await openMark(options);
  try {
    const { database, recovered } = options.fresh
      ? await openOrMake(options, markFile)
      : await openOrSalvage(options, markFile);
    await catchUp(markFile, recovered);
    return { database, markFile, recovered };
  } catch (error) {
    await markFile.close();
    throw error;
  }
}

async function openMark({ dir, fresh, limits, fatal }: OpenLogOptions): Promise<MarkFile> {
  const options = { path: markPath(dir), syncIntervalMs: limits.markSyncIntervalMs, fatal };
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

async function isThere(path: string): Promise<boolean> {
  try {
    await access(path);
    return true;
  } catch (error) {
    if (systemCodeOf(error) === 'ENOENT') return false;
    throw error;
  }
}

type OpenedDatabase = Omit<OpenedLog, 'markFile'>;

/**
 * A member's log that is damaged makes room for a sound one, which its peers will complete. That takes a mark that
 * tells for sure what was promised: without it, this node is not the one that it was.
 */
async function openOrSalvage(options: OpenLogOptions, markFile: MarkFile): Promise<OpenedDatabase> {
  const mayRepair = markFile.isNewest;
  const { content } = markFile;
  if (mayRepair && (await finishSalvage(options.dir, LOG_FOLDER))) {
    options.logger.warn({ folder: LOG_FOLDER }, 'the new log takes the place of the damaged one: a crash came between');
  }
  try {
    return await openAndRecover(options, { content, mayRepair });
  } catch (error) {
    if (damageOf(error)?.part !== 'log' || !mayRepair) throw error;
    return await openSalvaged(options, content, error);
  }
}

async function openSalvaged(options: OpenLogOptions, content: MarkContent, cause: unknown): Promise<OpenedDatabase> {
  const damage = damageOf(cause);
  for (const keepsPrefix of [true, false]) {
    const last = await replaceLog(options, content, keepsPrefix);
    options.logger.error({ damage, keptTo: last }, 'the log is damaged: it is set aside, what is missing is asked for');
    try {
      const { database, recovered } = await openAndRecover(options, { content, mayRepair: true });
      const repair = recovered.repair && { ...recovered.repair, reason: damage?.reason ?? recovered.repair.reason };
      return { database, recovered: { ...recovered, repair } };
    } catch (error) {
      if (damageOf(error) === undefined) throw error;
    }
  }
  throw cause;
}

/** Sets the log aside, whatever it holds. It has to be closed. */
export async function replaceLog(
  options: OpenLogOptions,
  { hardState }: MarkContent,
  keepsPrefix: boolean,
): Promise<LogIndex> {
  try {
    return await salvageLog({
      dir: options.dir,
      folder: LOG_FOLDER,
      database: databaseOptions(options, false),
      copy: hardState,
      keepsPrefix,
    });
  } catch (error) {
    throw damageUnlessRefused('log', LOG_FOLDER, error);
  }
}

async function openOrMake(options: OpenLogOptions, markFile: MarkFile): Promise<OpenedDatabase> {
  if (!markFile.untouched) throw lostManifest('this node has voted or acknowledged entries');
  const location = join(options.dir, LOG_FOLDER);
  if (await isThere(location)) {
    const found = await openUnlessUnfinished(options, markFile.content);
    if (found !== undefined) return found;
    await removeDatabaseFiles(location);
  }
  const database = await openDatabase(location, databaseOptions(options, true));
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

function databaseOptions({ limits }: OpenLogOptions, createIfMissing: boolean): Parameters<typeof openDatabase>[1] {
  return { createIfMissing, writeBufferBytes: limits.writeBufferBytes, blockCacheBytes: BLOCK_CACHE_BYTES };
}

async function openAndRecover(
  options: OpenLogOptions,
  { content, mayRepair }: { readonly content: MarkContent; readonly mayRepair: boolean },
): Promise<OpenedDatabase> {
  const location = join(options.dir, LOG_FOLDER);
  const problem = await checkDatabase(location);
  if (problem !== undefined) throw damaged('log', LOG_FOLDER, problem);
  let database;
  try {
    database = await openDatabase(location, databaseOptions(options, false));
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

/**
 * A crash between a write of the log and that of the mark leaves the mark behind. The core takes all that the log
 * holds as stored and may vote or acknowledge accordingly without another write: so the mark says so first. The mark
 * of a log that falls short of it stays, and remembers what else is known of the old one.
 */
async function catchUp(markFile: MarkFile, { base, hardState, tail, terms, repair }: RecoveredLog): Promise<void> {
  const { mark, hardState: copy } = markFile.content;
  const index = (tail.next - 1) as LogIndex;
  const sameVote = copy.term === hardState.term && copy.vote === hardState.vote;
  if (sameVote && (repair === undefined ? mark.index === index : copy.commit === repair.goal.commit)) return;
  const ackTerm = Math.max(mark.ackTerm, hardState.term) as Term;
  if (repair === undefined) {
    const term = index === base.index ? base.term : terms.termAt(index)!;
    markFile.update({ hardState, mark: { index, term, hash: chainHashBytes(tail.hashAt(index)), ackTerm } });
  } else {
    markFile.update({ hardState: { ...hardState, commit: repair.goal.commit }, mark: { ...mark, ackTerm } });
  }
  await new Promise<void>((resolve) => markFile.sync(resolve));
}
