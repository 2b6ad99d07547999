import type { Duplex } from 'node:stream';
import type { WebSocket } from 'ws';
import { ERRORS, ParleyError } from '../../protocol/errors.ts';
import { asParleyError, publicErrorOf } from '../problem.ts';
import { refuseOver } from '../rate-limit.ts';
import { sendMessage } from '../send-message.ts';
import { parseClientFrame } from './client-frames.ts';
import { textFrame } from './frame-bytes.ts';
import { feedStart, readyFrame } from './feed-start.ts';
import { SocketQueue } from './socket-queue.ts';
import { SocketSignals } from './socket-signals.ts';
import type { Position } from '../../chat/queries-cursor.ts';
import { membershipIn } from '../../chat/queries-rooms.ts';
import type { ErrorCode } from '../../protocol/errors.ts';
import type { RoomId } from '../../protocol/ids.ts';
import type { ClientFrameJson, ServerFrameJson } from '../../protocol/http/frames.ts';
import type { Session } from '../auth.ts';
import type { ApiContext } from '../context.ts';
import type { EventFrame } from './event-frame.ts';
import type { FeedSink, PassingFrame, Subscription } from './subscription.ts';
import type { Coalescer } from './socket-queue.ts';
import type { SignalFrameJson } from './socket-signals.ts';

/** After a close frame the socket is cut when the other side has not answered within this. */
const CLOSE_MS = 2_000;
const CLOSE_BAD_REQUEST = 4400;

type IdentifyingFrame = Extract<ClientFrameJson, { type: 'identify' | 'resume' }>;

export interface ConnectionEvents {
  /** Once, when the socket is gone. */
  readonly onGone: (connection: Connection) => void;
  /** Once, when it is known whose it is. @throws ParleyError when this account may have no further socket */
  readonly onIdentified: (session: Session) => void;
  readonly onSend: () => void;
}

/**
 * One WebSocket: greeting, then a session's live feed and sends. Everything it holds for a client is bounded: what
 * waits to be read, and the sends that wait for the log.
 */
export class Connection implements FeedSink {
  readonly serial: number;
  readonly address: string;
  readonly #ws: WebSocket;
  readonly #context: ApiContext;
  readonly #events: ConnectionEvents;
  readonly #queue: SocketQueue;
  readonly #identifyTimer: NodeJS.Timeout;
  /** Whose it is, once that is known. */
  #session: Session | null = null;
  /** From `identify` or `resume` on, which come once. */
  #identifying = false;
  /** From `ready` on. */
  #ready = false;
  #subscription: Subscription | null = null;
  #signals: SocketSignals | null = null;
  #inFlight = 0;
  #closing = false;
  /** The client was told to move: what is under way is answered, nothing more is taken. */
  #leaving = false;
  #heardSinceHeartbeat = true;
  #onIdle: (() => void) | undefined;

  constructor(
    parts: {
      serial: number;
      ws: WebSocket;
      stream: Duplex;
      address: string;
      context: ApiContext;
      coalescer: Coalescer;
    },
    events: ConnectionEvents,
  ) {
    const { serial, ws, stream, address, context, coalescer } = parts;
    this.serial = serial;
    this.address = address;
    this.#ws = ws;
    this.#context = context;
    this.#events = events;
    this.#queue = new SocketQueue(stream, coalescer, context.limits.socketQueueBytesMax, () =>
      this.end(new ParleyError('slow_consumer')),
    );
    this.#identifyTimer = setTimeout(
      () => this.end(new ParleyError('identify_first', 'No identify or resume came in time.')),
      context.limits.identifyMs,
    ).unref();
    ws.on('message', (data: Buffer, isBinary: boolean) => this.#receive(data, isBinary));
    ws.on('pong', () => (this.#heardSinceHeartbeat = true));
    // ws answers a violation of the protocol with its own close code; what is left to do is in `close`.
    ws.on('error', (error) => context.logger.debug({ err: error, address }, 'socket error'));
    ws.on('close', () => this.#gone());
    this.#write({
      type: 'hello',
      cluster: context.node.clusterId,
      node: context.node.name,
      heartbeatMs: context.limits.heartbeatMs,
    });
  }

  // ------------------------------------------------------------ what the event hub sees

  opened(start: { readonly position: Position; readonly recovered: boolean }): void {
    this.#ready = true;
    if (this.#session !== null) this.#write(readyFrame(this.#context, this.#session, start));
  }

  deliver(frame: EventFrame): void {
    this.#queue.write(frame.webSocketBytes);
  }

  pass(frame: PassingFrame): void {
    if (this.#queue.hasRoom()) this.#queue.write(frame.webSocketBytes);
  }

  hasRoom(): boolean {
    return this.#queue.hasRoom();
  }

  drained(): Promise<void> {
    return this.#queue.drained();
  }

  /** Says why and closes. Nothing is delivered after it. */
  end(error: ParleyError): void {
    if (this.#closing) return;
    this.#context.metrics.socketEnded(error.code);
    if (error.code === 'internal') this.#context.logger.error({ err: error.cause ?? error }, 'internal error');
    this.#write({ type: 'error', ...publicErrorOf(error) });
    this.#close(closeCodeOf(error.code), error.code);
  }

  // ------------------------------------------------------------ what the gateway sees

  get queuedBytes(): number {
    return this.#queue.bytes;
  }

  /** Tells the client to move, before `end` comes. */
  goAway(retryAfterMs: number, alternatives: readonly string[]): void {
    this.#leaving = true;
    this.#write({ type: 'goaway', retryAfterMs, alternatives: [...alternatives] });
  }

  /** Called every `heartbeatMs`. Whoever was silent for two of them is gone. */
  heartbeat(): void {
    if (!this.#heardSinceHeartbeat) {
      this.#ws.terminate();
      return;
    }
    // While reading is paused nothing can be heard; the log will answer or time out.
    this.#heardSinceHeartbeat = this.#ws.isPaused;
    this.#ws.ping();
    if (this.#session === null) return;
    try {
      this.#context.auth.checkStillOpen(this.#session);
    } catch (error) {
      this.end(asParleyError(error));
    }
  }

  /** Resolves when every send taken has been answered. */
  idle(): Promise<void> {
    if (this.#inFlight === 0) return Promise.resolve();
    return new Promise((resolve) => (this.#onIdle = resolve));
  }

  terminate(): void {
    this.#ws.terminate();
  }

  // ------------------------------------------------------------ frames

  #receive(data: Buffer, isBinary: boolean): void {
    this.#heardSinceHeartbeat = true;
    if (this.#closing) return;
    try {
      if (isBinary) throw new ParleyError('bad_request', 'Frames are JSON text.');
      this.#handle(parseClientFrame(data, this.#context.limits));
    } catch (error) {
      this.end(asParleyError(error));
    }
  }

  #handle(frame: ClientFrameJson): void {
    switch (frame.type) {
      case 'identify':
        this.#identify(frame, null);
        return;
      case 'resume':
        this.#identify(frame, frame.cursor);
        return;
      case 'ping':
        if (!this.#identifying) throw new ParleyError('identify_first');
        this.#answer(frame);
        return;
      case 'ack':
        if (this.#session === null || !this.#ready) throw new ParleyError('identify_first');
        this.#acknowledge(this.#session, frame);
        return;
      case 'send':
        if (this.#session === null || !this.#ready) throw new ParleyError('identify_first');
        void this.#send(this.#session, frame);
        return;
      case 'typing':
      case 'presence':
      case 'watch':
        if (this.#signals === null || !this.#ready) throw new ParleyError('identify_first');
        this.#signal(this.#signals, frame);
    }
  }

  #identify(frame: IdentifyingFrame, cursor: string | null): void {
    if (this.#identifying) throw new ParleyError('bad_request', 'Already identified.');
    this.#identifying = true;
    // From here on what takes time is this node's to bound, and to answer for.
    clearTimeout(this.#identifyTimer);
    void this.#openFeed(frame, cursor).catch((error: unknown) => this.end(asParleyError(error)));
  }

  async #openFeed({ token, presence = 'online' }: IdentifyingFrame, cursor: string | null): Promise<void> {
    const { auth, rates } = this.#context;
    const session = await auth.authenticateAnew(token, () => refuseOver(rates.login(this.address)));
    refuseOver(rates.account(session.account));
    if (this.#closing) return;
    this.#events.onIdentified(session);
    this.#session = session;
    const from = await feedStart(this.#context, cursor);
    if (this.#closing) return;
    this.#subscription = this.#context.hub.subscribe({ session, from, sink: this });
    this.#signals = new SocketSignals(this.#context, session, presence, {
      write: (frame) => this.#write(frame),
      offer: (frame) => {
        if (!this.#ready || !this.hasRoom()) return false;
        this.#write(frame);
        return true;
      },
    });
  }

  #signal(signals: SocketSignals, frame: SignalFrameJson): void {
    try {
      signals.handle(frame);
    } catch (error) {
      const { ref } = frame;
      this.#write({ type: 'error', ...(ref === undefined ? {} : { ref }), ...publicErrorOf(asParleyError(error)) });
    }
  }

  #answer({ ref }: Extract<ClientFrameJson, { type: 'ping' }>): void {
    const mark = ref === undefined ? {} : { ref };
    try {
      if (this.#session !== null) refuseOver(this.#context.rates.account(this.#session.account));
      this.#write({ type: 'pong', ...mark });
    } catch (error) {
      this.#write({ type: 'error', ...mark, ...publicErrorOf(asParleyError(error)) });
    }
  }

  /** A marker that is lost is made up for by the next one. */
  #acknowledge(
    { account }: Session,
    { room, delivered = 0, read = 0 }: Extract<ClientFrameJson, { type: 'ack' }>,
  ): void {
    const { node, receipts, logger } = this.#context;
    if (membershipIn(node.reader, account, room as RoomId) === undefined) return;
    receipts.mark(account, room as RoomId, { delivered, read }).catch((error: unknown) => {
      logger.debug({ err: error }, 'receipts were not taken');
    });
  }

  async #send(session: Session, frame: Extract<ClientFrameJson, { type: 'send' }>): Promise<void> {
    const { limits, rates } = this.#context;
    const { ref } = frame;
    this.#inFlight += 1;
    if (this.#inFlight >= limits.inFlightSendsMax) this.#ws.pause();
    try {
      if (this.#inFlight > 2 * limits.inFlightSendsMax) throw new ParleyError('overloaded');
      if (this.#leaving) throw new ParleyError('shutting_down');
      refuseOver(rates.account(session.account));
      const reply = await sendMessage(this.#context, session, frame);
      this.#events.onSend();
      this.#write({ type: 'sent', ref, ...reply });
    } catch (error) {
      const known = asParleyError(error);
      if (known.code === 'internal') this.#context.logger.error({ err: known.cause }, 'internal error');
      this.#write({ type: 'error', ref, ...publicErrorOf(known) });
    }
    this.#inFlight -= 1;
    if (this.#ws.isPaused && this.#inFlight <= limits.inFlightSendsMax / 2) this.#ws.resume();
    if (this.#inFlight === 0) this.#onIdle?.();
  }

  #write(frame: ServerFrameJson): void {
    this.#queue.write(textFrame(JSON.stringify(frame)));
  }

  #close(code: number, reason: string): void {
    this.#closing = true;
    clearTimeout(this.#identifyTimer);
    this.#subscription?.close();
    this.#signals?.close();
    this.#queue.close();
    if (this.#ws.isPaused) this.#ws.resume();
    this.#ws.close(code, reason);
    setTimeout(() => this.#ws.terminate(), CLOSE_MS).unref();
  }

  #gone(): void {
    this.#closing = true;
    clearTimeout(this.#identifyTimer);
    this.#subscription?.close();
    this.#signals?.close();
    this.#queue.close();
    this.#events.onGone(this);
  }
}

function closeCodeOf(code: ErrorCode): number {
  const row: { readonly close?: number } = ERRORS[code];
  return row.close ?? CLOSE_BAD_REQUEST;
}
