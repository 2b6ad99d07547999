import { constants } from 'node:fs';
import { link, mkdir, open, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { ParleyError } from '../../../protocol/errors.ts';
import type { FileHandle } from 'node:fs/promises';
import type { FileSink } from '../../../client/files.ts';

export interface SinkPlace {
  readonly folder: string;
  readonly name: string;
  /** Names what is not finished yet: the same for every attempt at the same file. */
  readonly blob: string;
  /** Whether a file of this name may be replaced. */
  readonly force: boolean;
}

/**
 * A file in a folder. While it is not finished it has another name, from which the next attempt goes on; under its
 * own name there is all of it or nothing.
 */
export class FolderSink implements FileSink {
  readonly path: string;
  readonly lengthBytes: number;
  readonly #place: SinkPlace;
  readonly #part: string;
  readonly #file: FileHandle;

  private constructor(place: SinkPlace, part: string, file: FileHandle, lengthBytes: number) {
    this.#place = place;
    this.#part = part;
    this.#file = file;
    this.path = join(place.folder, place.name);
    this.lengthBytes = lengthBytes;
  }

  /** @throws ParleyError `file_exists`, `usage` when nothing can be written there */
  static async open(place: SinkPlace): Promise<FolderSink> {
    const part = join(place.folder, `.${place.blob.slice(0, 17)}.part`);
    try {
      await mkdir(place.folder, { recursive: true });
      if (!place.force && (await isThere(join(place.folder, place.name)))) throw exists(place);
      // Whoever else may write to the folder must not lead us elsewhere by a link.
      const flags = constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW;
      const file = await open(part, flags, 0o600);
      return new FolderSink(place, part, file, (await file.stat()).size);
    } catch (cause) {
      if (cause instanceof ParleyError) throw cause;
      throw new ParleyError('usage', `${place.folder} cannot be written to: ${(cause as Error).message}`, { cause });
    }
  }

  async read(fromByte: number, bytes: number): Promise<Uint8Array> {
    const buffer = Buffer.alloc(bytes);
    await this.#file.read(buffer, 0, bytes, fromByte);
    return buffer;
  }

  async write(atByte: number, bytes: Uint8Array): Promise<void> {
    let written = 0;
    while (written < bytes.length) {
      const { bytesWritten } = await this.#file.write(bytes, written, bytes.length - written, atByte + written);
      written += bytesWritten;
    }
  }

  async finish(sizeBytes: number): Promise<void> {
    await this.#file.truncate(sizeBytes);
    await this.#file.sync();
    if (this.#place.force) {
      await rename(this.#part, this.path);
      return;
    }
    try {
      // Unlike renaming, this never replaces what somebody put there meanwhile.
      await link(this.#part, this.path);
    } catch (cause) {
      if ((cause as NodeJS.ErrnoException).code === 'EEXIST') throw exists(this.#place, cause);
      throw cause;
    }
    await rm(this.#part);
  }

  discard(): Promise<void> {
    return rm(this.#part, { force: true });
  }

  close(): Promise<void> {
    return this.#file.close();
  }
}

async function isThere(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}

function exists({ folder, name }: SinkPlace, cause?: unknown): ParleyError {
  return new ParleyError('file_exists', `${join(folder, name)} is there already: choose another folder, or --force.`, {
    cause,
  });
}
