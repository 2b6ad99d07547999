import { randomBytes } from 'node:crypto';
import { Type } from '@sinclair/typebox';
import { blobById, blobUseOf } from '../../chat/queries-blobs.ts';
import { BLOB_BYTES_MAX, BLOB_CHUNK_BYTES, isBlobList } from '../../protocol/blobs.ts';
import { fileQuotaOf } from '../../chat/queries-quotas.ts';
import { ParleyError } from '../../protocol/errors.ts';
import {
  BlobBeginBody,
  BlobChunkPath,
  BlobChunkReply,
  BlobPath,
  BlobProgressReply,
  BlobStoredReply,
  BlobUseReply,
} from '../../protocol/http/blobs.ts';
import { makeTxnId } from '../../protocol/txn-id.ts';
import { knownToCluster } from '../ask-cluster.ts';
import { bytesOfField } from '../bytes.ts';
import { FILE, THROUGH_THE_LOG } from '../documented-errors.ts';
import { cursorAfterWrite } from '../freshness.ts';
import { sessionOf } from '../route-hooks.ts';
import { submit } from '../submit.ts';
import { timeOf } from '../time-text.ts';
import { addDownloadRoute } from './download.ts';
import type { BlobInfo } from '../../chat/queries-blobs.ts';
import type { AccountId, BlobId, StampMs, TxnId } from '../../protocol/ids.ts';
import type { ApiContext, App } from '../context.ts';
import type { RouteHooks } from '../route-hooks.ts';

/** A list of hashes as base64url, and what stands around it. */
const BEGIN_BYTES_MAX = 4 * 1024 * 1024;
const TXN_RANDOM_BYTES = 10;

/** Files: begun, sent in chunks to any node, and stored once a majority has them. What they hold, nodes cannot read. */
export function addBlobRoutes(app: App, context: ApiContext, hooks: RouteHooks): void {
  const { node, limits } = context;
  const quotaBytes = Math.floor(limits.blobBytesPerAccountMax);
  const fileBytesMax = Math.min(limits.blobBytesMax, BLOB_BYTES_MAX);

  app.get(
    '/v1/blobs',
    {
      onRequest: hooks.loggedIn,
      schema: { tags: ['files'], summary: 'What the own files take, and may take', response: { 200: BlobUseReply } },
    },
    (request) => ({
      usedBytes: blobUseOf(node.reader, sessionOf(request).account),
      quotaBytes: fileQuotaOf(node.reader, sessionOf(request).account) ?? quotaBytes,
      fileBytesMax,
      chunkBytes: BLOB_CHUNK_BYTES,
    }),
  );

  app.put(
    '/v1/blobs/:blob',
    {
      onRequest: hooks.loggedIn,
      bodyLimit: BEGIN_BYTES_MAX,
      schema: {
        tags: ['files'],
        summary: 'Begin an upload, or ask which chunks this node has not got yet',
        params: BlobPath,
        body: BlobBeginBody,
        response: { 200: BlobProgressReply },
        errors: [...THROUGH_THE_LOG, 'blob_mismatch', 'blob_taken', 'file_too_large', 'quota_exceeded'],
      },
    },
    async (request) => {
      const blob = request.params.blob as BlobId;
      const { sizeBytes, txnId } = request.body;
      const hashes = bytesOfField(request.body.hashes, 'hashes');
      if (sizeBytes > fileBytesMax) {
        throw new ParleyError('file_too_large', `A file has at most ${fileBytesMax} bytes.`, {
          data: { fileBytesMax },
        });
      }
      if (!isBlobList(blob, sizeBytes, hashes)) throw new ParleyError('blob_mismatch');
      await node.blobs.ensureRoom(blob, sizeBytes);
      const { stored, expiresAt } = await submit(context, {
        kind: 'blob.begin',
        actor: sessionOf(request),
        txnId: txnId as TxnId,
        body: { blob, sizeBytes, quotaBytes },
      });
      const progress = await node.blobs.open(blob, sizeBytes, hashes);
      const missing = stored ? [] : progress.missing.map(([first, last]): [number, number] => [first, last]);
      return {
        blob,
        chunkBytes: BLOB_CHUNK_BYTES,
        chunks: progress.chunks,
        missing,
        stored,
        expiresAt: timeOrNull(expiresAt),
      };
    },
  );

  addChunkRoute(app, context, hooks);

  app.post(
    '/v1/blobs/:blob/commit',
    {
      onRequest: hooks.loggedIn,
      schema: {
        tags: ['files'],
        summary: 'Wait until a majority of the nodes have the whole file; then messages may refer to it',
        params: BlobPath,
        response: { 200: BlobStoredReply },
        errors: [...FILE, 'blob_incomplete', 'disk_low'],
      },
    },
    async (request) => {
      const { blob, stored, ...known } = await ownBlob(context, sessionOf(request).account, request.params.blob);
      const expiresAt = stored ? known.expiresAt : await store(context, blob);
      return { blob, expiresAt: timeOrNull(expiresAt), cursor: cursorAfterWrite(context) };
    },
  );

  addDownloadRoute(app, context, hooks);
}

/** In a scope of its own: nothing else takes bytes that are no JSON. */
function addChunkRoute(app: App, context: ApiContext, hooks: RouteHooks): void {
  void app.register((scope, _options, done) => {
    const routes = scope as App;
    routes.addContentTypeParser('application/octet-stream', { parseAs: 'buffer' }, (_request, bytes, parsed) => {
      parsed(null, bytes);
    });
    routes.put(
      '/v1/blobs/:blob/chunks/:chunk',
      {
        onRequest: hooks.transfer,
        bodyLimit: BLOB_CHUNK_BYTES,
        schema: {
          tags: ['files'],
          summary: 'Send one chunk, in any order, as often as needed',
          consumes: ['application/octet-stream'],
          params: BlobChunkPath,
          body: Type.Any({ description: 'The bytes of the chunk.' }),
          response: { 200: BlobChunkReply },
          errors: [...FILE, 'blob_mismatch', 'disk_low'],
        },
      },
      async (request) => {
        const { body } = request;
        if (!Buffer.isBuffer(body)) throw new ParleyError('unsupported_media_type', 'Send application/octet-stream.');
        const { chunk } = request.params;
        const { blob, stored } = await ownBlob(context, sessionOf(request).account, request.params.blob);
        if (!stored) await context.node.blobs.put(blob, chunk, body);
        return { blob, chunk };
      },
    );
    done();
  });
}

/** Spreads it, and has the log say so. @returns when it ends unless a message refers to it */
async function store(context: ApiContext, blob: BlobId): Promise<StampMs | null> {
  const { node, limits, time } = context;
  await node.blobs.replicate(blob, limits.requestDeadlineMs);
  const txnId = makeTxnId(time.nowMs(), new Uint8Array(randomBytes(TXN_RANDOM_BYTES)));
  const { expiresAt } = await submit(context, { kind: 'blob.stored', actor: null, txnId, body: { blob } });
  return expiresAt;
}

/** @throws ParleyError `no_such_blob` for what others upload, too */
async function ownBlob(context: ApiContext, account: AccountId, blob: string): Promise<BlobInfo> {
  const info = await knownToCluster(context, () => blobById(context.node.reader, blob as BlobId));
  if (info?.owner !== account) throw new ParleyError('no_such_blob');
  return info;
}

const timeOrNull = (time: StampMs | null): string | null => (time === null ? null : timeOf(time));
