import { mkdir, readFile, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { ParleyError } from '../../../protocol/errors.ts';
import { PRIVATE_FOLDER, replaceFile } from './durable-file.ts';
import { RoomArchive } from './room-archive.ts';
import type { AccountName, ClusterId, RoomId } from '../../../protocol/ids.ts';

const FORMAT = 1;
const HEAD = 'export.json';

/** What an export is of; the first file of its folder says so, and every later run has to agree. */
export interface ExportHead {
  readonly account: AccountName;
  readonly cluster: ClusterId;
  /** The beginning, RFC 3339; null for everything. */
  readonly since: string | null;
}

/** Where an export is written. Running it again goes on where it ended. */
export class ExportFolder {
  readonly path: string;

  private constructor(path: string) {
    this.path = path;
  }

  /** @throws ParleyError `usage` where there is anything else, or another export */
  static async open(path: string, head: ExportHead): Promise<ExportFolder> {
    const wanted = JSON.stringify({ format: FORMAT, ...head });
    let found: string[];
    try {
      await mkdir(path, { recursive: true, mode: PRIVATE_FOLDER });
      found = await readdir(path);
    } catch (cause) {
      throw new ParleyError('usage', `${path} cannot be written to: ${(cause as Error).message}`, { cause });
    }
    if (found.includes(HEAD)) {
      const there = (await readFile(join(path, HEAD), 'utf8')).trim();
      if (there !== wanted) throw anotherExport(path, there);
    } else if (found.some((name) => name !== `${HEAD}.next`)) {
      throw new ParleyError('usage', `${path} is not empty, and no export: choose another folder with --out.`);
    } else {
      await replaceFile(join(path, HEAD), `${wanted}\n`);
    }
    return new ExportFolder(path);
  }

  /** Replaces one of the files that say how something stands now. */
  put(name: `${string}.json` | `${string}.jsonl`, objects: readonly object[]): Promise<void> {
    return replaceFile(join(this.path, name), objects.map((object) => `${JSON.stringify(object)}\n`).join(''));
  }

  room(room: RoomId): Promise<RoomArchive> {
    return RoomArchive.open(join(this.path, 'rooms', room));
  }
}

function anotherExport(path: string, there: string): ParleyError {
  return new ParleyError('usage', `${path} holds another export (${there}): choose another folder with --out.`);
}
