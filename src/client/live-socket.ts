import { ParleyError, isErrorCode } from '../protocol/errors.ts';
import { OddAnswer } from './answers.ts';
import { parseServerFrame } from './server-frames.ts';
import type { TypingFrameJson } from '../protocol/http/frames.ts';
import type { PresenceChoiceT } from '../protocol/http/presence.ts';
import type { Platform, SocketLike } from './platform.ts';
import type { ServerFrame } from './server-frames.ts';
import type { ClientFrameJson } from '../protocol/http/frames.ts';
import type { PersonPresenceJson } from '../protocol/http/presence.ts';

/** Before a node has said how often to be heard. */
const FIRST_HEARTBEAT_MS = 5_000;
/** Events that wait to be asked for; beyond it the socket ends, and what followed is had by resuming. */
const EVENTS_WAITING_MAX = 5_000;

export type Ready = Omit<Extract<ServerFrame, { type: 'ready' }>, 'type'>;
export type LiveEvent = Extract<ServerFrame, { type: 'event' }>;

export interface OpenOptions {
  readonly token: string;
  /** Null: from now on. */
  readonly cursor: string | null;
  /** Closes the socket, also while it opens. */
  readonly signal: AbortSignal;
  /** What others are to see of this account; `online` where nothing is said. */
  readonly presence?: PresenceChoiceT | undefined;
  /** Somebody writes; it has no place among the events. */
  readonly onTyping?: ((typing: TypingFrameJson) => void) | undefined;
  /** How somebody is who is watched. */
  readonly onPresence?: ((people: readonly PersonPresenceJson[]) => void) | undefined;
}

type Signals = Pick<OpenOptions, 'onTyping' | 'onPresence'>;

/**
 * One WebSocket to one node, from `ready` to its end. Events wait here until they are asked for. A node that is silent
 * for two heartbeats although it was asked counts as gone.
 */
export class LiveSocket {
  readonly endpoint: string;
  /** Where the node said to go, the least loaded first, as it knows; empty while it has not. */
  alternatives: readonly string[] = [];
  readonly #socket: SocketLike;
  readonly #events: LiveEvent[] = [];
  #wake: (() => void) | null = null;
  #ready: Ready | null = null;
  #failure: ParleyError | null = null;
  readonly #ended = new AbortController();
  readonly #signals: Signals;
  #said: ParleyError | null = null;
  #heartbeatMs = FIRST_HEARTBEAT_MS;
  #heard = true;

  private constructor(platform: Platform, endpoint: string, greeting: object, signals: Signals) {
    this.#signals = signals;
    this.endpoint = endpoint;
    this.#socket = platform.openSocket(`${endpoint.replace(/^http/, 'ws')}/v1/ws`);
    this.#socket.addEventListener('open', () => this.#socket.send(JSON.stringify(greeting)));
    this.#socket.addEventListener('message', ({ data }) => this.#receive(data));
    this.#socket.addEventListener('error', () => this.#fail(this.#gone()));
    this.#socket.addEventListener('close', ({ reason }) => {
      this.#fail(this.#said ?? (isErrorCode(reason) ? new ParleyError(reason) : this.#gone()));
    });
    void this.#listenForSilence(platform);
  }

  /** @throws ParleyError what the node said, or `cannot_connect` */
  static async open(
    platform: Platform,
    endpoint: string,
    { token, cursor, signal, presence, ...signals }: OpenOptions,
  ): Promise<{ readonly socket: LiveSocket; readonly ready: Ready }> {
    const who = { token, ...(presence === undefined ? {} : { presence }) };
    const greeting = cursor === null ? { type: 'identify', ...who } : { type: 'resume', ...who, cursor };
    const socket = new LiveSocket(platform, endpoint, greeting, signals);
    const close = (): void => socket.close();
    signal.addEventListener('abort', close);
    socket.#ended.signal.addEventListener('abort', () => signal.removeEventListener('abort', close));
    if (signal.aborted) close();
    return { socket, ready: await socket.#opened() };
  }

  /**
   * Events in the order of the log, all at once that wait.
   * @throws ParleyError why the socket ended, after the last event it brought
   */
  async *events(): AsyncGenerator<readonly LiveEvent[], never> {
    for (;;) {
      const events = this.#events.splice(0);
      if (events.length > 0) {
        yield events;
        continue;
      }
      if (this.#failure !== null) throw this.#failure;
      await this.#change();
    }
  }

  /** Says something that has no answer. What an ended socket does not carry is lost, as signals are. */
  say(frame: Extract<ClientFrameJson, { type: 'ack' | 'typing' | 'presence' | 'watch' }>): void {
    if (this.#failure === null && this.#ready !== null) this.#socket.send(JSON.stringify(frame));
  }

  close(): void {
    this.#fail(new ParleyError('cannot_connect', 'Closed.'));
  }

  async #opened(): Promise<Ready> {
    for (;;) {
      if (this.#ready !== null) return this.#ready;
      if (this.#failure !== null) throw this.#failure;
      await this.#change();
    }
  }

  #change(): Promise<void> {
    return new Promise<void>((resolve) => (this.#wake = resolve));
  }

  #receive(data: unknown): void {
    this.#heard = true;
    if (this.#failure !== null) return;
    try {
      this.#take(parseServerFrame(data));
    } catch (error) {
      if (!(error instanceof OddAnswer)) throw error;
      this.#fail(new ParleyError('cannot_connect', `${this.endpoint} does not speak as a Parley node does.`));
    }
  }

  #take(frame: ServerFrame): void {
    switch (frame.type) {
      case 'event':
        if (this.#ready === null) throw new OddAnswer();
        this.#events.push(frame);
        if (this.#events.length > EVENTS_WAITING_MAX) this.#fail(new ParleyError('slow_consumer'));
        break;
      case 'ready':
        this.#ready ??= { cursor: frame.cursor, recovered: frame.recovered };
        break;
      case 'typing':
        this.#signals.onTyping?.(frame.typing);
        return;
      case 'presence':
        this.#signals.onPresence?.(frame.people);
        return;
      case 'hello':
        this.#heartbeatMs = frame.heartbeatMs;
        return;
      case 'goaway':
        this.alternatives = frame.alternatives;
        return;
      case 'error':
        this.#said = new ParleyError(frame.code, frame.detail);
        return;
      case 'other':
        return;
    }
    this.#wake?.();
  }

  async #listenForSilence({ pause }: Platform): Promise<void> {
    while (this.#failure === null) {
      this.#heard = false;
      await pause(this.#heartbeatMs, this.#ended.signal);
      if (this.#heard || this.#failure !== null) continue;
      this.#ask();
      await pause(this.#heartbeatMs, this.#ended.signal);
      if (!this.#heard) this.#fail(this.#gone());
    }
  }

  #ask(): void {
    try {
      this.#socket.send('{"type":"ping"}');
    } catch {
      // Not open yet: the silence is judged all the same.
    }
  }

  #fail(error: ParleyError): void {
    if (this.#failure !== null) return;
    this.#failure = error;
    this.#ended.abort();
    this.#wake?.();
    this.#socket.close();
  }

  #gone(): ParleyError {
    return new ParleyError('cannot_connect', `${this.endpoint} went away.`);
  }
}
