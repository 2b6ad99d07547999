import { createHash, randomBytes } from 'node:crypto';
import { BLOB_CHUNK_BYTES, blobChunkCount, blobIdOf } from '../../protocol/blobs.ts';
import type { BlobId } from '../../protocol/ids.ts';

/** Random bytes as a blob: what a client uploads. */
export interface TestBlob {
  readonly blob: BlobId;
  readonly bytes: Uint8Array;
  readonly hashes: Uint8Array;
  readonly chunks: readonly Uint8Array[];
}

export function makeTestBlob(sizeBytes: number): TestBlob {
  const bytes = randomBytes(sizeBytes);
  const chunks = Array.from({ length: blobChunkCount(sizeBytes) }, (_, i) =>
    bytes.subarray(i * BLOB_CHUNK_BYTES, (i + 1) * BLOB_CHUNK_BYTES),
  );
  const hashes = Buffer.concat(chunks.map((chunk) => createHash('sha256').update(chunk).digest()));
  return { blob: blobIdOf(sizeBytes, hashes), bytes, hashes, chunks };
}
