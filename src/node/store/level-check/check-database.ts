import { readFile, readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { isRefusal } from '../damage.ts';
import { readIfPresent } from '../files.ts';
import { readVersion, type LevelVersion } from './manifest-reader.ts';
import { checkTable } from './table-check.ts';

/**
 * Checks the checksums of a closed LevelDB, which LevelDB itself does not: a flipped bit in a table makes it return
 * wrong rows, or ends the whole process by one of its assertions.
 *
 * @returns what is damaged, or undefined when every checksum holds
 * @throws when the system does not let it read
 */
export async function checkDatabase(location: string): Promise<string | undefined> {
  try {
    const { tables } = await readVersion(location);
    return await checkTables(location, tables, { mayVanish: false });
  } catch (error) {
    if (isRefusal(error)) throw error;
    return error instanceof Error ? error.message : String(error);
  }
}

/**
 * Checks tables, which are never changed once they are written.
 *
 * @param mayVanish whether the database is open: then a table that is missing has become part of another
 */
export async function checkTables(
  location: string,
  tables: LevelVersion['tables'],
  { mayVanish }: { readonly mayVanish: boolean },
): Promise<string | undefined> {
  for (const [number, bytes] of tables) {
    const name = `${String(number).padStart(6, '0')}.ldb`;
    const path = join(location, name);
    const file = mayVanish ? await readIfPresent(path) : await readFile(path);
    const problem = file === undefined ? undefined : checkTableFile(name, file, bytes);
    if (problem !== undefined) return problem;
  }
  return undefined;
}

function checkTableFile(name: string, file: Buffer, bytes: number): string | undefined {
  if (file.length !== bytes) return `${name} has ${file.length} bytes instead of ${bytes}`;
  const problem = checkTable(file);
  return problem === undefined ? undefined : `${name}: ${problem}`;
}

/** Bytes of all tables in a folder: what there is to read for a check. 0 when there is no such folder. */
export async function tableBytes(location: string): Promise<number> {
  let bytes = 0;
  for (const name of await readdir(location).catch(() => [])) {
    if (name.endsWith('.ldb')) bytes += (await stat(join(location, name))).size;
  }
  return bytes;
}
