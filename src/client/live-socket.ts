import { ParleyError, isErrorCode } from '../protocol/errors.ts';
import type { EventFrameJson, ServerFrameJson } from '../protocol/http/frames.ts';
import type { Platform, SocketLike } from './platform.ts';

/** Before a node has said how often to be heard. */
const FIRST_HEARTBEAT_MS = 10_000;

export interface Ready {
  readonly cursor: string;
  /** False: what lies between the cursor that was asked for and this one is not going to come. */
  readonly recovered: boolean;
}

/**
 * One WebSocket to one node, from `ready` to its end. Events wait here until they are asked for. A node that is silent
 * for two heartbeats although it was asked counts as gone.
 */
export class LiveSocket {
  readonly endpoint: string;
  readonly #socket: SocketLike;
  readonly #frames: EventFrameJson[] = [];
  #wake: (() => void) | null = null;
  #onReady: ((ready: Ready) => void) | null = null;
  #failure: ParleyError | null = null;
  readonly #ended = new AbortController();
  #said: ParleyError | null = null;
  #heartbeatMs = FIRST_HEARTBEAT_MS;
  #heard = true;

  private constructor(platform: Platform, endpoint: string, greeting: object) {
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

  /**
   * @param cursor null: from now on
   * @throws ParleyError what the node said, or `cannot_connect`
   */
  static async open(
    platform: Platform,
    endpoint: string,
    { token, cursor }: { readonly token: string; readonly cursor: string | null },
  ): Promise<{ readonly socket: LiveSocket; readonly ready: Ready }> {
    const greeting = cursor === null ? { type: 'identify', token } : { type: 'resume', token, cursor };
    const socket = new LiveSocket(platform, endpoint, greeting);
    return { socket, ready: await socket.#ready() };
  }

  /** Events in the order of the log. @throws ParleyError why the socket ended, after the last event it brought */
  async *events(): AsyncGenerator<EventFrameJson, never> {
    for (;;) {
      const frames = this.#frames.splice(0);
      yield* frames;
      if (frames.length > 0) continue;
      if (this.#failure !== null) throw this.#failure;
      await new Promise<void>((resolve) => (this.#wake = resolve));
    }
  }

  close(): void {
    this.#fail(new ParleyError('cannot_connect', 'Closed.'));
  }

  async #ready(): Promise<Ready> {
    const ready = await new Promise<Ready | null>((resolve) => {
      this.#onReady = resolve;
      this.#wake = () => resolve(null);
      if (this.#failure !== null) resolve(null);
    });
    if (ready === null) throw this.#failure ?? this.#gone();
    return ready;
  }

  #receive(data: unknown): void {
    this.#heard = true;
    const frame = parseFrame(data);
    if (frame === null) return;
    if (frame.type === 'event') {
      this.#frames.push(frame);
      this.#wake?.();
    } else if (frame.type === 'ready') {
      this.#onReady?.(frame);
    } else if (frame.type === 'hello') {
      this.#heartbeatMs = frame.heartbeatMs;
    } else if (frame.type === 'error' && isErrorCode(frame.code)) {
      this.#said = new ParleyError(frame.code, frame.detail, { data: frame.data ?? {} });
    }
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

/** Null for what this program does not understand; a later node may say more than it knows. */
function parseFrame(data: unknown): ServerFrameJson | null {
  if (typeof data !== 'string') return null;
  try {
    const frame = JSON.parse(data) as ServerFrameJson | null;
    return typeof frame === 'object' ? frame : null;
  } catch {
    return null;
  }
}
