import { Readable } from 'node:stream';
import { Type } from '@sinclair/typebox';
import { blobInRoom } from '../../chat/queries-blobs.ts';
import { BLOB_CHUNK_BYTES } from '../../protocol/blobs.ts';
import { ParleyError } from '../../protocol/errors.ts';
import { RoomBlobPath } from '../../protocol/http/blobs.ts';
import { checkInTouch } from '../ask-cluster.ts';
import { byteRangeOf } from '../byte-range.ts';
import { FILE } from '../documented-errors.ts';
import { Downloads } from '../downloads.ts';
import { sessionOf } from '../route-hooks.ts';
import type { FastifyReply } from 'fastify';
import type { BlobInfo } from '../../chat/queries-blobs.ts';
import type { BlobId, RoomId } from '../../protocol/ids.ts';
import type { ApiContext, App } from '../context.ts';
import type { RouteHooks } from '../route-hooks.ts';

type BlobAsked = Parameters<typeof blobInRoom>[1];

const Bytes = {
  description: 'The ciphertext, or the one range of it that `Range` asks for.',
  content: { 'application/octet-stream': { schema: Type.Any() } },
};

/** For members of a room, the files of the messages that they may read there; from any node. */
export function addDownloadRoute(app: App, context: ApiContext, hooks: RouteHooks): void {
  const downloads = new Downloads(context.limits);
  app.get(
    '/v1/rooms/:room/blobs/:blob',
    {
      onRequest: hooks.transfer,
      schema: {
        tags: ['files'],
        summary: 'Read a file to which a message of the room refers',
        params: RoomBlobPath,
        response: { 200: Bytes, 206: Bytes },
        errors: [...FILE, 'blob_unavailable', 'range_not_satisfiable'],
      },
    },
    async (request, reply) => {
      const { account } = sessionOf(request);
      const { room, blob } = request.params as { room: RoomId; blob: BlobId };
      const { sizeBytes } = await readableBlob(context, { account, room, blob });
      const range = rangeOf(request.headers.range, sizeBytes, reply);
      const { from, to } = range ?? { from: 0, to: sizeBytes };
      const end = downloads.begin(account);
      reply.raw.once('close', end);
      try {
        const pieces = await begun(context.node.blobs.read(blob, from, to));
        reply.raw.setTimeout(context.limits.downloadIdleMs, () => reply.raw.destroy());
        reply
          .code(range === undefined ? 200 : 206)
          .headers({ 'content-length': to - from, 'accept-ranges': 'bytes', etag: `"${blob}"` })
          .type('application/octet-stream');
        if (range !== undefined) reply.header('content-range', `bytes ${from}-${to - 1}/${sizeBytes}`);
        return await reply.send(Readable.from(pieces, { objectMode: false, highWaterMark: BLOB_CHUNK_BYTES }));
      } catch (error) {
        end();
        throw error;
      }
    },
  );
}

function rangeOf(header: string | undefined, sizeBytes: number, reply: FastifyReply): ReturnType<typeof byteRangeOf> {
  try {
    return byteRangeOf(header, sizeBytes);
  } catch (error) {
    reply.header('content-range', `bytes */${sizeBytes}`);
    throw error;
  }
}

/** What another node has heard of a moment ago counts here, too. @throws ParleyError `no_such_blob` */
async function readableBlob(context: ApiContext, asked: BlobAsked): Promise<BlobInfo> {
  const { node, limits } = context;
  const known = await blobInRoom(node.reader, asked);
  if (known !== undefined) return known;
  checkInTouch(context);
  await node.readBarrier(limits.askClusterMs);
  const found = await blobInRoom(node.reader, asked);
  if (found === undefined) throw new ParleyError('no_such_blob');
  return found;
}

/** Whatever keeps the first piece from being read is said before anything is sent. */
async function begun(pieces: AsyncGenerator<Uint8Array>): Promise<AsyncGenerator<Uint8Array>> {
  const first = await pieces.next();
  return (async function* all() {
    if (first.done !== true) yield first.value;
    yield* pieces;
  })();
}
