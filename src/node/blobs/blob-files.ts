import { createHash, createSecretKey, randomBytes } from 'node:crypto';
import { open, readdir, rename, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { BLOB_CHUNK_BYTES, BLOB_HASH_BYTES, blobChunkBytes, blobChunkCount, isBlobList } from '../../protocol/blobs.ts';
import { isBlobId } from '../../protocol/ids.ts';
import type { BlobId } from '../../protocol/ids.ts';
import { generationOf, RowSeal, SEAL_BYTES } from '../at-rest/row-seal.ts';
import { makeDirectory, readIfPresent, replaceFile, syncDirectory, systemCodeOf } from '../store/files.ts';

/** The size of a blob and the SHA-256 of each of its chunks, as its id confirms them. */
export interface BlobList {
  readonly sizeBytes: number;
  /** 32 bytes for each chunk, in their order. */
  readonly hashes: Uint8Array;
}

/** The list as it is on this disk, with the key under which the chunks are sealed. */
export interface StoredList extends BlobList {
  readonly chunkKey: Uint8Array;
}

/** A blob that is still being put together, or one that is whole and on the disk for good. */
export type BlobPart = 'part' | 'data';

const CHUNK_KEY_BYTES = 32;
const LIST_HEADER_BYTES = CHUNK_KEY_BYTES + 8;
const SEALED_CHUNK_BYTES = BLOB_CHUNK_BYTES + SEAL_BYTES;

/** What the file of a whole blob takes. */
export const sealedBytes = (sizeBytes: number): number => sizeBytes + blobChunkCount(sizeBytes) * SEAL_BYTES;

export function isChunk({ sizeBytes, hashes }: BlobList, index: number, bytes: Uint8Array): boolean {
  if (bytes.length !== blobChunkBytes(sizeBytes, index)) return false;
  const digest = createHash('sha256').update(bytes).digest();
  return digest.equals(hashes.subarray(index * BLOB_HASH_BYTES, (index + 1) * BLOB_HASH_BYTES));
}

/**
 * Blobs as files: below two characters of its id each has `ID.list`, its list; `ID.part` while chunks are missing; and
 * `ID.data` once all are there and synced. Nothing that is read is believed before its hash was checked.
 *
 * What they hold was encrypted by clients; on the disk it is sealed once more, so that nobody can tell whose it is.
 * Each blob has a random key of its own for its chunks, which lies in the list, and the list is sealed under the data
 * keys: with the list goes all of the blob, wherever its bytes may linger, and new data keys ask for new lists only.
 */
export class BlobFiles {
  readonly #dir: string;
  readonly #seal: RowSeal;

  constructor(dir: string, seal: RowSeal) {
    this.#dir = dir;
    this.#seal = seal;
  }

  /** Puts the list on disk. @param chunkKey another one, unless chunks were sealed under it */
  async writeList(
    blob: BlobId,
    { sizeBytes, hashes }: BlobList,
    chunkKey: Uint8Array = randomBytes(CHUNK_KEY_BYTES),
  ): Promise<StoredList> {
    const path = this.#path(blob, 'list');
    await makeDirectory(dirname(path));
    const header = Buffer.alloc(LIST_HEADER_BYTES);
    header.set(chunkKey);
    header.writeBigUInt64BE(BigInt(sizeBytes), CHUNK_KEY_BYTES);
    await replaceFile(path, this.#seal.seal(`list/${blob}`, Buffer.concat([header, hashes])));
    return { sizeBytes, hashes, chunkKey };
  }

  /** @returns undefined for one that is missing, unreadable, or not what the id stands for */
  async readList(blob: BlobId): Promise<StoredList | undefined> {
    const sealed = await readIfPresent(this.#path(blob, 'list')).catch(ifUnreadable);
    const bytes = sealed && this.#seal.open(`list/${blob}`, sealed);
    if (bytes === undefined || bytes.length < LIST_HEADER_BYTES) return undefined;
    const list = {
      chunkKey: Uint8Array.from(bytes.subarray(0, CHUNK_KEY_BYTES)),
      sizeBytes: Number(bytes.readBigUInt64BE(CHUNK_KEY_BYTES)),
      hashes: Uint8Array.from(bytes.subarray(LIST_HEADER_BYTES)),
    };
    return isBlobList(blob, list.sizeBytes, list.hashes) ? list : undefined;
  }

  /** Whether a generation of the data keys before this one sealed its list. */
  async isSealedBefore(blob: BlobId, generation: number): Promise<boolean> {
    const sealed = await readIfPresent(this.#path(blob, 'list')).catch(ifUnreadable);
    return sealed !== undefined && sealed.length >= SEAL_BYTES && generationOf(sealed) < generation;
  }

  /** How long the file is; undefined where there is none. */
  async lengthOf(blob: BlobId, part: BlobPart): Promise<number | undefined> {
    try {
      return (await stat(this.#path(blob, part))).size;
    } catch (error) {
      if (systemCodeOf(error) === 'ENOENT') return undefined;
      throw error;
    }
  }

  /** @returns undefined for a chunk that is missing, unreadable, or not the one that the list names */
  async readChunk(blob: BlobId, part: BlobPart, list: StoredList, index: number): Promise<Uint8Array | undefined> {
    const file = await open(this.#path(blob, part), 'r').catch(ifUnreadable);
    if (file === undefined) return undefined;
    try {
      const sealed = Buffer.allocUnsafe(blobChunkBytes(list.sizeBytes, index) + SEAL_BYTES);
      const { bytesRead } = await file.read(sealed, 0, sealed.length, index * SEALED_CHUNK_BYTES);
      const bytes = bytesRead === sealed.length ? chunkSeal(list).open(chunkName(blob, index), sealed) : undefined;
      return bytes !== undefined && isChunk(list, index, bytes) ? bytes : undefined;
    } catch (error) {
      return ifUnreadable(error);
    } finally {
      await file.close();
    }
  }

  /** Not synced. */
  async writeChunk(blob: BlobId, part: BlobPart, list: StoredList, index: number, chunk: Uint8Array): Promise<void> {
    const bytes = chunkSeal(list).seal(chunkName(blob, index), chunk);
    const file = await this.#openForWriting(blob, part);
    try {
      let written = 0;
      while (written < bytes.length) {
        const at = index * SEALED_CHUNK_BYTES + written;
        written += (await file.write(bytes, written, bytes.length - written, at)).bytesWritten;
      }
    } finally {
      await file.close();
    }
  }

  async sync(blob: BlobId, part: BlobPart): Promise<void> {
    const file = await this.#openForWriting(blob, part);
    try {
      await file.datasync();
    } finally {
      await file.close();
    }
  }

  /** All chunks are there: what was written becomes durable, and only then gets the name that says so. */
  async finish(blob: BlobId, { sizeBytes }: BlobList): Promise<void> {
    const file = await this.#openForWriting(blob, 'part');
    try {
      // What a damaged file had beyond its end is no part of it.
      await file.truncate(sealedBytes(sizeBytes));
      await file.datasync();
    } finally {
      await file.close();
    }
    await rename(this.#path(blob, 'part'), this.#path(blob, 'data'));
    await syncDirectory(dirname(this.#path(blob, 'data')));
  }

  /** One that is not whole after all is put together again from what is left of it. */
  async reopen(blob: BlobId): Promise<void> {
    await rename(this.#path(blob, 'data'), this.#path(blob, 'part'));
  }

  async remove(blob: BlobId): Promise<void> {
    for (const kind of ['data', 'part', 'list', 'list.tmp'] as const) {
      await rm(this.#path(blob, kind), { force: true });
    }
  }

  /** All blobs of which anything is on the disk, each at least once. */
  async *all(): AsyncGenerator<BlobId> {
    for (const folder of await namesIn(this.#dir)) {
      for (const name of await namesIn(join(this.#dir, folder))) {
        const blob = name.slice(0, name.indexOf('.'));
        if (isBlobId(blob)) yield blob;
      }
    }
  }

  async #openForWriting(blob: BlobId, part: BlobPart): ReturnType<typeof open> {
    const path = this.#path(blob, part);
    try {
      return await open(path, 'r+');
    } catch (error) {
      if (systemCodeOf(error) !== 'ENOENT' || part === 'data') throw error;
    }
    try {
      return await open(path, 'wx+', 0o600);
    } catch (error) {
      if (systemCodeOf(error) !== 'EEXIST') throw error;
      return open(path, 'r+');
    }
  }

  #path(blob: BlobId, kind: BlobPart | 'list' | 'list.tmp'): string {
    return join(this.#dir, blob.slice(1, 3), `${blob}.${kind}`);
  }
}

const chunkName = (blob: BlobId, index: number): string => `${blob}/${index}`;

function chunkSeal({ chunkKey }: StoredList): RowSeal {
  const key = createSecretKey(chunkKey);
  return new RowSeal({
    take: () => ({ generation: 1, key }),
    of: (generation) => (generation === 1 ? key : undefined),
  });
}

async function namesIn(folder: string): Promise<readonly string[]> {
  try {
    return await readdir(folder);
  } catch (error) {
    if (['ENOENT', 'ENOTDIR'].includes(systemCodeOf(error) ?? '')) return [];
    throw error;
  }
}

/** What the disk cannot give back is as good as gone: the other nodes have it. */
function ifUnreadable(error: unknown): undefined {
  if (['ENOENT', 'EIO', 'EISDIR'].includes(systemCodeOf(error) ?? '')) return undefined;
  throw error;
}
