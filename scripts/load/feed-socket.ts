import { WebSocket } from 'ws';
import type { EventFrameJson, ServerFrameJson } from '../../src/protocol/http/frames.ts';

const READY_MS_MAX = 10_000;

export type SendOutcome =
  | { readonly kind: 'ok'; readonly seq: number; readonly cursor: string }
  | { readonly kind: 'error'; readonly code: string; readonly retryable: boolean }
  /** The connection went away before an answer came: nobody knows. */
  | { readonly kind: 'lost' };

export interface FeedHandlers {
  readonly onEvent?: (frame: EventFrameJson) => void;
  readonly onClose?: (code: number, reason: string) => void;
}

/** One WebSocket to one node, after `ready`: sends envelopes and hands on events. Does not reconnect. */
export class FeedSocket {
  readonly #socket: WebSocket;
  readonly #pending = new Map<string, (outcome: SendOutcome) => void>();
  readonly #handlers: FeedHandlers;
  #refs = 0;
  #open = true;
  /** Where the feed stands; `resume` with it yields exactly what follows. */
  cursor: string;
  recovered: boolean;

  private constructor(socket: WebSocket, ready: Extract<ServerFrameJson, { type: 'ready' }>, handlers: FeedHandlers) {
    this.#socket = socket;
    this.#handlers = handlers;
    this.cursor = ready.cursor;
    this.recovered = ready.recovered;
  }

  /** @throws when the node cannot be reached or does not say `ready` in time */
  static async connect(
    endpoint: string,
    token: string,
    cursor: string | null,
    handlers: FeedHandlers,
  ): Promise<FeedSocket> {
    const socket = new WebSocket(`${endpoint.replace(/^http/, 'ws')}/v1/ws`, {
      perMessageDeflate: false,
      handshakeTimeout: READY_MS_MAX,
    });
    return new Promise((resolve, reject) => {
      let feed: FeedSocket | null = null;
      const timer = setTimeout(() => socket.terminate(), READY_MS_MAX);
      socket.on('open', () => {
        socket.send(JSON.stringify(cursor === null ? { type: 'identify', token } : { type: 'resume', token, cursor }));
      });
      socket.on('message', (data: Buffer) => {
        const frame = JSON.parse(data.toString()) as ServerFrameJson;
        if (feed !== null) feed.#receive(frame);
        else if (frame.type === 'ready') {
          clearTimeout(timer);
          feed = new FeedSocket(socket, frame, handlers);
          resolve(feed);
        }
      });
      socket.on('error', () => {});
      socket.on('close', (code, reason) => {
        clearTimeout(timer);
        if (feed === null) reject(new Error(`${endpoint} closed with ${code} ${reason.toString()} before ready`));
        else feed.#closed(code, reason.toString());
      });
    });
  }

  get isOpen(): boolean {
    return this.#open;
  }

  send(room: string, txnId: string, envelope: string): Promise<SendOutcome> {
    if (!this.#open) return Promise.resolve({ kind: 'lost' });
    const ref = String(++this.#refs);
    return new Promise((resolve) => {
      this.#pending.set(ref, resolve);
      this.#socket.send(`{"type":"send","ref":"${ref}","room":"${room}","txnId":"${txnId}","envelope":"${envelope}"}`);
    });
  }

  close(): void {
    this.#open = false;
    this.#socket.terminate();
  }

  #receive(frame: ServerFrameJson): void {
    if (frame.type === 'event') {
      this.cursor = frame.cursor;
      this.#handlers.onEvent?.(frame);
    } else if (frame.type === 'sent') {
      this.#settle(frame.ref, { kind: 'ok', seq: frame.seq, cursor: frame.cursor });
    } else if (frame.type === 'error' && frame.ref !== undefined) {
      this.#settle(frame.ref, { kind: 'error', code: frame.code, retryable: frame.retryable });
    }
  }

  #settle(ref: string, outcome: SendOutcome): void {
    this.#pending.get(ref)?.(outcome);
    this.#pending.delete(ref);
  }

  #closed(code: number, reason: string): void {
    this.#open = false;
    for (const settle of this.#pending.values()) settle({ kind: 'lost' });
    this.#pending.clear();
    this.#handlers.onClose?.(code, reason);
  }
}
