import { mkdir, open, readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { ParleyError } from '../../protocol/errors.ts';
import type { Spool, SpoolWriter } from '../../client/platform.ts';

const OWNER_ONLY = 0o700;

/** Files that wait to be sent, in a folder of the home. They are encrypted; their keys are in the store. */
export class FolderSpool implements Spool {
  readonly #folder: string;

  constructor(folder: string) {
    this.#folder = folder;
  }

  async create(name: string): Promise<SpoolWriter> {
    await mkdir(this.#folder, { recursive: true, mode: OWNER_ONLY });
    const path = join(this.#folder, name);
    const file = await open(path, 'wx', 0o600);
    return {
      write: async (bytes) => {
        await file.writeFile(bytes);
      },
      finish: async () => {
        await file.sync();
        await file.close();
        const folder = await open(this.#folder, 'r');
        try {
          await folder.sync();
        } finally {
          await folder.close();
        }
      },
      abort: async () => {
        await file.close().catch(() => {});
        await rm(path, { force: true });
      },
    };
  }

  async read(name: string, fromByte: number, bytes: number): Promise<Uint8Array> {
    const buffer = Buffer.allocUnsafe(bytes);
    try {
      const file = await open(join(this.#folder, name), 'r');
      try {
        const { bytesRead } = await file.read(buffer, 0, bytes, fromByte);
        if (bytesRead === bytes) return buffer;
      } finally {
        await file.close();
      }
    } catch (cause) {
      throw new ParleyError('file_unreadable', `A file that waits to be sent cannot be read: ${String(cause)}`, {
        cause,
      });
    }
    throw new ParleyError('file_unreadable', 'A file that waits to be sent is not all there.');
  }

  async remove(name: string): Promise<void> {
    await rm(join(this.#folder, name), { force: true });
  }

  async list(): Promise<readonly { readonly name: string; readonly ageMs: number }[]> {
    const files: { readonly name: string; readonly ageMs: number }[] = [];
    for (const name of await readdir(this.#folder).catch(() => [])) {
      const entry = await stat(join(this.#folder, name)).catch(() => null);
      if (entry !== null) files.push({ name, ageMs: Date.now() - entry.mtimeMs });
    }
    return files;
  }
}
