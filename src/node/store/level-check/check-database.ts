import { readFile, readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { readVersion } from './manifest-reader.ts';
import { checkTable } from './table-check.ts';

/**
 * Checks the checksums of a closed LevelDB, which LevelDB itself does not: a flipped bit in a table makes it return
 * wrong rows, or ends the whole process by one of its assertions.
 *
 * @returns what is damaged, or undefined when every checksum holds
 */
export async function checkDatabase(location: string): Promise<string | undefined> {
  try {
    const { tables } = await readVersion(location);
    for (const [number, bytes] of tables) {
      const problem = await checkTableFile(location, number, bytes);
      if (problem !== undefined) return problem;
    }
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

async function checkTableFile(location: string, number: number, bytes: number): Promise<string | undefined> {
  const name = `${String(number).padStart(6, '0')}.ldb`;
  const file = await readFile(join(location, name));
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
