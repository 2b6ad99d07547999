import { ParleyError } from '../protocol/errors.ts';
import { messagesOf } from './answers.ts';
import { goneLine } from './archive.ts';
import type { MessageJsonT } from '../protocol/http/schemas.ts';
import type { RoomId } from '../protocol/ids.ts';
import type { Archive } from './archive.ts';
import type { ClientContext } from './context.ts';
import type { MessageLine, Reader } from './reader.ts';

const ASK_MS_MAX = 20_000;

export interface AskOptions {
  /** Only a node that knows all that the cluster does may answer. */
  readonly mustBeNewest?: boolean;
}

export interface HistoryRun {
  /** Ascending, without gaps. */
  readonly lines: readonly MessageLine[];
  /** Null, or why these are only what this device has kept. */
  readonly offline: ParleyError | null;
}

/** Stretches of one room as people scroll through it: from nodes, and where none answers, from the archive. */
export class RoomHistory {
  readonly #context: ClientContext;
  readonly #reader: Reader;
  readonly #archive: Archive;

  constructor(context: ClientContext, parts: { readonly reader: Reader; readonly archive: Archive }) {
    this.#context = context;
    this.#reader = parts.reader;
    this.#archive = parts.archive;
  }

  /** The last `count`. @throws ParleyError `no_such_room` */
  newest(room: RoomId, count: number, options: AskOptions = {}): Promise<HistoryRun> {
    return this.#ask(room, { limit: count }, () => Promise.resolve([]), options);
  }

  /** Up to `count` just before `before`. */
  before(room: RoomId, before: number, count: number, options: AskOptions = {}): Promise<HistoryRun> {
    return this.#ask(room, { before, limit: count }, () => this.#archive.before(room, before, count), options);
  }

  /** Up to `count` behind `after`. */
  after(room: RoomId, after: number, count: number, options: AskOptions = {}): Promise<HistoryRun> {
    return this.#ask(room, { after, limit: count }, () => this.#archive.after(room, after, count), options);
  }

  /** Up to `count` with `seq` in their midst, where it is there. */
  around(room: RoomId, seq: number, count: number): Promise<HistoryRun> {
    const half = Math.ceil(count / 2);
    return this.#ask(room, { after: Math.max(0, seq - half), limit: count }, async () => {
      const before = await this.#archive.before(room, seq + 1, half);
      return before.length === 0 ? [] : [...before, ...(await this.#archive.after(room, seq, count - half))];
    });
  }

  async #ask(
    room: RoomId,
    ask: { readonly limit: number; readonly before?: number; readonly after?: number },
    kept: () => Promise<readonly MessageLine[]>,
    { mustBeNewest = false }: AskOptions = {},
  ): Promise<HistoryRun> {
    const query = Object.entries(ask).map(([name, value]) => `${name}=${value}`);
    const path = `/v1/rooms/${room}/messages?${query.join('&')}`;
    try {
      const answer = messagesOf(room, ask);
      const { messages } = await (mustBeNewest
        ? this.#context.readNewest(path, answer, ASK_MS_MAX)
        : this.#context.read(path, answer, ASK_MS_MAX));
      return { lines: await this.#linesOf(room, messages), offline: null };
    } catch (error) {
      if (!(error instanceof ParleyError) || !error.retryable) throw error;
      return { lines: await kept(), offline: error };
    }
  }

  /** What was opened before is not opened again; what is gone meanwhile goes here too. */
  async #linesOf(room: RoomId, messages: readonly MessageJsonT[]): Promise<readonly MessageLine[]> {
    const known = await this.#archive.at(
      room,
      messages.map(({ seq }) => seq),
    );
    const isKnown = ({ seq, id, gone }: MessageJsonT): boolean => {
      const line = known.get(seq);
      return line !== undefined && line.id === id && line.unreadable === undefined && line.gone === gone;
    };
    const news = messages.filter((message) => !isKnown(message));
    const read = new Map((await this.#reader.read(news)).map((line) => [line.seq, line]));
    for (const [seq, line] of read) {
      const before = known.get(seq);
      if (line.gone !== undefined && before?.id === line.id) read.set(seq, goneLine(before, line.gone));
    }
    await this.#archive.keep([...read.values()]);
    return messages.map(({ seq }) => read.get(seq) ?? known.get(seq)!);
  }
}
