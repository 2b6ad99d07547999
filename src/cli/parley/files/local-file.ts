import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { basename } from 'node:path';
import { ParleyError } from '../../../protocol/errors.ts';

const READ_BYTES = 1024 * 1024;

export interface LocalFile {
  readonly name: string;
  readonly bytes: AsyncIterable<Uint8Array>;
  /** Null where nobody knows: a pipe. */
  readonly sizeBytes: number | null;
}

/** @throws ParleyError `usage` for a folder, `file_unreadable`; the latter while it is read, too */
export async function localFile(path: string): Promise<LocalFile> {
  try {
    const entry = await stat(path);
    if (entry.isDirectory()) throw new ParleyError('usage', `${path} is a folder: send a file, e.g. an archive of it.`);
    return { name: basename(path), bytes: readFrom(path), sizeBytes: entry.isFile() ? entry.size : null };
  } catch (cause) {
    throw cause instanceof ParleyError ? cause : unreadable(path, cause);
  }
}

async function* readFrom(path: string): AsyncGenerator<Uint8Array> {
  try {
    yield* createReadStream(path, { highWaterMark: READ_BYTES }) as AsyncIterable<Buffer>;
  } catch (cause) {
    throw unreadable(path, cause);
  }
}

const unreadable = (path: string, cause: unknown): ParleyError =>
  new ParleyError('file_unreadable', `${path} cannot be read: ${(cause as Error).message}`, { cause });
