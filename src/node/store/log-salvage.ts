import { access, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { HardState, LogIndex } from '../../consensus/types.ts';
import { damageOf } from './damage.ts';
import { syncDirectory, systemCodeOf } from './files.ts';
import { checkDatabase } from './level-check/check-database.ts';
import {
  beginBatch,
  iterate,
  openDatabase,
  type Database,
  type DatabaseIterator,
  type DatabaseOptions,
} from './level-database.ts';
import { createLog } from './level-log-store.ts';
import { LogReader, READ_AHEAD_RECORDS, newerHardState } from './log-recovery.ts';
import { BASE_KEY, HARD_STATE_KEY, RECORD_RANGE, decodeBase, decodeHardState, encodeHardState } from './log-rows.ts';

const NEXT_SUFFIX = '.new';
const ASIDE_SUFFIX = '.damaged';
/** The reader need not keep what it has verified. */
const NOTHING_CACHED = 0;

export interface SalvageOptions {
  readonly dir: string;
  /** Name of the folder of the log in `dir`. */
  readonly folder: string;
  readonly database: DatabaseOptions;
  /** The copy of the hard state beside the log. */
  readonly copy: HardState;
  /** Whether what can be read of the old log is to be kept. */
  readonly keepsPrefix: boolean;
}

/**
 * Puts a sound log in the place of one that is damaged: with the longest part of it, from its beginning, that can be
 * read and verified, or an empty one. The old database stays beside it, as it was; one that was put there before goes.
 *
 * The new one is complete and durable before anything is renamed, and `finishSalvage` completes what a crash between
 * the two renames left behind.
 *
 * @returns the last entry that was kept
 */
export async function salvageLog(options: SalvageOptions): Promise<LogIndex> {
  const { dir, folder } = options;
  const location = join(dir, folder);
  const next = location + NEXT_SUFFIX;
  const aside = location + ASIDE_SUFFIX;
  await rm(next, { recursive: true, force: true });
  const last = await fillNext(location, next, options);
  await rm(aside, { recursive: true, force: true });
  await renameIfThere(location, aside);
  await rename(next, location);
  await syncDirectory(dir);
  return last;
}

/** @returns whether there was anything to finish */
export async function finishSalvage(dir: string, folder: string): Promise<boolean> {
  const location = join(dir, folder);
  if ((await isThere(location)) || !(await isThere(location + NEXT_SUFFIX))) return false;
  await rename(location + NEXT_SUFFIX, location);
  await syncDirectory(dir);
  return true;
}

async function fillNext(location: string, next: string, options: SalvageOptions): Promise<LogIndex> {
  const database = await openDatabase(next, { ...options.database, createIfMissing: true });
  try {
    // LevelDB ends the process over some broken tables: what does not hold its checksums is never opened.
    const isReadable = options.keepsPrefix && (await checkDatabase(location)) === undefined;
    const last = isReadable ? await copyPrefix(location, database, options) : undefined;
    if (last === undefined) await createLog(database);
    return last ?? (0 as LogIndex);
  } finally {
    await database.close();
    await syncDirectory(next);
  }
}

/** Undefined when not even the beginning can be read. */
async function copyPrefix(location: string, target: Database, options: SalvageOptions): Promise<LogIndex | undefined> {
  let source;
  try {
    source = await openDatabase(location, { ...options.database, createIfMissing: false });
  } catch {
    return undefined;
  }
  try {
    const baseRow = await readRow(source, BASE_KEY);
    const base = baseRow && decodeBase(baseRow);
    if (baseRow === undefined || base === undefined) return undefined;
    const hardStateRow = await readRow(source, HARD_STATE_KEY);
    const stored = hardStateRow && decodeHardState(hardStateRow);
    const { term, vote } = stored === undefined ? options.copy : newerHardState(stored, options.copy);
    // As far as the entries are committed, leader and state will tell.
    const hardState: HardState = { term, vote, commit: base.index };
    await target.put(HARD_STATE_KEY, encodeHardState(hardState));
    const reader = new LogReader(base, hardState, NOTHING_CACHED);
    await copyRecords(source, target, reader);
    await beginBatch(target).put(BASE_KEY, baseRow).write({ sync: true });
    return (reader.finish().tail.next - 1) as LogIndex;
  } finally {
    await source.close();
  }
}

async function readRow(database: Database, key: string): Promise<Uint8Array | undefined> {
  try {
    return await database.get(key);
  } catch {
    return undefined;
  }
}

/** Until the first record that cannot be read or does not continue the chain. */
async function copyRecords(source: Database, target: Database, reader: LogReader): Promise<void> {
  const iterator = iterate(source, RECORD_RANGE);
  try {
    for (;;) {
      const rows = await nextRows(iterator);
      if (rows.length === 0) return;
      const batch = beginBatch(target);
      for (const [key, value] of rows) {
        if (!isTaken(reader, key, value)) {
          await batch.write();
          return;
        }
        batch.put(key, value);
      }
      await batch.write();
    }
  } finally {
    await iterator.close();
  }
}

async function nextRows(iterator: DatabaseIterator): Promise<[string, Uint8Array][]> {
  try {
    return await iterator.nextv(READ_AHEAD_RECORDS);
  } catch {
    return [];
  }
}

function isTaken(reader: LogReader, key: string, value: Uint8Array): boolean {
  try {
    reader.take(key, value);
    return true;
  } catch (error) {
    if (damageOf(error) === undefined) throw error;
    return false;
  }
}

async function renameIfThere(from: string, to: string): Promise<void> {
  try {
    await rename(from, to);
  } catch (error) {
    if (systemCodeOf(error) !== 'ENOENT') throw error;
  }
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
