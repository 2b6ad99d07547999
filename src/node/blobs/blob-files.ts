import { createHash } from 'node:crypto';
import { open, readdir, rename, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { BLOB_CHUNK_BYTES, BLOB_HASH_BYTES, blobChunkBytes, isBlobList } from '../../protocol/blobs.ts';
import { isBlobId } from '../../protocol/ids.ts';
import type { BlobId } from '../../protocol/ids.ts';
import { makeDirectory, readIfPresent, replaceFile, syncDirectory, systemCodeOf } from '../store/files.ts';

/** The size of a blob and the SHA-256 of each of its chunks, as its id confirms them. */
export interface BlobList {
  readonly sizeBytes: number;
  /** 32 bytes for each chunk, in their order. */
  readonly hashes: Uint8Array;
}

/** A blob that is still being put together, or one that is whole and on the disk for good. */
export type BlobPart = 'part' | 'data';

const LIST_HEADER_BYTES = 8;

export function isChunk({ sizeBytes, hashes }: BlobList, index: number, bytes: Uint8Array): boolean {
  if (bytes.length !== blobChunkBytes(sizeBytes, index)) return false;
  const digest = createHash('sha256').update(bytes).digest();
  return digest.equals(hashes.subarray(index * BLOB_HASH_BYTES, (index + 1) * BLOB_HASH_BYTES));
}

/**
 * Blobs as files: below two characters of its id each has `ID.list`, its list; `ID.part` while chunks are missing; and
 * `ID.data` once all are there and synced. Nothing that is read is believed before its hash was checked.
 */
export class BlobFiles {
  readonly #dir: string;

  constructor(dir: string) {
    this.#dir = dir;
  }

  /** Puts the list on disk. */
  async writeList(blob: BlobId, { sizeBytes, hashes }: BlobList): Promise<void> {
    const path = this.#path(blob, 'list');
    await makeDirectory(dirname(path));
    const header = Buffer.alloc(LIST_HEADER_BYTES);
    header.writeBigUInt64BE(BigInt(sizeBytes));
    await replaceFile(path, Buffer.concat([header, hashes]));
  }

  /** @returns undefined for one that is missing, unreadable, or not what the id stands for */
  async readList(blob: BlobId): Promise<BlobList | undefined> {
    const bytes = await readIfPresent(this.#path(blob, 'list')).catch(ifUnreadable);
    if (bytes === undefined || bytes.length < LIST_HEADER_BYTES) return undefined;
    const list = {
      sizeBytes: Number(bytes.readBigUInt64BE()),
      hashes: Uint8Array.from(bytes.subarray(LIST_HEADER_BYTES)),
    };
    return isBlobList(blob, list.sizeBytes, list.hashes) ? list : undefined;
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
  async readChunk(blob: BlobId, part: BlobPart, list: BlobList, index: number): Promise<Uint8Array | undefined> {
    const file = await open(this.#path(blob, part), 'r').catch(ifUnreadable);
    if (file === undefined) return undefined;
    try {
      const bytes = Buffer.allocUnsafe(blobChunkBytes(list.sizeBytes, index));
      const { bytesRead } = await file.read(bytes, 0, bytes.length, index * BLOB_CHUNK_BYTES);
      return bytesRead === bytes.length && isChunk(list, index, bytes) ? bytes : undefined;
    } catch (error) {
      return ifUnreadable(error);
    } finally {
      await file.close();
    }
  }

  /** Not synced. */
  async writeChunk(blob: BlobId, part: BlobPart, index: number, bytes: Uint8Array): Promise<void> {
    const file = await this.#openForWriting(blob, part);
    try {
      let written = 0;
      while (written < bytes.length) {
        const at = index * BLOB_CHUNK_BYTES + written;
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
      await file.truncate(sizeBytes);
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
