import { open, readdir, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { Level } from 'level';
import { ParleyError } from '../../protocol/errors.ts';
import { damageUnlessRefused, messageOf } from './damage.ts';
import { syncDirectory, systemCodeOf } from './files.ts';
import type { DamagedPart } from './node-store.ts';

/** The driver, as the stores use it: text keys in ASCII, values as bytes. */
export type Database = Level<string, Uint8Array>;
export type Batch = ReturnType<typeof beginBatch>;
export type DatabaseIterator = ReturnType<typeof iterate>;

export interface DatabaseOptions {
  /** Only while the directory has no manifest: otherwise a lost CURRENT file would look like an empty database. */
  readonly createIfMissing: boolean;
  /** Size of a memtable and of a write-ahead file. */
  readonly writeBufferBytes: number;
  readonly blockCacheBytes: number;
  /** Tables that stay open, and with them what was touched of them in memory. LevelDB takes no fewer than 74. */
  readonly openFilesMax?: number;
}

/** What LevelDB does by itself. */
const OPEN_FILES_MAX = 1_000;

export class DatabaseOpenError extends Error {
  /** Another process, or another part of this one, has it open. */
  readonly locked: boolean;

  constructor(location: string, cause: unknown) {
    super(`cannot open ${location}: ${messageOf(cause)}`, { cause });
    this.name = 'DatabaseOpenError';
    this.locked = cause instanceof Error && systemCodeOf(cause.cause) === 'LEVEL_LOCKED';
  }
}

/**
 * Opens a LevelDB. What it recovered from its write-ahead file is durable afterwards: LevelDB writes it to a synced
 * table while it opens. Compression is off: what we store is mostly ciphertext.
 *
 * @throws DatabaseOpenError
 */
export async function openDatabase(location: string, options: DatabaseOptions): Promise<Database> {
  const database = new Level<string, Uint8Array>(location, {
    keyEncoding: 'utf8',
    valueEncoding: 'view',
    createIfMissing: options.createIfMissing,
    compression: false,
    writeBufferSize: options.writeBufferBytes,
    cacheSize: options.blockCacheBytes,
    maxOpenFiles: options.openFilesMax ?? OPEN_FILES_MAX,
  });
  try {
    await database.open();
  } catch (error) {
    throw new DatabaseOpenError(location, error);
  }
  await syncDirectory(location);
  return database;
}

/** What a database that cannot be opened means: somebody else has it, or it is damaged. */
export function openFailure(error: unknown, part: DamagedPart, where: string): ParleyError {
  if (error instanceof DatabaseOpenError && error.locked) {
    return new ParleyError('data_in_use', `Another process uses the ${part} of this node: stop it first.`, {
      cause: error,
    });
  }
  return damageUnlessRefused(part, where, error);
}

export function beginBatch(database: Database) {
  return database.batch();
}

/**
 * Writes all at once, without sync. Slower for small rows than a chained batch, whose memory, however, is only freed
 * when the garbage collector comes by, and does not know how much that is: too late where gigabytes are written.
 */
export async function putAll(database: Database, rows: readonly (readonly [key: string, value: Uint8Array])[]) {
  await database.batch(rows.map(([key, value]) => ({ type: 'put' as const, key, value })));
}

export interface KeyRange {
  readonly gte: string;
  readonly lt: string;
  readonly limit?: number;
  readonly reverse?: boolean;
  /** Whether what is read shall displace what is in the block cache. */
  readonly fillCache?: boolean;
  /** A reading of several rows ends when it has come to more than this. */
  readonly highWaterMarkBytes?: number;
  readonly snapshot?: ReturnType<Database['snapshot']>;
}

/** Sees the database as it is now, or as the snapshot does. */
export function iterate(database: Database, range: KeyRange) {
  return database.iterator(range);
}

/** Names that LevelDB gives its files (`db/filename.cc`), but for `LOCK`. */
const FILE_PATTERN = /^(CURRENT|LOG|LOG\.old|MANIFEST-\d+|\d+\.(log|ldb|sst|dbtmp))$/;

/**
 * Removes the files of a closed LevelDB, and nothing else that may be in its folder, so that a new one can be made
 * there. The lock file stays: who holds a lock on it would go on to hold it on a file that nobody else can see.
 */
export async function removeDatabaseFiles(location: string): Promise<void> {
  for (const name of await readdir(location)) {
    if (FILE_PATTERN.test(name)) await unlink(join(location, name));
  }
  await syncDirectory(location);
}

/**
 * Makes every accepted write durable, whichever write-ahead file it went to: when a memtable is full, LevelDB goes on
 * in a new file and never syncs the old one, which matters until the table made from it is on disk. A file that
 * disappears meanwhile has become such a table.
 */
export async function syncWriteAheadFiles(location: string): Promise<void> {
  for (const name of await readdir(location)) {
    if (name.endsWith('.log')) await syncFile(join(location, name));
  }
  await syncDirectory(location);
}

async function syncFile(path: string): Promise<void> {
  let handle;
  try {
    handle = await open(path, 'r+');
  } catch (error) {
    if (systemCodeOf(error) === 'ENOENT') return;
    throw error;
  }
  try {
    await handle.datasync();
  } finally {
    await handle.close();
  }
}
