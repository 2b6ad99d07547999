import { cp, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ParleyError } from '../../protocol/errors.ts';
import { flipBit, removeImage } from '../../testing/store/store-images.ts';
import { makeTemporaryFolder } from '../../testing/store/temporary-store.ts';
import { KEY_FILE, KEY_FILE_COPY, readKeyFile, rewrapKeyFile, writeKeyFile, type KeyFileContent } from './key-file.ts';
import { WrappingKey } from './wrapping-key.ts';

const mine = new WrappingKey(Buffer.alloc(32, 1));
const other = new WrappingKey(Buffer.alloc(32, 2));
const contentOf = (serial: number): KeyFileContent => ({
  serial,
  names: Buffer.alloc(32, 3),
  generations: [{ number: 1, secret: Buffer.alloc(32, 4), madeAtMs: 5, sealedMax: 6 }],
});

let dir: string;
beforeEach(async () => {
  dir = await makeTemporaryFolder();
});
afterEach(() => removeImage(dir));

const bytesOf = async (): Promise<string[]> =>
  Promise.all([KEY_FILE, KEY_FILE_COPY].map((file) => readFile(join(dir, file), 'latin1')));
const fails = async (work: Promise<unknown>): Promise<ParleyError> => {
  const error: unknown = await work.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(ParleyError);
  return error as ParleyError;
};

describe('the key file', () => {
  it('gives back what was written, and nothing of it in clear', async () => {
    expect(await readKeyFile(dir, mine)).toBeUndefined();
    await writeKeyFile(dir, mine, contentOf(1));
    expect(await readKeyFile(dir, mine)).toEqual(contentOf(1));
    for (const text of await bytesOf()) {
      for (const secret of [Buffer.alloc(32, 3), Buffer.alloc(32, 4)]) {
        for (const form of ['latin1', 'hex', 'base64'] as const) expect(text).not.toContain(secret.toString(form));
      }
    }
  });

  it('says of a wrong key that it is one, and changes nothing', async () => {
    await writeKeyFile(dir, mine, contentOf(1));
    const before = await bytesOf();
    const error = await fails(readKeyFile(dir, other));
    expect(error).toMatchObject({ code: 'wrong_wrapping_key' });
    expect(error.message).toContain(mine.id);
    expect(await bytesOf()).toEqual(before);
    // Also where one of the two is damaged besides.
    await flipBit(join(dir, KEY_FILE), 80);
    expect(await fails(readKeyFile(dir, other))).toMatchObject({ code: 'wrong_wrapping_key' });
  });

  it('survives any bit that flips in one of its two files, or the loss of one, and mends it', async () => {
    await writeKeyFile(dir, mine, contentOf(1));
    const [whole] = await bytesOf();
    for (let bit = 0; bit < 8 * whole!.length; bit += 13) {
      const file = bit % 2 === 0 ? KEY_FILE : KEY_FILE_COPY;
      await flipBit(join(dir, file), bit);
      expect(await readKeyFile(dir, mine)).toEqual(contentOf(1));
    }
    await rm(join(dir, KEY_FILE));
    expect(await readKeyFile(dir, mine)).toEqual(contentOf(1));
    await rm(join(dir, KEY_FILE_COPY));
    expect(await readKeyFile(dir, mine)).toEqual(contentOf(1));
  });

  it('is damaged when both files are', async () => {
    await writeKeyFile(dir, mine, contentOf(1));
    for (const file of [KEY_FILE, KEY_FILE_COPY]) await flipBit(join(dir, file), 80);
    expect(await fails(readKeyFile(dir, mine))).toMatchObject({ code: 'damaged', data: { part: 'keys' } });
  });

  it('believes the newer of two', async () => {
    await writeKeyFile(dir, mine, contentOf(1));
    const older = await readFile(join(dir, KEY_FILE));
    await writeKeyFile(dir, mine, contentOf(2));
    await writeFile(join(dir, KEY_FILE), older);
    expect(await readKeyFile(dir, mine)).toEqual(contentOf(2));
    await rm(join(dir, KEY_FILE_COPY));
    expect(await readKeyFile(dir, mine)).toEqual(contentOf(2));
  });

  it('opens by either key in the middle of a change, and by the new one alone afterwards', async () => {
    await writeKeyFile(dir, mine, contentOf(1));
    const copies: string[] = [];
    const between = async (): Promise<void> => {
      for (const key of [mine, other]) {
        const copy = await makeTemporaryFolder();
        copies.push(copy);
        await cp(dir, copy, { recursive: true });
        expect((await readKeyFile(copy, key))?.generations).toEqual(contentOf(1).generations);
        // And, having been opened by it, from then on.
        expect((await readKeyFile(copy, key))?.generations).toEqual(contentOf(1).generations);
      }
    };
    await rewrapKeyFile(dir, { from: mine, to: other, between });
    expect(await fails(readKeyFile(dir, mine))).toMatchObject({ code: 'wrong_wrapping_key' });
    expect((await readKeyFile(dir, other))?.generations).toEqual(contentOf(1).generations);
    for (const copy of copies) await removeImage(copy);
  });
});
