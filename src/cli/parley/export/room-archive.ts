import { constants } from 'node:fs';
import { mkdir, open, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { ParleyError } from '../../../protocol/errors.ts';
import { PRIVATE_FILE, PRIVATE_FOLDER, replaceFile } from './durable-file.ts';
import type { FileHandle } from 'node:fs/promises';

const PROGRESS = 'progress.json';

/** How far one room has been written: what stands behind `bytes` was not promised. */
interface Progress {
  /** The last seq that was written; 0 for none. */
  readonly seq: number;
  readonly bytes: number;
}

/**
 * One room of an export: its messages as JSON lines, and its files beside them. Lines are on the disk before they
 * count; lines that do not count yet are cut off when the next run begins.
 */
export class RoomArchive {
  readonly filesFolder: string;
  readonly #folder: string;
  readonly #messages: FileHandle;
  #progress: Progress;

  private constructor(folder: string, messages: FileHandle, progress: Progress) {
    this.filesFolder = join(folder, 'files');
    this.#folder = folder;
    this.#messages = messages;
    this.#progress = progress;
  }

  /** @throws ParleyError `usage` when what was written before is not there any more */
  static async open(folder: string): Promise<RoomArchive> {
    await mkdir(folder, { recursive: true, mode: PRIVATE_FOLDER });
    const progress = await readProgress(join(folder, PROGRESS));
    const path = join(folder, 'messages.jsonl');
    const messages = await open(path, constants.O_RDWR | constants.O_CREAT, PRIVATE_FILE);
    try {
      const { size } = await messages.stat();
      if (size < progress.bytes) {
        throw new ParleyError('usage', `${path} was cut short since it was written: choose another folder with --out.`);
      }
      await messages.truncate(progress.bytes);
      return new RoomArchive(folder, messages, progress);
    } catch (error) {
      await messages.close();
      throw error;
    }
  }

  /** The last seq that is there; 0 for none. */
  get seq(): number {
    return this.#progress.seq;
  }

  /**
   * Writes lines behind those that are there.
   *
   * @param seq of the last of them
   * @throws ParleyError `usage` when another program writes here too
   */
  async append(lines: readonly object[], seq: number): Promise<void> {
    const text = Buffer.from(lines.map((line) => `${JSON.stringify(line)}\n`).join(''));
    const { bytes } = this.#progress;
    const { size } = await this.#messages.stat();
    if (size !== bytes) throw new ParleyError('usage', `Another export is writing to ${this.#folder}.`);
    for (let written = 0; written < text.length;) {
      const { bytesWritten } = await this.#messages.write(text, written, text.length - written, bytes + written);
      written += bytesWritten;
    }
    await this.#messages.sync();
    this.#progress = { seq, bytes: bytes + text.length };
    await replaceFile(join(this.#folder, PROGRESS), `${JSON.stringify(this.#progress)}\n`);
  }

  /** Whether a file was written to its end: only then it has its name. */
  hasFile(name: string): Promise<boolean> {
    return stat(join(this.filesFolder, name)).then(
      () => true,
      () => false,
    );
  }

  close(): Promise<void> {
    return this.#messages.close();
  }
}

async function readProgress(path: string): Promise<Progress> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return { seq: 0, bytes: 0 };
    throw error;
  }
  const { seq, bytes } = JSON.parse(text) as Partial<Progress>;
  if (!Number.isSafeInteger(seq) || !Number.isSafeInteger(bytes)) {
    throw new ParleyError('usage', `${path} is damaged: choose another folder with --out.`);
  }
  return { seq: seq!, bytes: bytes! };
}
