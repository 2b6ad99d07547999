import { access, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Entry, HardState } from '../../consensus/types.ts';
import { syncDirectory, systemCodeOf } from './files.ts';
import type { RowSeal } from '../at-rest/row-seal.ts';
import type { DatabaseOptions } from './level-database.ts';
import { packRecord, packedBytes } from './log-record.ts';
import { BASE_KEY, HARD_STATE_KEY, encodeBase, encodeHardState, recordKey } from './log-rows.ts';
import type { PlannedLog } from './plan-log.ts';
import { SealedDatabase } from './sealed-database.ts';

const NEXT_SUFFIX = '.new';
const ASIDE_SUFFIX = '.damaged';
const SUSPECT_SUFFIX = '.suspect';

export interface ReplaceOptions {
  readonly dir: string;
  /** Name of the folder of the log in `dir`. */
  readonly folder: string;
  readonly database: DatabaseOptions;
  readonly seal: RowSeal;
  readonly recordBytesMax: number;
}

export interface NewLog extends PlannedLog {
  readonly hardState: HardState;
}

/** Where a damaged log is kept. */
export const asidePath = (location: string): string => location + ASIDE_SUFFIX;
/** Where a copy of a log is kept while it is not known whether it is damaged. */
export const suspectPath = (location: string): string => location + SUSPECT_SUFFIX;

/**
 * Puts a sound log in the place of one that is damaged. The old database, or the copy that was made before LevelDB
 * changed it, stays beside it as it was; one that was put there before goes.
 *
 * The new one is complete and durable before anything is renamed, and `finishReplacing` completes what a crash between
 * the two renames left behind.
 */
export async function replaceLog(log: NewLog, options: ReplaceOptions): Promise<void> {
  const { dir, folder } = options;
  const location = join(dir, folder);
  const next = location + NEXT_SUFFIX;
  await rm(next, { recursive: true, force: true });
  await fillNext(next, log, options);
  await rm(asidePath(location), { recursive: true, force: true });
  if (await renameIfThere(suspectPath(location), asidePath(location))) {
    await rm(location, { recursive: true, force: true });
  } else await renameIfThere(location, asidePath(location));
  await rename(next, location);
  await syncDirectory(dir);
}

/** @returns whether there was anything to finish */
export async function finishReplacing(dir: string, folder: string): Promise<boolean> {
  const location = join(dir, folder);
  if ((await isThere(location)) || !(await isThere(location + NEXT_SUFFIX))) return false;
  await rename(location + NEXT_SUFFIX, location);
  await syncDirectory(dir);
  return true;
}

async function fillNext(next: string, log: NewLog, options: ReplaceOptions): Promise<void> {
  const { folder, seal } = options;
  const place = { part: 'log', where: folder, seal } as const;
  const database = await SealedDatabase.open(next, { ...options.database, createIfMissing: true }, place);
  try {
    await putEntries(database, log, options.recordBytesMax);
    await database
      .begin()
      .put(HARD_STATE_KEY, encodeHardState(log.hardState))
      .put(BASE_KEY, encodeBase(log.base))
      .write({ sync: true });
  } finally {
    await database.close();
    await syncDirectory(next);
  }
}

async function putEntries(database: SealedDatabase, { base, entries }: PlannedLog, bytesMax: number): Promise<void> {
  let before = base.hash;
  for (let from = 0; from < entries.length;) {
    const group = entries.slice(from, endOfGroup(entries, from, bytesMax));
    const { bytes, hashes } = packRecord(before, group);
    await database.begin().put(recordKey(base.epoch, group[0]!.index), bytes).write();
    before = hashes.at(-1)!;
    from += group.length;
  }
}

function endOfGroup(entries: readonly Entry[], from: number, bytesMax: number): number {
  let bytes = 0;
  let at = from;
  while (at < entries.length) {
    bytes += packedBytes(entries[at]!);
    if (bytes > bytesMax && at > from) break;
    at += 1;
  }
  return at;
}

/** @returns whether there was anything to rename */
async function renameIfThere(from: string, to: string): Promise<boolean> {
  try {
    await rename(from, to);
    return true;
  } catch (error) {
    if (systemCodeOf(error) !== 'ENOENT') throw error;
    return false;
  }
}

export async function isThere(path: string): Promise<boolean> {
  try {
    await access(path);
    return true;
  } catch (error) {
    if (systemCodeOf(error) === 'ENOENT') return false;
    throw error;
  }
}
