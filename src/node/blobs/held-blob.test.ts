import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { makeTestBlob } from '../../testing/blobs/test-blob.ts';
import { singleSeal } from '../../testing/store/test-keys.ts';
import { BlobFiles } from './blob-files.ts';
import { HeldBlob } from './held-blob.ts';

let dir: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'parley-held-'));
});
afterEach(() => rm(dir, { recursive: true }));

/** A disk that takes its time. */
class SlowFiles extends BlobFiles {
  #release: () => void = () => {};
  readonly #free = new Promise<void>((resolve) => (this.#release = resolve));

  override async writeChunk(...chunk: Parameters<BlobFiles['writeChunk']>): Promise<void> {
    await this.#free;
    await super.writeChunk(...chunk);
  }

  release(): void {
    this.#release();
  }
}

it('is gone for good once it is removed, also when a chunk of it was being written', async () => {
  const files = new SlowFiles(dir, singleSeal());
  const { blob, bytes, hashes, chunks } = makeTestBlob(700_000);
  const held = (await HeldBlob.open(files, blob, { sizeBytes: bytes.length, hashes }))!;
  const putting = held.put(0, chunks[0]!, { has: () => true, take: () => true });
  const removing = held.remove();
  // Whoever does not wait for the write is through by now.
  await Promise.race([removing, new Promise((resolve) => setTimeout(resolve, 100))]);
  files.release();
  await Promise.allSettled([putting, removing]);
  const left = await readdir(dir, { recursive: true, withFileTypes: true });
  expect(left.filter((entry) => entry.isFile()).map(({ name }) => name)).toEqual([]);
});
