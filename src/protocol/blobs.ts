import { sha256 } from '@noble/hashes/sha2.js';
import { base32nopad } from '@scure/base';
import { labelled } from './labelled.ts';
import type { BlobId } from './ids.ts';

/**
 * A blob is the ciphertext of one file, cut into chunks of `BLOB_CHUNK_BYTES`; only the last may be shorter. Its id is
 * a hash over its size and the list of its chunks' SHA-256 hashes, so whoever holds the list can tell by the id that
 * the list is right, and by the list that any one chunk is: chunks can be sent, fetched, repaired and served each on
 * its own.
 */
export const BLOB_CHUNK_BYTES = 256 * 1024;
export const BLOB_HASH_BYTES = 32;
/** However large a cluster lets files be: the list of their hashes has to fit one frame between nodes. */
export const BLOB_BYTES_MAX = 16 * 1024 * 1024 * 1024;

export function blobChunkCount(sizeBytes: number): number {
  return Math.ceil(sizeBytes / BLOB_CHUNK_BYTES);
}

/** How long chunk `index` of a blob of `sizeBytes` is. */
export function blobChunkBytes(sizeBytes: number, index: number): number {
  return Math.min(BLOB_CHUNK_BYTES, sizeBytes - index * BLOB_CHUNK_BYTES);
}

/**
 * The id that belongs to a size and a list of chunk hashes: `B` and SHA-256 over both, labelled, in base32.
 *
 * @param hashes the SHA-256 of every chunk in their order, 32 bytes each
 */
export function blobIdOf(sizeBytes: number, hashes: Uint8Array): BlobId {
  const id = sha256(labelled('blob-id', sizeBytes.toString(), hashes));
  return `B${base32nopad.encode(id).toLowerCase()}` as BlobId;
}

/** Whether `hashes` is the list that `blob` stands for. */
export function isBlobList(blob: BlobId, sizeBytes: number, hashes: Uint8Array): boolean {
  const isPossible = isBlobSize(sizeBytes) && hashes.length === blobChunkCount(sizeBytes) * BLOB_HASH_BYTES;
  return isPossible && blobIdOf(sizeBytes, hashes) === blob;
}

export function isBlobSize(sizeBytes: unknown): sizeBytes is number {
  return Number.isSafeInteger(sizeBytes) && (sizeBytes as number) > 0 && (sizeBytes as number) <= BLOB_BYTES_MAX;
}
