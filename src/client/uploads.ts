import { toBase64Url } from '../protocol/base64url.ts';
import { BLOB_CHUNK_BYTES, BLOB_HASH_BYTES, blobChunkBytes } from '../protocol/blobs.ts';
import { ParleyError } from '../protocol/errors.ts';
import { anything, blobProgress } from './answers.ts';
import type { ClientContext } from './context.ts';
import type { Spool } from './platform.ts';
import type { Upload } from './rows.ts';

/** Chunks of one file that are on their way at the same time. */
const LANES = 4;
/** Nobody takes so long to encrypt a file. */
const FORGOTTEN_AFTER_MS = 24 * 3_600_000;

/** How long there is still to wait; told whenever something has come through. */
export interface Patience {
  readonly leftMs: () => number;
  readonly progressed: (sentBytes: number, totalBytes: number) => void;
}

type ChunkRanges = readonly (readonly [first: number, last: number])[];

/** Sends files to whichever nodes take them, each chunk until a node has it, until a majority has the whole. */
export class Uploads {
  readonly #context: ClientContext;

  constructor(context: ClientContext) {
    this.#context = context;
  }

  /**
   * Begins, or goes on where an earlier attempt ended, be it another program's or at another node.
   * @throws ParleyError `file_too_large`, `quota_exceeded`, `file_unreadable`, or what kept it from being done in time
   */
  async finish(upload: Upload, patience: Patience): Promise<void> {
    for (;;) {
      const { stored, missing } = await this.#begin(upload, patience);
      if (stored) return;
      try {
        if (missing.length === 0) {
          await this.#commit(upload, patience);
          return;
        }
        await this.#sendAll(upload, missing, patience);
      } catch (error) {
        // Another node was asked meanwhile, which has not got it, or not all of it: it says what it lacks.
        if (!(error instanceof ParleyError) || !['no_such_blob', 'blob_incomplete'].includes(error.code)) throw error;
        if (patience.leftMs() <= 0) throw new ParleyError('deadline_exceeded', undefined, { cause: error });
      }
    }
  }

  /** Removes what a program left behind that ended between the spool and the outbox. @param waiting names in use */
  async tidy(waiting: ReadonlySet<string>): Promise<void> {
    const { spool } = this.#context.platform;
    for (const { name, ageMs } of (await spool?.list()) ?? []) {
      if (ageMs > FORGOTTEN_AFTER_MS && !waiting.has(name)) await spool?.remove(name);
    }
  }

  /** It is sent, or never will be. */
  async drop({ spool }: Upload): Promise<void> {
    await this.#context.platform.spool?.remove(spool);
  }

  #begin(
    { blob, sizeBytes, hashes }: Upload,
    { leftMs }: Patience,
  ): Promise<{ stored: boolean; missing: ChunkRanges }> {
    const body = { sizeBytes, hashes: toBase64Url(hashes), txnId: this.#context.newTxnId() };
    const answer = blobProgress(blob, hashes.length / BLOB_HASH_BYTES);
    return this.#context.session.call({ method: 'PUT', path: `/v1/blobs/${blob}`, body, answer }, leftMs());
  }

  async #commit({ blob }: Upload, { leftMs }: Patience): Promise<void> {
    const request = { method: 'POST', path: `/v1/blobs/${blob}/commit`, answer: anything } as const;
    await this.#context.session.call(request, leftMs());
  }

  async #sendAll(upload: Upload, missing: ChunkRanges, patience: Patience): Promise<void> {
    const chunks = indexesOf(missing);
    let left = missing.reduce((sum, [first, last]) => sum + last - first + 1, 0);
    let failed = false;
    const lane = async (): Promise<void> => {
      for (let next = chunks.next(); next.done !== true && !failed; next = chunks.next()) {
        await this.#sendOne(upload, next.value, patience).catch((error: unknown) => {
          failed = true;
          throw error;
        });
        left -= 1;
        const sent = Math.max(0, upload.sizeBytes - left * BLOB_CHUNK_BYTES);
        patience.progressed(left === 0 ? upload.sizeBytes : sent, upload.sizeBytes);
      }
    };
    const ended = await Promise.allSettled(Array.from({ length: LANES }, lane));
    for (const outcome of ended) if (outcome.status === 'rejected') throw outcome.reason;
  }

  async #sendOne({ blob, spool, sizeBytes }: Upload, chunk: number, { leftMs }: Patience): Promise<void> {
    const bytes = await spoolOf(this.#context).read(spool, chunk * BLOB_CHUNK_BYTES, blobChunkBytes(sizeBytes, chunk));
    const path = `/v1/blobs/${blob}/chunks/${chunk}`;
    await this.#context.session.call({ method: 'PUT', path, bytes, answer: anything }, leftMs());
  }
}

/** @throws ParleyError `file_unreadable` on a platform that has nowhere to keep files */
export function spoolOf({ platform }: ClientContext): Spool {
  if (platform.spool === undefined) throw new ParleyError('file_unreadable', 'There is no place for files here.');
  return platform.spool;
}

function* indexesOf(ranges: ChunkRanges): Generator<number, undefined> {
  for (const [first, last] of ranges) for (let i = first; i <= last; i++) yield i;
}
