import {
  FILE_CHUNK_BYTES,
  fileChunkCount,
  nobleFileCipher,
  openFileChunk,
  sealedFileBytes,
} from '../crypto/file-cipher.ts';
import { equalBytes } from '../crypto/bytes.ts';
import { BLOB_CHUNK_BYTES } from '../protocol/blobs.ts';
import { encodeContent } from '../protocol/content.ts';
import { ParleyError } from '../protocol/errors.ts';
import { blobStream } from './blob-stream.ts';
import { spoolFile } from './file-spooling.ts';
import { piecesOf } from './pieces.ts';
import { KEY, unpack } from './rows.ts';
import type { HashStream } from '../crypto/file-cipher.ts';
import type { FileContent } from '../protocol/content.ts';
import type { BlobId } from '../protocol/ids.ts';
import type { Composer, Posted, SendOptions } from './composer.ts';
import type { ClientContext } from './context.ts';
import type { FileRow } from './rows.ts';

const BACKOFF_MS = 250;
/** Nodes that send what does not open, before the file itself is taken to be broken. */
const UNREADABLE_TRIES_MAX = 3;
const PLACEHOLDER = new Uint8Array(32);

export interface FileSource {
  readonly name: string;
  readonly mediaType: string;
  readonly bytes: AsyncIterable<Uint8Array>;
}

export interface FileOptions extends Omit<SendOptions, 'txnId'> {
  readonly text?: string | undefined;
  /** A small picture of it. */
  readonly preview?: { readonly bytes: Uint8Array; readonly mediaType: string } | undefined;
  readonly onSealed?: (readBytes: number) => void;
}

/** What a file is, without what opens it. */
export type FileInfo = Pick<FileRow, 'name' | 'mediaType' | 'sizeBytes'>;

/** Where a file that is being read is put together. */
export interface FileSink {
  /** What an earlier attempt left. */
  readonly lengthBytes: number;
  read(fromByte: number, bytes: number): Promise<Uint8Array>;
  write(atByte: number, bytes: Uint8Array): Promise<void>;
  /** All of it is there: it gets its name. */
  finish(sizeBytes: number): Promise<void>;
  /** What is there is worth nothing. */
  discard(): Promise<void>;
  close(): Promise<void>;
}

export interface GetOptions {
  /** How long nothing may come. */
  readonly timeoutMs: number;
  readonly onProgress?: (gotBytes: number, sizeBytes: number) => void;
}

/** Files in conversations: encrypted here, in pieces, so that one of any size takes little memory. */
export class Files {
  readonly #context: ClientContext;
  readonly #messages: Composer;

  constructor(context: ClientContext, messages: Composer) {
    this.#context = context;
    this.#messages = messages;
  }

  /**
   * Takes a file into the spool and a message for it into the outbox, then sends both with whatever waits.
   * `timeoutMs` is how long nothing may come through; an upload that goes on is not ended.
   * @throws ParleyError as `Composer.text`, and `file_too_large`, `quota_exceeded`
   */
  async send(target: string, source: FileSource, options: FileOptions): Promise<Posted> {
    const { text, preview, onSealed = () => {}, ...rest } = options;
    const words: Omit<FileContent, 'blob' | 'key' | 'sha256' | 'sizeBytes'> = {
      type: 'file',
      name: source.name,
      mediaType: source.mediaType,
      ...(text === undefined ? {} : { text }),
      ...(preview === undefined ? {} : { preview: preview.bytes, previewType: preview.mediaType }),
    };
    // What cannot be said is refused before anything is read.
    const blob = `B${'a'.repeat(52)}`;
    encodeContent({ ...words, blob, key: PLACEHOLDER, sha256: PLACEHOLDER, sizeBytes: 0 });
    await this.#messages.resolve(target, options.timeoutMs);
    const { upload, key, sha256, sizeBytes } = await spoolFile(this.#context, source.bytes, onSealed);
    return this.#messages.file(target, { ...words, blob: upload.blob, key, sha256, sizeBytes }, upload, rest);
  }

  /** What a message that this device has read says of its file. @throws ParleyError `no_such_blob` */
  async find(id: string): Promise<FileRow> {
    const bytes = await this.#context.platform.store.transaction((tx) => tx.get(KEY.file(id)));
    if (bytes !== undefined) return unpack<FileRow>(bytes);
    throw new ParleyError('no_such_blob', 'This device has read no message with this id that brings a file.');
  }

  /**
   * Reads a file, from where an earlier attempt ended. Nothing is written that is not what its sender sealed.
   * @throws ParleyError `file_unreadable` when it is not what the message says
   */
  async get(file: FileRow, sink: FileSink, options: GetOptions): Promise<void> {
    const { fileCipher = nobleFileCipher } = this.#context.platform;
    const hash = fileCipher.sha256();
    const whole = Math.min(Math.floor(sink.lengthBytes / FILE_CHUNK_BYTES), fileChunkCount(file.sizeBytes) - 1);
    for (let index = 0; index < whole; index++) {
      hash.update(await sink.read(index * FILE_CHUNK_BYTES, FILE_CHUNK_BYTES));
    }
    try {
      await this.#fetch(file, whole, hash, sink, options);
    } catch (error) {
      if (error instanceof ParleyError && error.code === 'file_unreadable') await sink.discard();
      throw error;
    }
    if (!equalBytes(hash.digest(), file.sha256)) {
      await sink.discard();
      throw new ParleyError('file_unreadable', 'What an earlier attempt had left was damaged: try again.');
    }
    await sink.finish(file.sizeBytes);
  }

  async #fetch(file: FileRow, from: number, hash: HashStream, sink: FileSink, options: GetOptions): Promise<void> {
    const { api, platform } = this.#context;
    const count = fileChunkCount(file.sizeBytes);
    let deadline = platform.nowMs() + options.timeoutMs;
    let unreadable = 0;
    for (let index = from; index < count;) {
      try {
        for await (const plain of this.#chunks(file, index, deadline - platform.nowMs())) {
          await sink.write(index * FILE_CHUNK_BYTES, plain);
          hash.update(plain);
          index += 1;
          deadline = platform.nowMs() + options.timeoutMs;
          options.onProgress?.(Math.min(index * FILE_CHUNK_BYTES, file.sizeBytes), file.sizeBytes);
        }
      } catch (error) {
        if (!(error instanceof ParleyError)) throw error;
        unreadable += error.code === 'file_unreadable' ? 1 : 0;
        const mayPass = error.retryable || (error.code === 'file_unreadable' && unreadable < UNREADABLE_TRIES_MAX);
        if (!mayPass || platform.nowMs() >= deadline) throw error;
        api.moveOn();
        await platform.pause(BACKOFF_MS * (0.5 + platform.chance()));
      }
    }
  }

  /** Opened, from chunk `from` on, as one node sends them. @throws ParleyError `file_unreadable` */
  async *#chunks(file: FileRow, from: number, deadlineMs: number): AsyncGenerator<Uint8Array> {
    const { fileCipher = nobleFileCipher } = this.#context.platform;
    const count = fileChunkCount(file.sizeBytes);
    const asked = { room: file.room, blob: file.blob as BlobId, fromByte: from * BLOB_CHUNK_BYTES };
    let index = from;
    for await (const { bytes } of piecesOf(blobStream(this.#context, asked, deadlineMs), BLOB_CHUNK_BYTES)) {
      const isLast = index === count - 1;
      const wanted = isLast ? sealedFileBytes(file.sizeBytes) - index * BLOB_CHUNK_BYTES : BLOB_CHUNK_BYTES;
      if (index >= count || bytes.length > wanted) throw new ParleyError('file_unreadable', 'The file is too long.');
      if (bytes.length < wanted) throw new ParleyError('cannot_connect', 'The node stopped in the middle.');
      const plain = openFileChunk(fileCipher, file.key, { index, isLast }, bytes);
      if (plain === null) throw new ParleyError('file_unreadable', 'The file is not what its sender sealed.');
      yield plain;
      index += 1;
    }
  }
}
