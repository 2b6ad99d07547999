import { Type } from '@sinclair/typebox';
import type { TInteger, TTuple } from '@sinclair/typebox';
import { BLOB_BYTES_MAX, BLOB_CHUNK_BYTES, BLOB_HASH_BYTES, blobChunkCount } from '../blobs.ts';
import { BlobIdField, bytesField, CursorField, RoomIdField, strict, TimeField, TxnIdField } from './fields.ts';

/** Files: see `src/protocol/blobs.ts` for what a blob, its chunks and its id are. */

const Size = Type.Integer({ minimum: 1, maximum: BLOB_BYTES_MAX, description: 'Bytes of ciphertext.' });
const Chunk = Type.Integer({ minimum: 0, maximum: blobChunkCount(BLOB_BYTES_MAX) - 1 });

/** As JSON Schema 2020-12 can say it; TypeBox's own tuples are those of an older draft. */
const ChunkRange = Type.Array(Chunk, { minItems: 2, maxItems: 2 }) as unknown as TTuple<[TInteger, TInteger]>;

export const BlobPath = Type.Object({ blob: BlobIdField });
export const BlobChunkPath = Type.Object({ blob: BlobIdField, chunk: Chunk });
export const RoomBlobPath = Type.Object({ room: RoomIdField, blob: BlobIdField });

// PUT /v1/blobs/{blob}
export const BlobBeginBody = Type.Object(
  {
    sizeBytes: Size,
    hashes: bytesField(
      BLOB_HASH_BYTES,
      blobChunkCount(BLOB_BYTES_MAX) * BLOB_HASH_BYTES,
      'SHA-256 of each chunk, one after the other',
    ),
    txnId: TxnIdField,
  },
  strict,
);
export const BlobProgressReply = Type.Object({
  blob: BlobIdField,
  chunkBytes: Type.Literal(BLOB_CHUNK_BYTES),
  chunks: Type.Integer({ minimum: 1 }),
  missing: Type.Array(ChunkRange, {
    description: 'First and last of the chunks that this node has not got yet; of very many ranges the first 1,000.',
  }),
  stored: Type.Boolean({ description: 'A majority of the nodes have all of it: nothing needs to be sent.' }),
  expiresAt: Type.Union([TimeField, Type.Null()], { description: 'Null while a message refers to it.' }),
});

// PUT /v1/blobs/{blob}/chunks/{chunk}
export const BlobChunkReply = Type.Object({ blob: BlobIdField, chunk: Chunk });

// POST /v1/blobs/{blob}/commit
export const BlobStoredReply = Type.Object({
  blob: BlobIdField,
  expiresAt: Type.Union([TimeField, Type.Null()]),
  cursor: CursorField,
});

// GET /v1/blobs
export const BlobUseReply = Type.Object({
  usedBytes: Type.Integer({ minimum: 0, description: 'What the files of this account take.' }),
  quotaBytes: Type.Number({ description: 'What they may take.' }),
  fileBytesMax: Type.Number({ description: 'The largest file, as ciphertext.' }),
  chunkBytes: Type.Literal(BLOB_CHUNK_BYTES),
});
