import { rename } from 'node:fs/promises';
import { dirname } from 'node:path';
import { rewrapKeyFile } from '../../node/at-rest/key-file.ts';
import { besidePath, obtainWrappingKey, type WrappingKeySource } from '../../node/at-rest/wrapping-key-source.ts';
import { WrappingKey } from '../../node/at-rest/wrapping-key.ts';
import { lockDirectory } from '../../node/store/directory-lock.ts';
import { readIfPresent, replaceFile, syncDirectory } from '../../node/store/files.ts';
import { ParleyError } from '../../protocol/errors.ts';

export interface RekeyOptions {
  readonly dir: string;
  readonly from: WrappingKeySource;
  /** Undefined: a new key is made in the place of the old one, which has to be a file. */
  readonly to: WrappingKeySource | undefined;
}

/**
 * Wraps the data keys of a node that is stopped by another wrapping key. No data is rewritten. After a crash at any
 * point the key that is where it was, or is to be, opens the directory.
 *
 * @returns the names of both keys
 * @throws ParleyError `data_in_use` while the node runs, `not_found`, `usage`, `wrong_wrapping_key`
 */
export async function rekey({ dir, from, to }: RekeyOptions): Promise<{ readonly old: string; readonly now: string }> {
  if (!(await isDirectoryOfNode(dir))) throw new ParleyError('not_found', `${dir} is no data directory of a node.`);
  const lock = await lockDirectory(dir);
  try {
    const old = await obtainWrappingKey(from, dir);
    const { key, takePlace } = to === undefined ? await nextInPlace(from, dir) : await given(to, dir);
    await rewrapKeyFile(dir, { from: old, to: key, between: takePlace });
    return { old: old.id, now: key.id };
  } finally {
    await lock.release();
  }
}

const isDirectoryOfNode = async (dir: string): Promise<boolean> =>
  (await readIfPresent(`${dir}/keys`)) !== undefined || (await readIfPresent(`${dir}/keys.copy`)) !== undefined;

interface NextKey {
  readonly key: WrappingKey;
  readonly takePlace: () => Promise<void>;
}

/** A file that is not there yet is made. */
async function given(to: WrappingKeySource, dir: string): Promise<NextKey> {
  if (to.kind === 'file' && (await readIfPresent(to.path)) === undefined) {
    await replaceFile(to.path, WrappingKey.generateText());
  }
  return { key: await obtainWrappingKey(to, dir), takePlace: () => Promise.resolve() };
}

async function nextInPlace(from: WrappingKeySource, dir: string): Promise<NextKey> {
  if (from.kind !== 'file' && from.kind !== 'beside') {
    throw new ParleyError('usage', 'Say where the new key is: it cannot be put where the old one came from.');
  }
  const path = from.kind === 'file' ? from.path : besidePath(dir);
  const text = WrappingKey.generateText();
  const next = `${path}.new`;
  await replaceFile(next, text);
  const takePlace = async (): Promise<void> => {
    await rename(next, path);
    await syncDirectory(dirname(path));
  };
  return { key: WrappingKey.parse(text, `in ${next}`), takePlace };
}
