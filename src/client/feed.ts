import { ParleyError } from '../protocol/errors.ts';
import { LiveSocket } from './live-socket.ts';
import type { EventFrameJson } from '../protocol/http/frames.ts';
import type { MessageJsonT, MessagesReply, RoomDetailJson } from '../protocol/http/schemas.ts';
import type { RoomId } from '../protocol/ids.ts';
import type { Static } from '@sinclair/typebox';
import type { Ready } from './live-socket.ts';
import type { ClientContext } from './context.ts';
import type { MessageLine, Reader } from './reader.ts';
import type { Rooms } from './rooms.ts';

const CALL_MS_MAX = 30_000;
const PAGE = 200;
/** Whoever lost the same node comes to the others spread over this. */
const RECONNECT_SPREAD_MS = 100;
const EVER = Number.MAX_SAFE_INTEGER;

export interface FeedListener {
  /** Messages of one room, ascending, without gap to those before. */
  messages(lines: readonly MessageLine[]): void;
  /** Live from this node on: whatever is acknowledged from now on comes. */
  connected(endpoint: string): void;
  disconnected(reason: ParleyError): void;
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
  /** The last seq delivered, by room. */
  readonly #at = new Map<RoomId, number>();
  /** Everything up to here was delivered; null until the first time that all rooms were. */
  #cursor: string | null = null;
  #begun = false;

  constructor(
    context: ClientContext,
    { rooms, reader }: { readonly rooms: Rooms; readonly reader: Reader },
    { only, listener }: { readonly only: RoomId | null; readonly listener: FeedListener },
  ) {
    this.#context = context;
    this.#rooms = rooms;
    this.#reader = reader;
    this.#only = only;
    this.#listener = listener;
  }

  /** Until `signal` aborts. @throws ParleyError what no other node and no other attempt can mend */
  async run(signal: AbortSignal): Promise<void> {
    const { api, platform } = this.#context;
    while (!signal.aborted) {
      const connection = await this.#connect(signal);
      if (connection === null) return;
      const { socket, ready } = connection;
      const stop = (): void => socket.close();
      signal.addEventListener('abort', stop);
      try {
        await this.#follow(socket, ready);
      } catch (error) {
        if (!isPassing(error)) throw error;
        if (signal.aborted) return;
        this.#listener.disconnected(error);
        api.moveOn();
        await platform.pause(platform.chance() * RECONNECT_SPREAD_MS, signal);
      } finally {
        signal.removeEventListener('abort', stop);
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
            return await LiveSocket.open(platform, endpoint, { token, cursor: this.#cursor });
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
    this.#listener.connected(socket.endpoint);
    for await (const frame of socket.events()) {
      await this.#take(frame);
      this.#cursor = frame.cursor;
    }
    throw new ParleyError('internal');
  }

  async #take({ event }: EventFrameJson): Promise<void> {
    if (event.kind !== 'message') return;
    const room = event.room as RoomId;
    if (this.#only !== null && room !== this.#only) return;
    // A room that was not there at first is seen from its first event on.
    const at = this.#at.get(room) ?? event.seq - 1;
    if (event.seq > at + 1) await this.#fill(room, at, event.seq - 1);
    if (event.seq > at) await this.#deliver(room, [event]);
  }

  /** Reads what was written in each room up to `cursor`; the first time, only where each of them stands. */
  async #catchUp(cursor: string): Promise<void> {
    for (const summary of await this.#rooms.summaries(CALL_MS_MAX, cursor)) {
      const room = summary.room as RoomId;
      if (this.#only !== null && room !== this.#only) continue;
      if (!this.#begun) {
        this.#at.set(room, summary.lastSeq);
        continue;
      }
      const at = this.#at.get(room) ?? (await this.#joinedAt(room));
      if (summary.lastSeq > at) await this.#fill(room, at, summary.lastSeq);
    }
    this.#begun = true;
  }

  async #joinedAt(room: RoomId): Promise<number> {
    const { row } = await this.#context.own();
    const { members } = await this.#context.read<RoomDetailJson>(`/v1/rooms/${room}`, CALL_MS_MAX);
    return members.find(({ accountId }) => accountId === row.account)?.joinedSeq ?? 0;
  }

  /** Delivers what stands in the room after `at`, at least up to `until`. */
  async #fill(room: RoomId, at: number, until: number): Promise<void> {
    for (let after = at; after < until;) {
      const path = `/v1/rooms/${room}/messages?after=${after}&limit=${PAGE}`;
      const { messages } = await this.#context.read<Static<typeof MessagesReply>>(path, CALL_MS_MAX);
      const last = messages.at(-1);
      if (last === undefined) throw new ParleyError('behind', 'A node lacks messages that another has shown.');
      await this.#deliver(room, messages);
      after = last.seq;
    }
  }

  async #deliver(room: RoomId, messages: readonly MessageJsonT[]): Promise<void> {
    const lines = await this.#reader.read(messages);
    this.#listener.messages(lines);
    this.#at.set(room, lines.at(-1)!.seq);
  }
}

/** Whether another node, a new session, or a later attempt may do better. */
function isPassing(error: unknown): error is ParleyError {
  return error instanceof ParleyError && (error.retryable || error.code === 'session_revoked');
}
