import { open, readFile, readdir, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { syncDirectory } from '../files.ts';
import { readVersion } from './manifest-reader.ts';
import { scanRecords } from './record-reader.ts';

export interface CutWriteAhead {
  readonly file: string;
  readonly problem: string;
  /** How much was cut, in this file and the ones after it. */
  readonly bytes: number;
}

/**
 * Cuts the write-ahead files of a closed LevelDB at the first broken record. LevelDB would skip it and go on behind
 * it; but what was not synced when the power went may have holes, and rows from behind a hole beside rows from before
 * it make no state that ever was. What is left is an older state, whole, and the log brings it up to date.
 *
 * A record that ends with its file was being written: LevelDB itself leaves it out.
 */
export async function cutWriteAheadFiles(location: string): Promise<CutWriteAhead | undefined> {
  const { logNumber } = await readVersion(location);
  const names = (await readdir(location)).filter((name) => /^\d+\.log$/.test(name) && numberOf(name) >= logNumber);
  names.sort((a, b) => numberOf(a) - numberOf(b));
  for (const [position, file] of names.entries()) {
    const content = await readFile(join(location, file));
    const { end, problem } = scanRecords(content);
    const last = position === names.length - 1;
    // A file that LevelDB went on from ends with a whole record, unless its last pages were lost.
    const isCutOff = !last && end < content.length;
    if (problem === undefined && !isCutOff) continue;
    let bytes = content.length - end;
    for (const later of names.slice(position + 1).reverse()) {
      bytes += (await readFile(join(location, later))).length;
      await unlink(join(location, later));
    }
    await truncateFile(join(location, file), end);
    await syncDirectory(location);
    return { file, problem: problem ?? 'its last record is cut off', bytes };
  }
  return undefined;
}

const numberOf = (name: string): number => Number.parseInt(name, 10);

async function truncateFile(path: string, bytes: number): Promise<void> {
  const handle = await open(path, 'r+');
  try {
    await handle.truncate(bytes);
    await handle.sync();
  } finally {
    await handle.close();
  }
}
