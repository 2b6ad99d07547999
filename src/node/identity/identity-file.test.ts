import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { nodeRandom } from '../../crypto/node-random.ts';
import { singleSeal } from '../../testing/store/test-keys.ts';
import { openIdentity } from './identity-file.ts';

let dir: string;
const seal = singleSeal();
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'parley-identity-'));
});
afterEach(() => rm(dir, { recursive: true }));
const open = (isMember = false): ReturnType<typeof openIdentity> => openIdentity({ dir, seal }, isMember, nodeRandom);

it('makes keys once, for the owner of the directory only', async () => {
  const made = await open();
  expect(await open(true)).toEqual(made);
  for (const file of ['identity', 'identity.copy']) expect((await stat(join(dir, file))).mode & 0o777).toBe(0o600);
});

it('does without either copy, and mends it', async () => {
  const made = await open();
  for (const file of ['identity', 'identity.copy']) {
    const path = join(dir, file);
    const sound = await readFile(path);
    await writeFile(
      path,
      sound.map((byte, at) => (at === 20 ? byte ^ 1 : byte)),
    );
    expect((await open(true)).public).toBe(made.public);
    expect(await open(true)).toEqual(made);
    await rm(path);
    expect((await open(true)).public).toBe(made.public);
    await rm(join(dir, file === 'identity' ? 'identity.copy' : 'identity'));
    expect(await open(true)).toEqual(made);
  }
});

it('makes no others for a member, or in the place of damaged ones', async () => {
  await expect(open(true)).rejects.toMatchObject({ code: 'damaged', message: expect.stringContaining('replace') });
  await open();
  for (const file of ['identity', 'identity.copy']) await writeFile(join(dir, file), 'nonsense');
  await expect(open()).rejects.toMatchObject({ code: 'damaged' });
});
