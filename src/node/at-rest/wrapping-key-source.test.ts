import { chmod, readFile, readdir, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { removeImage } from '../../testing/store/store-images.ts';
import { makeTemporaryFolder } from '../../testing/store/temporary-store.ts';
import { makeDirectory } from '../store/files.ts';
import { writeKeyFile } from './key-file.ts';
import { obtainWrappingKey } from './wrapping-key-source.ts';
import { WrappingKey } from './wrapping-key.ts';

const HEX = 'ab'.repeat(32);
const KEY = WrappingKey.parse(HEX, 'here');

let folder: string;
let dir: string;
beforeEach(async () => {
  folder = await makeTemporaryFolder();
  dir = join(folder, 'n1');
  await makeDirectory(dir);
});
afterEach(() => removeImage(folder));

describe('a wrapping key', () => {
  it('is made once beside a new directory, for its owner alone', async () => {
    const made = await obtainWrappingKey({ kind: 'beside' }, dir);
    expect((await obtainWrappingKey({ kind: 'beside' }, `${dir}/`)).id).toBe(made.id);
    expect((await stat(`${dir}.key`)).mode & 0o777).toBe(0o600);
    expect(await readdir(dir)).toEqual([]);
  });

  it('is not made again for a directory that was sealed under one', async () => {
    await writeKeyFile(dir, KEY, { serial: 1, names: Buffer.alloc(32), generations: [] });
    await expect(obtainWrappingKey({ kind: 'beside' }, dir)).rejects.toThrow(/is missing.*Nothing was changed/);
    expect(await readdir(folder)).toEqual(['n1']);
  });

  it('comes from a file, the environment, or a command', async () => {
    const path = join(folder, 'key');
    await writeFile(path, `${HEX}\n`);
    const sources = [
      { kind: 'file', path },
      { kind: 'environment', text: HEX },
      { kind: 'command', command: `cat ${path}` },
    ] as const;
    for (const source of sources) expect((await obtainWrappingKey(source, dir)).id).toBe(KEY.id);
  });

  it.each([
    [{ kind: 'file', path: '/nonexistent/key' }, 'There is no wrapping key file'],
    [{ kind: 'environment', text: HEX.slice(2) }, 'not 64 hex digits'],
    [{ kind: 'command', command: 'echo no key today >&2; exit 3' }, 'failed with 3: no key today'],
    [{ kind: 'command', command: 'echo 12' }, 'not 64 hex digits'],
    [{ kind: 'command', command: 'yes' }, 'The wrapping key command failed with'],
  ] as const)('is refused in one sentence: %j', async (source, sentence) => {
    await expect(obtainWrappingKey(source, dir)).rejects.toMatchObject({
      code: 'usage',
      message: expect.stringContaining(sentence) as string,
    });
  });

  it('is never part of a message', async () => {
    const path = join(folder, 'key');
    await writeFile(path, `${HEX}${HEX}`);
    await chmod(path, 0o600);
    await expect(obtainWrappingKey({ kind: 'file', path }, dir)).rejects.toThrow(/^(?!.*abab)/);
    expect(await readFile(path, 'utf8')).toContain(HEX);
  });
});
