import { join } from 'node:path';
import { ParleyError } from '../../protocol/errors.ts';
import { messageOf } from './damage.ts';
import { readIfPresent } from './files.ts';
import { DatabaseOpenError, openDatabase, removeDatabaseFiles, type Database } from './level-database.ts';

const LOCK_FOLDER = 'lock';

/**
 * An exclusive lock that the kernel gives back when its process dies. Node has no call for one, LevelDB takes one on
 * every database: so the lock is an empty database. The stores' own locks come too late, and a damaged store holds
 * none.
 */
export interface DirectoryLock {
  release(): Promise<void>;
}

/** @throws ParleyError `data_in_use` when another process has the directory */
export async function lockDirectory(dir: string): Promise<DirectoryLock> {
  const location = join(dir, LOCK_FOLDER);
  const database = await openLock(dir, location);
  return { release: () => database.close() };
}

async function openLock(dir: string, location: string): Promise<Database> {
  try {
    return await openLockDatabase(location);
  } catch (error) {
    if (isLocked(error)) throw await inUse(dir, error);
  }
  try {
    // LevelDB takes the lock before it reads anything: nobody held this one, and a database that only serves as a
    // lock holds nothing that could be lost. Who takes the lock meanwhile does not need the files either.
    await removeDatabaseFiles(location);
    return await openLockDatabase(location);
  } catch (error) {
    if (isLocked(error)) throw await inUse(dir, error);
    throw new ParleyError('internal', `The data directory ${dir} cannot be locked: ${messageOf(error)}`, {
      cause: error,
    });
  }
}

function openLockDatabase(location: string): Promise<Database> {
  return openDatabase(location, { createIfMissing: true, writeBufferBytes: 64 * 1024, blockCacheBytes: 64 * 1024 });
}

function isLocked(error: unknown): boolean {
  return error instanceof DatabaseOpenError && error.locked;
}

async function inUse(dir: string, cause: unknown): Promise<ParleyError> {
  const pid = (await readIfPresent(join(dir, 'chatd.pid')))?.toString('utf8').trim();
  const who = pid !== undefined && /^\d{1,10}$/.test(pid) ? `process ${pid}` : 'another process';
  return new ParleyError('data_in_use', `The data directory ${dir} is in use by ${who}: stop it first.`, {
    cause,
    data: { dir },
  });
}
