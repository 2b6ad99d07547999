import { ParleyError } from '../protocol/errors.ts';
import { messagesOf } from './answers.ts';
import { reconnectPauseMs } from './back-off.ts';
import { LiveSocket } from './live-socket.ts';
import { chooseNode } from './neighbours.ts';
import { joinedSeqOf } from './rosters.ts';
import type { TypingFrameJson } from '../protocol/http/frames.ts';
import type { PresenceChoiceT } from '../protocol/http/presence.ts';
import type { MessageJsonT } from '../protocol/http/schemas.ts';
import type { RoomId } from '../protocol/ids.ts';
import type { ClientContext } from './context.ts';
import type { LiveSignals } from './live-signals.ts';
import type { LiveEvent, Ready } from './live-socket.ts';
import type { Leaving } from './neighbours.ts';
import type { MessageLine, Reader } from './reader.ts';
import type { Rooms } from './rooms.ts';
import type { Happening } from './server-frames.ts';
import type { PersonPresenceJson } from '../protocol/http/presence.ts';

const CALL_MS_MAX = 30_000;
const PAGE = 200;
const EVER = Number.MAX_SAFE_INTEGER;

export interface FeedListener {
  /** Messages of one room, ascending, without gap to those before. */
  messages(lines: readonly MessageLine[]): void;
  /** Live from this node on: whatever is acknowledged from now on comes. */
  connected(endpoint: string): void;
  disconnected(reason: ParleyError): void;
  /** Somebody else writes in one of these rooms, as nodes tell; may be lost. */
  typing?(typing: TypingFrameJson): void;
  /** Something other than a message, as nodes tell; what happened between two connections may be left out. */
  happened?(happening: Happening): void;
  /** How people are who are watched. */
  presence?(people: readonly PersonPresenceJson[]): void;
}

export interface FeedOptions {
  readonly only: RoomId | null;
  readonly listener: FeedListener;
  /** What others are to see of this account meanwhile. */
  readonly presence?: PresenceChoiceT | undefined;
  /** What this device says meanwhile over whichever connection there is. */
  readonly signals?: LiveSignals | undefined;
}

/**
 * What happens in all rooms, or one, from the first connection on: every message once, in the order of its room,
 * across nodes that come and go. Rooms are numbered without gaps, so what a connection left out is seen and read.
 */
export class Feed {
  readonly #context: ClientContext;
  readonly #rooms: Rooms;
  readonly #reader: Reader;
  readonly #listener: FeedListener;
  readonly #only: RoomId | null;
  readonly #presence: PresenceChoiceT | undefined;
  readonly #signals: LiveSignals | undefined;
  /** The last seq delivered, by room. */
  readonly #at = new Map<RoomId, number>();
  /**
   * Rooms whose `#at` is from the list at the beginning. It may be later than where the live events begin, so the
   * first event of such a room tells better.
   */
  readonly #listed = new Set<RoomId>();
  /** Everything up to here was delivered; null until the first time that all rooms were. */
  #cursor: string | null = null;
  #begun = false;

  constructor(
    context: ClientContext,
    { rooms, reader }: { readonly rooms: Rooms; readonly reader: Reader },
    { only, listener, presence, signals }: FeedOptions,
  ) {
    this.#context = context;
    this.#rooms = rooms;
    this.#reader = reader;
    this.#only = only;
    this.#listener = listener;
    this.#presence = presence;
    this.#signals = signals;
  }

  /** Until `signal` aborts. @throws ParleyError what no other node and no other attempt can mend */
  async run(signal: AbortSignal): Promise<void> {
    const { api, platform } = this.#context;
    let leaving: Leaving | null = null;
    while (!signal.aborted) {
      await chooseNode(platform, api, { leaving, signal });
      const connection = await this.#connect(signal);
      if (connection === null) return;
      const { socket, ready } = connection;
      try {
        await this.#follow(socket, ready);
      } catch (error) {
        if (signal.aborted) return;
        if (!isPassing(error)) throw error;
        this.#listener.disconnected(error);
        leaving = { endpoint: socket.endpoint, alternatives: socket.alternatives };
        api.moveOn();
        await platform.pause(reconnectPauseMs(platform.chance), signal);
      } finally {
        socket.close();
      }
    }
  }

  /** Tries one node after the other, for ever. Null when `signal` aborts. */
  async #connect(signal: AbortSignal): Promise<Awaited<ReturnType<typeof LiveSocket.open>> | null> {
    const { api, platform, session } = this.#context;
    try {
      return await api.withNode(
        EVER,
        async (endpoint, attemptMs) => {
          const token = await session.token(attemptMs);
          try {
            return await LiveSocket.open(platform, endpoint, {
              ...{ token, cursor: this.#cursor, signal, presence: this.#signals?.presence ?? this.#presence },
              onPresence: (people) => this.#listener.presence?.(people),
              onTyping: (typing) => {
                if (this.#only === null || typing.room === this.#only) this.#listener.typing?.(typing);
              },
            });
          } catch (error) {
            if (!(error instanceof ParleyError)) throw error;
            if (error.code === 'cursor_invalid') this.#cursor = null;
            else if (!(await session.gaveUp(token, error.code, attemptMs))) throw error;
            throw new ParleyError('cannot_connect', error.message, { cause: error });
          }
        },
        signal,
      );
    } catch (error) {
      if (signal.aborted) return null;
      throw error;
    }
  }

  async #follow(socket: LiveSocket, ready: Ready): Promise<never> {
    if (this.#cursor === null || !ready.recovered) {
      this.#cursor = null;
      await this.#catchUp(ready.cursor);
      this.#cursor = ready.cursor;
    }
    this.#signals?.attach(socket);
    this.#listener.connected(socket.endpoint);
    for await (const events of socket.events()) {
      for (const run of runsOf(events)) {
        await this.#take(run.messages, run.cursor);
        this.#tell(run.happening);
        this.#cursor = run.cursor;
      }
    }
    throw new ParleyError('internal');
  }

  #tell(happening: Happening | null): void {
    if (happening === null) return;
    if (this.#only === null || ('room' in happening && happening.room === this.#only)) {
      this.#listener.happened?.(happening);
    }
  }

  /** @param messages of one room, without gaps */
  async #take(messages: readonly MessageJsonT[], cursor: string): Promise<void> {
    const [first] = messages;
    if (first === undefined) return;
    const room = first.room as RoomId;
    if (this.#only !== null && room !== this.#only) return;
    // Before the first event of a room nothing was missed: the events are complete from where they begin.
    if (this.#listed.delete(room) || !this.#at.has(room)) this.#at.set(room, first.seq - 1);
    const at = this.#at.get(room)!;
    if (first.seq > at + 1) await unlessOutside(() => this.#fill(room, at, first.seq - 1, cursor));
    const news = messages.filter(({ seq }) => seq > this.#at.get(room)!);
    if (news.length > 0) await this.#deliver(room, news);
  }

  /** Reads what was written in each room up to `cursor`; the first time, only where each of them stands. */
  async #catchUp(cursor: string): Promise<void> {
    for (const summary of await this.#rooms.summaries(CALL_MS_MAX, cursor)) {
      const room = summary.room as RoomId;
      if (this.#only !== null && room !== this.#only) continue;
      if (!this.#begun) {
        this.#at.set(room, summary.lastSeq);
        this.#listed.add(room);
        continue;
      }
      this.#listed.delete(room);
      await unlessOutside(async () => {
        const at = this.#at.get(room) ?? (await this.#beforeJoining(room, cursor));
        if (summary.lastSeq > at) await this.#fill(room, at, summary.lastSeq, cursor);
      });
    }
    this.#begun = true;
  }

  /** The seq before the first that this account may read. */
  async #beforeJoining(room: RoomId, since: string): Promise<number> {
    return (await joinedSeqOf(this.#context, room, CALL_MS_MAX, { since })) - 1;
  }

  /**
   * Delivers what stands in the room after `at`, at least up to `until`.
   * @param since a cursor at which all of it is there
   */
  async #fill(room: RoomId, at: number, until: number, since: string): Promise<void> {
    for (let after = at; after < until;) {
      const path = `/v1/rooms/${room}/messages?after=${after}&limit=${PAGE}`;
      const answer = messagesOf(room, { after, limit: PAGE });
      const { messages } = await this.#context.readSince(path, answer, since, CALL_MS_MAX);
      const last = messages.at(-1);
      if (last === undefined) throw new ParleyError('behind', 'A node lacks messages that another has shown.');
      await this.#deliver(room, messages);
      after = last.seq;
    }
  }

  async #deliver(room: RoomId, messages: readonly MessageJsonT[]): Promise<void> {
    const lines = await this.#reader.read(messages);
    this.#listener.messages(lines);
    this.#signals?.delivered(room, lines.at(-1)!.seq);
    this.#at.set(room, lines.at(-1)!.seq);
  }
}

interface Run {
  readonly messages: readonly MessageJsonT[];
  /** Where there are no messages. */
  readonly happening: Happening | null;
  /** Behind the last of them. */
  readonly cursor: string;
}

/** Messages that follow each other in one room go together: that spares their reader many visits to the disk. */
function runsOf(events: readonly LiveEvent[]): Run[] {
  const runs: { messages: MessageJsonT[]; happening: Happening | null; cursor: string }[] = [];
  for (const event of events) {
    const { message, cursor } = event;
    const run = runs.at(-1);
    const last = run?.messages.at(-1);
    if (message === null) runs.push({ messages: [], happening: event.happening, cursor });
    else if (run !== undefined && last?.room === message.room && last.seq + 1 === message.seq && !isFull(run)) {
      run.messages.push(message);
      run.cursor = cursor;
    } else runs.push({ messages: [message], happening: null, cursor });
  }
  return runs;
}

const isFull = ({ messages }: Run): boolean => messages.length >= PAGE;

/** Whoever was removed from a room meanwhile misses nothing more in it. */
async function unlessOutside(work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (!(error instanceof ParleyError) || error.code !== 'no_such_room') throw error;
  }
}

/** What another session, or another cursor, mends. */
const MENDABLE: ReadonlySet<string> = new Set(['session_revoked', 'cursor_invalid']);

/** Whether another node, a new session, or a later attempt may do better. */
function isPassing(error: unknown): error is ParleyError {
  return error instanceof ParleyError && (error.retryable || MENDABLE.has(error.code));
}
