import { ParleyError } from '../../../protocol/errors.ts';
import { FolderSink } from '../files/folder-sink.ts';
import { safeName } from '../files/safe-name.ts';
import type { ParleyClient } from '../../../client/client.ts';
import type { FileJson, MessageLine } from '../../../client/reader.ts';
import type { RoomLine } from '../../../client/rooms.ts';
import type { ExportFolder } from './export-folder.ts';
import type { RoomArchive } from './room-archive.ts';

export interface RoomTally {
  messages: number;
  files: number;
  /** Files that a message brings and no node has any more. */
  missing: number;
}

export interface ExportRoomOptions {
  /** Milliseconds since 1970; null for everything that may be read. */
  readonly sinceMs: number | null;
  /** How long nothing may come of a file. */
  readonly timeoutMs: number;
  readonly onProgress: (tally: RoomTally) => void;
  /** There may be newer messages than the answering node knows. */
  readonly onStale: (why: ParleyError) => void;
}

/** What became of a file that a message brings. */
type SavedFile = FileJson & ({ readonly path: string } | { readonly missing: string });

/** Writes what is not there yet of one room. It holds one page of messages and one piece of a file at a time. */
export async function exportRoom(
  client: ParleyClient,
  folder: ExportFolder,
  { room, lastSeq }: RoomLine,
  options: ExportRoomOptions,
): Promise<RoomTally> {
  const tally: RoomTally = { messages: 0, files: 0, missing: 0 };
  const archive = await folder.room(room);
  try {
    const { sinceMs } = options;
    const first = archive.seq > 0 || sinceMs === null ? 1 : await client.firstSince(room, sinceMs, lastSeq);
    const after = Math.max(archive.seq, first - 1);
    for await (const { lines, stale } of client.read(`room:${room}`, { after })) {
      const last = lines.at(-1);
      if (last === undefined) break;
      const saved: object[] = [];
      for (const line of lines) saved.push(await withFile(client, archive, line, tally, options.timeoutMs));
      await archive.append(saved, last.seq);
      tally.messages += lines.length;
      options.onProgress(tally);
      if (stale !== null) options.onStale(stale);
    }
  } finally {
    await archive.close();
  }
  return tally;
}

/** Its line, with the place of the file that it brings: the file is complete before the line counts. */
async function withFile(
  client: ParleyClient,
  archive: RoomArchive,
  line: MessageLine,
  tally: RoomTally,
  timeoutMs: number,
): Promise<object> {
  if (line.file === undefined) return line;
  const file = await saveFile(client, archive, line, line.file, timeoutMs);
  if ('missing' in file) tally.missing += 1;
  else tally.files += 1;
  return { ...line, file };
}

async function saveFile(
  client: ParleyClient,
  archive: RoomArchive,
  { id, seq }: MessageLine,
  told: FileJson,
  timeoutMs: number,
): Promise<SavedFile> {
  const name = `${seq}-${safeName(told.name)}`;
  const path = `files/${name}`;
  if (await archive.hasFile(name)) return { ...told, path };
  const sink = await FolderSink.open({ folder: archive.filesFolder, name, blob: told.blob, force: false });
  try {
    await client.files.get(await client.files.find(id), sink, { timeoutMs });
    return { ...told, path };
  } catch (error) {
    // What may pass ends the export, which goes on here the next time.
    if (!(error instanceof ParleyError) || error.retryable) throw error;
    await sink.discard();
    return { ...told, missing: error.code };
  } finally {
    await sink.close();
  }
}
