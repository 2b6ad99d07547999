import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { LOG_FOLDER } from '../store/open-log.ts';

/** States that were set aside are damaged, not in use; one that is being received counts. */
const STATE_FOLDER = /^state-\d+$/;

/** Bytes of the files in which a data directory keeps log and state. LevelDB has a few files of some MiB each. */
export async function folderSizes(dir: string): Promise<{ readonly logBytes: number; readonly stateBytes: number }> {
  const names = await namesIn(dir);
  const sizes = await Promise.all(
    names.filter((name) => STATE_FOLDER.test(name)).map((name) => bytesIn(join(dir, name))),
  );
  return {
    logBytes: names.includes(LOG_FOLDER) ? await bytesIn(join(dir, LOG_FOLDER)) : 0,
    stateBytes: sizes.reduce((sum, bytes) => sum + bytes, 0),
  };
}

async function bytesIn(folder: string): Promise<number> {
  const names = await namesIn(folder);
  const sizes = await Promise.all(names.map((name) => sizeOf(join(folder, name))));
  return sizes.reduce((sum, bytes) => sum + bytes, 0);
}

/** LevelDB removes files as it goes: what is gone when it is looked at has no size. */
const namesIn = (folder: string): Promise<string[]> => readdir(folder).catch(unlessGone<string[]>([]));
const sizeOf = async (file: string): Promise<number> =>
  stat(file).then((found) => (found.isFile() ? found.size : 0), unlessGone(0));

function unlessGone<T>(nothing: T): (error: unknown) => T {
  return (error) => {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return nothing;
    throw error;
  };
}
