import { ParleyError } from '../../../protocol/errors.ts';
import { durationOption, parseCount } from '../arguments.ts';
import { messageText } from '../show.ts';
import type { Command } from 'commander';
import type { ParleyClient } from '../../../client/client.ts';
import type { RoomLine } from '../../../client/rooms.ts';
import type { RoomId } from '../../../protocol/ids.ts';
import type { Run } from '../run.ts';
import type { Terminal } from '../terminal.ts';

const LIST_MS_MAX = 10_000;
const HITS = 20;

interface SearchVerbOptions {
  readonly room?: string;
  readonly limit: number;
  readonly timeout: number;
}

/** Finds messages: search. */
export function addSearchVerb(parley: Command, run: Run): void {
  parley
    .command('search')
    .description('find messages by their words, newest first; this device searches, for nodes cannot read them')
    .argument('<words...>', 'each is a word of the message, or how one begins; case and accents do not matter')
    .option('--room <TARGET>', 'only there: @name, a room’s name, or room:ID')
    .option('--limit <N>', 'at most so many', parseCount, HITS)
    .addOption(durationOption('--timeout <TIME>', 'how long to read what this device has not read yet', '30s'))
    .action((words: readonly string[], options: SearchVerbOptions) =>
      run((client, terminal) => search(client, terminal, words.join(' '), options), { takesLong: true }),
    );
}

async function search(
  client: ParleyClient,
  terminal: Terminal,
  query: string,
  { room: target, limit, timeout }: SearchVerbOptions,
): Promise<void> {
  if (!client.search.isSearchable(query)) throw new ParleyError('usage', 'There is no word in it to look for.');
  const room = target === undefined ? undefined : (await client.rooms.resolve(target, LIST_MS_MAX)).room;
  const { names, isCurrent } = await readRooms(client, terminal, { room, timeoutMs: timeout });
  let left = limit;
  for await (const { line, text } of client.search.find(query, { room, check: isCurrent, signal: terminal.signal })) {
    const shown = { ...line, text };
    terminal.result(shown, messageText(shown, { roomName: names.get(line.room) ?? line.room, numbered: true }));
    if (--left === 0) return;
  }
}

/** Reads what is missing, as far as that can be done now; what is not read is not found, and the person is told. */
async function readRooms(
  client: ParleyClient,
  terminal: Terminal,
  { room, timeoutMs }: { readonly room: RoomId | undefined; readonly timeoutMs: number },
): Promise<{ readonly names: ReadonlyMap<RoomId, string>; readonly isCurrent: boolean }> {
  const signal = AbortSignal.any([terminal.signal, AbortSignal.timeout(timeoutMs)]);
  let rooms: readonly RoomLine[] = [];
  try {
    rooms = await client.rooms.list(LIST_MS_MAX);
    const searched = rooms.filter((one) => room === undefined || one.room === room);
    const done = await client.search.catchUp(searched, { signal, pauseMs: 0 });
    const missing = searched.length - done;
    if (missing > 0) terminal.note(`${missing} of ${searched.length} rooms are not read as a whole yet: search again.`);
    return { names: namesOf(rooms), isCurrent: true };
  } catch (error) {
    if (!(error instanceof ParleyError) || !error.retryable) throw error;
    terminal.note(`only what this device has read before is searched: ${error.message}`);
    return { names: namesOf(rooms), isCurrent: false };
  }
}

function namesOf(rooms: readonly RoomLine[]): ReadonlyMap<RoomId, string> {
  return new Map(
    rooms.flatMap(({ room, kind, name }) =>
      name === null ? [] : [[room, kind === 'direct' ? `@${name}` : name] as const],
    ),
  );
}
