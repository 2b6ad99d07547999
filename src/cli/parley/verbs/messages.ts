import { ParleyError } from '../../../protocol/errors.ts';
import { durationOption, parseCount, parseLifetime, parsePlace, parseSeq, parseTxn } from '../arguments.ts';
import { messageText, typingText } from '../show.ts';
import { presenceOption } from './presence.ts';
import { reportPosted, reportRefused } from '../posted.ts';
import type { Command } from 'commander';
import type { ParleyClient } from '../../../client/client.ts';
import type { MessageLine } from '../../../client/reader.ts';
import type { RoomLine } from '../../../client/rooms.ts';
import type { TypingFrameJson } from '../../../protocol/http/frames.ts';
import type { PresenceChoiceT } from '../../../protocol/http/presence.ts';
import type { RoomId, TxnId } from '../../../protocol/ids.ts';
import type { Run } from '../run.ts';
import type { Terminal } from '../terminal.ts';

const NAMES_MS_MAX = 3_000;
const QUEUED_MS_MAX = 5_000;

interface SendOptions {
  readonly timeout: number;
  readonly txn?: TxnId;
  readonly thread?: number;
  readonly ttl?: number;
}

interface TailOptions {
  readonly typing?: boolean;
  readonly presence?: PresenceChoiceT;
}

interface ReadVerbOptions {
  readonly after?: number;
  readonly limit?: number;
  readonly numbers?: boolean;
}

/** What one says and hears: send, read, tail. */
export function addMessageVerbs(parley: Command, run: Run): void {
  const target = '@name, a room’s name, or room:ID';
  parley
    .command('send')
    .description('send a text; it is kept here until a node has taken it')
    .argument('<target>', target)
    .argument('<text>', '- reads it from standard input')
    .addOption(durationOption('--timeout <TIME>', 'how long to try; then it stays queued', '30s'))
    .option('--txn <ULID>', 'identifies the message, so that a repetition is the same one', parseTxn)
    .option('--thread <SEQ>', 'as part of the thread that this message began', parsePlace)
    .option('--ttl <TIME>', 'it disappears so long after it was sent: 30s, 2h, 7d', parseLifetime)
    .action((to: string, text: string, options: SendOptions) =>
      run(async (client, terminal) => {
        await send(client, terminal, { ...options, to, text: text === '-' ? await terminal.standardInput() : text });
      }),
    );

  parley
    .command('read')
    .description('show what was written, oldest first')
    .argument('<target>', target)
    .option('--after <SEQ>', 'only what follows this message (default: the last 50)', parseSeq)
    .option('--limit <N>', 'at most so many', parseCount)
    .option('--numbers', 'show the number of each message: reply, edit, react, delete and pin take it')
    .action((to: string, options: ReadVerbOptions) =>
      run(async (client, terminal) => {
        await sendQueued(client, terminal);
        let warned = false;
        for await (const { lines, stale } of client.read(to, options)) {
          for (const line of lines) terminal.result(line, messageText(line, { numbered: options.numbers === true }));
          if (stale !== null && !warned) terminal.note(`there may be newer messages: ${stale.message}`);
          warned ||= stale !== null;
        }
      }),
    );

  parley
    .command('tail')
    .description('show what is written from now on, until Ctrl-C')
    .argument('[target]', `${target}; without it: all rooms`)
    .option('--typing', 'show who is writing, too')
    .addOption(presenceOption())
    .action((to: string | undefined, options: TailOptions) =>
      run((client, terminal) => tail(client, terminal, to ?? null, options), { takesLong: true }),
    );
}

async function send(
  client: ParleyClient,
  terminal: Terminal,
  { to, text, timeout, txn, thread, ttl }: SendOptions & { readonly to: string; readonly text: string },
): Promise<void> {
  reportPosted(terminal, await client.send(to, text, { txnId: txn, timeoutMs: timeout, thread, ttlMs: ttl }));
}

/** What waits goes out on the occasion; that it cannot is no failure of the verb at hand. */
async function sendQueued(client: ParleyClient, terminal: Terminal): Promise<void> {
  try {
    const flushed = await client.flush(QUEUED_MS_MAX);
    reportRefused(terminal, flushed);
    noteWaiting(terminal, [...flushed.kept.values()]);
  } catch (error) {
    if (!(error instanceof ParleyError)) throw error;
    noteWaiting(terminal, [error]);
  }
}

function noteWaiting(terminal: Terminal, reasons: readonly ParleyError[]): void {
  const passing = reasons.find(({ retryable }) => retryable);
  if (passing !== undefined) terminal.note(`messages still wait to be sent: ${passing.message}`);
}

async function tail(
  client: ParleyClient,
  terminal: Terminal,
  target: string | null,
  { typing = false, presence }: TailOptions,
): Promise<void> {
  const names = target === null && !terminal.json ? new RoomNames(client) : null;
  const listener = {
    messages: (lines: readonly MessageLine[]) => {
      for (const line of lines) terminal.result(line, messageText(line, { roomName: names?.of(line.room) }));
    },
    connected: (endpoint: string) => {
      terminal.note(`listening on ${endpoint}`);
      void sendQueued(client, terminal);
    },
    disconnected: ({ message }: ParleyError) => terminal.note(`${message} Trying the next node.`),
    typing: (told: TypingFrameJson) => {
      if (typing) terminal.result({ typing: told }, typingText(told, names?.of(told.room as RoomId)));
    },
  };
  await names?.learn();
  await client.follow(target, listener, terminal.signal, presence);
}

/** How rooms are called in front of what is written there. */
class RoomNames {
  readonly #client: ParleyClient;
  readonly #names = new Map<RoomId, string>();

  constructor(client: ParleyClient) {
    this.#client = client;
  }

  /** A room that is new, or whose name cannot be read, goes by its id; its name is there for the next message. */
  of(room: RoomId): string {
    const known = this.#names.get(room);
    if (known !== undefined) return known;
    this.#names.set(room, `room:${room}`);
    void this.learn();
    return `room:${room}`;
  }

  async learn(): Promise<void> {
    let rooms: readonly RoomLine[] = [];
    try {
      rooms = await this.#client.rooms.list(NAMES_MS_MAX);
    } catch (error) {
      // Whether it may pass, or keeps the feed from coming too, is for the feed to say.
      if (!(error instanceof ParleyError)) throw error;
    }
    for (const { room, kind, name } of rooms) {
      if (name !== null) this.#names.set(room, kind === 'direct' ? `@${name}` : name);
    }
  }
}
