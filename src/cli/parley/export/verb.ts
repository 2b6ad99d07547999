import { InvalidArgumentError } from 'commander';
import { ParleyError } from '../../../protocol/errors.ts';
import { printable } from '../../printable.ts';
import { durationOption } from '../arguments.ts';
import { exportAccount, exportRoomList } from './export-account.ts';
import { ExportFolder } from './export-folder.ts';
import { exportRoom } from './export-room.ts';
import type { Command } from 'commander';
import type { ParleyClient } from '../../../client/client.ts';
import type { RoomLine } from '../../../client/rooms.ts';
import type { Run } from '../run.ts';
import type { Terminal } from '../terminal.ts';
import type { RoomTally } from './export-room.ts';

const CALL_MS_MAX = 30_000;
const SHOW_EVERY_MS = 1_000;
/** RFC 3339, or its date alone. */
const TIME = /^\d{4}-\d{2}-\d{2}(T\d{2}:\d{2}(:\d{2}(\.\d{1,9})?)?(Z|[+-]\d{2}:\d{2}))?$/;

interface ExportOptions {
  readonly all?: true;
  readonly out: string;
  readonly since?: number;
  readonly timeout: number;
}

/** One's own data, decrypted, on one's own disk. */
export function addExportVerb(parley: Command, run: Run): void {
  parley
    .command('export')
    .description('write what one may read, decrypted, into a folder; run again, it goes on where it ended')
    .argument('[room]', '@name, a room’s name, or room:ID')
    .option('--all', 'all rooms, profile, devices, sessions and blocks')
    .option('--out <DIR>', 'where to; only you can read it', 'parley-export')
    .option('--since <TIME>', 'only what was sent from then on: 2026-11-01, 2026-11-01T09:00:00Z', parseTime)
    .addOption(durationOption('--timeout <TIME>', 'how long nothing may come of a file', '30s'))
    .action((room: string | undefined, options: ExportOptions) =>
      run((client, terminal) => runExport(client, terminal, room, options), { takesLong: true }),
    );
}

/** @returns milliseconds since 1970 */
export function parseTime(text: string): number {
  const ms = TIME.test(text) ? Date.parse(text) : Number.NaN;
  if (Number.isNaN(ms)) throw new InvalidArgumentError('A time looks like 2026-11-01, or 2026-11-01T09:00:00Z.');
  return ms;
}

async function runExport(
  client: ParleyClient,
  terminal: Terminal,
  target: string | undefined,
  { all, out, since, timeout }: ExportOptions,
): Promise<void> {
  if ((target === undefined) === (all === undefined)) throw new ParleyError('usage', 'Name a room, or give --all.');
  const { account, cluster } = await client.whoAmI();
  const rooms = await roomsOf(client, target);
  const head = { account, cluster, since: since === undefined ? null : new Date(since).toISOString() };
  const folder = await ExportFolder.open(out, head);
  if (target === undefined) await exportAccount(client, folder);
  await exportRoomList(client, folder, rooms);
  const total: RoomTally = { messages: 0, files: 0, missing: 0 };
  const remarks = new Remarks(terminal);
  for (const room of rooms) {
    if (terminal.signal.aborted) throw new ParleyError('deadline_exceeded', 'Interrupted: run it again to go on.');
    const name = room.name ?? room.room;
    const tally = await exportRoom(client, folder, room, {
      sinceMs: since ?? null,
      timeoutMs: timeout,
      onProgress: ({ messages }) => remarks.progress(name, messages),
      onStale: (why) => remarks.stale(why),
    });
    total.messages += tally.messages;
    total.files += tally.files;
    total.missing += tally.missing;
    terminal.result(
      { room: room.room, name: room.name, ...tally },
      `${printable(name)}: ${tally.messages} messages, ${tally.files} files`,
    );
  }
  const lost = total.missing === 0 ? '' : `; ${total.missing} files are not there any more`;
  terminal.result(
    { out, rooms: rooms.length, ...total },
    `${printable(out)}: ${rooms.length} rooms, ${total.messages} new messages, ${total.files} files${lost}`,
  );
}

async function roomsOf(client: ParleyClient, target: string | undefined): Promise<readonly RoomLine[]> {
  const rooms = await client.rooms.list(CALL_MS_MAX);
  if (target === undefined) return rooms;
  const { room } = await client.rooms.resolve(target, CALL_MS_MAX);
  const found = rooms.filter((line) => line.room === room);
  if (found.length === 0) throw new ParleyError('no_such_room', 'You are in no such room.');
  return found;
}

/** What is said on the way: now and then how far it is, and once that something may be missing. */
class Remarks {
  readonly #terminal: Terminal;
  #shownAtMs = performance.now();
  #warned = false;

  constructor(terminal: Terminal) {
    this.#terminal = terminal;
  }

  progress(name: string, messages: number): void {
    if (performance.now() - this.#shownAtMs < SHOW_EVERY_MS) return;
    this.#shownAtMs = performance.now();
    this.#terminal.note(`${name}: ${messages} messages …`);
  }

  stale({ message }: ParleyError): void {
    if (!this.#warned) this.#terminal.note(`there may be newer messages, run it again for them: ${message}`);
    this.#warned = true;
  }
}
