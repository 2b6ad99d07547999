import { open, readFile, readdir, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { syncDirectory } from '../files.ts';
import { readVersion } from './manifest-reader.ts';
import { scanRecords, type ScannedRecords } from './record-reader.ts';

export interface CutWriteAhead {
  readonly file: string;
  readonly problem: string;
  /** How much was cut, in this file and the ones after it. */
  readonly bytes: number;
}

interface BrokenFile {
  readonly file: string;
  readonly problem: string;
  /** Bytes before the first broken record, and behind its beginning. */
  readonly end: number;
  readonly rest: number;
  /** Files that LevelDB began after it. */
  readonly later: readonly string[];
}

/**
 * Cuts the write-ahead files of a closed LevelDB at the first broken record. LevelDB would skip it and go on behind
 * it; but what was not synced when the power went may have holes, and rows from behind a hole beside rows from before
 * it make no state that ever was. What is left is an older state, whole, and the log brings it up to date.
 *
 * A record that ends with its file was being written: LevelDB itself leaves it out.
 */
export async function cutWriteAheadFiles(location: string): Promise<CutWriteAhead | undefined> {
  const broken = await findBroken(location, ({ end, problem }, content, isLast) => {
    // A file that LevelDB went on from ends with a whole record, unless its last pages were lost.
    return problem ?? (!isLast && end < content.length ? 'its last record is cut off' : undefined);
  });
  if (broken === undefined) return undefined;
  const { file, problem, end, rest, later } = broken;
  let bytes = rest;
  for (const name of later.toReversed()) {
    bytes += (await readFile(join(location, name))).length;
    await unlink(join(location, name));
  }
  await truncateFile(join(location, file), end);
  await syncDirectory(location);
  return { file, problem, bytes };
}

/** Why LevelDB will not take over all of the write-ahead files, if only because the last write was cut short. */
export async function writeAheadProblem(location: string): Promise<string | undefined> {
  const broken = await findBroken(location, ({ end, problem }, content) => {
    const hasMore = content.subarray(end).some((byte) => byte !== 0);
    return hasMore ? (problem ?? 'its last record is cut off') : undefined;
  });
  return broken && `${broken.file}: ${broken.problem}`;
}

async function findBroken(
  location: string,
  problemOf: (scanned: ScannedRecords, content: Buffer, isLast: boolean) => string | undefined,
): Promise<BrokenFile | undefined> {
  const { logNumber } = await readVersion(location);
  const names = (await readdir(location)).filter((name) => /^\d+\.log$/.test(name) && numberOf(name) >= logNumber);
  names.sort((a, b) => numberOf(a) - numberOf(b));
  for (const [position, file] of names.entries()) {
    const content = await readFile(join(location, file));
    const scanned = scanRecords(content);
    const problem = problemOf(scanned, content, position === names.length - 1);
    if (problem === undefined) continue;
    const { end } = scanned;
    return { file, problem, end, rest: content.length - end, later: names.slice(position + 1) };
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
