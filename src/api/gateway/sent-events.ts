import type { ServerResponse } from 'node:http';
import { asParleyError, publicErrorOf } from '../problem.ts';
import { Coalescer, SocketQueue } from './socket-queue.ts';
import { readyFrame } from './feed-start.ts';
import { ParleyError } from '../../protocol/errors.ts';
import type { Position } from '../../chat/queries-cursor.ts';
import type { Session } from '../auth.ts';
import type { ApiContext } from '../context.ts';
import type { EventFrame } from './event-frame.ts';
import type { PresenceChoiceT } from '../../protocol/http/presence.ts';
import type { OwnFeed } from '../live/own-presence.ts';
import type { FeedSink, PassingFrame, Subscription } from './subscription.ts';

const CLOSE_MS = 2_000;
const coalescer = new Coalescer();

/**
 * The live feed where WebSockets are blocked: the same frames as server-sent events, `event:` being the frame's type
 * and `id:` the cursor to resume from.
 */
export class SentEvents implements FeedSink {
  readonly #context: ApiContext;
  readonly #session: Session;
  readonly #response: ServerResponse;
  readonly #queue: SocketQueue;
  readonly #heartbeat: NodeJS.Timeout;
  readonly #onGone: () => void;
  readonly #presence: OwnFeed;
  #subscription: Subscription | null = null;
  #ended = false;

  /**
   * @param presence what others are to see of its account
   * @param response its head is written already
   * @param onGone called once nobody listens any more; maybe more than once
   */
  constructor(
    context: ApiContext,
    { session, presence }: { readonly session: Session; readonly presence: PresenceChoiceT },
    response: ServerResponse,
    onGone: () => void,
  ) {
    this.#context = context;
    this.#session = session;
    this.#response = response;
    this.#onGone = onGone;
    this.#queue = new SocketQueue(response, coalescer, context.limits.socketQueueBytesMax, () =>
      this.end(new ParleyError('slow_consumer')),
    );
    this.#presence = context.live.open(session.account, presence);
    this.#heartbeat = setInterval(() => this.#beat(), context.limits.heartbeatMs).unref();
    response.on('close', () => {
      this.#gone();
      this.#onGone();
    });
  }

  start(from: Position): void {
    // Whoever left while the head was made ready is told nothing any more, and `close` has passed.
    if (this.#response.destroyed) {
      this.#gone();
      this.#onGone();
      return;
    }
    try {
      this.#subscription = this.#context.hub.subscribe({ session: this.#session, from, sink: this });
    } catch (error) {
      this.end(asParleyError(error));
    }
  }

  opened(start: { readonly position: Position; readonly recovered: boolean }): void {
    this.#write('ready', readyFrame(this.#context, this.#session, start));
  }

  deliver(frame: EventFrame): void {
    this.#queue.write(frame.sentEventBytes);
  }

  pass(frame: PassingFrame): void {
    if (this.#queue.hasRoom()) this.#queue.write(frame.sentEventBytes);
  }

  hasRoom(): boolean {
    return this.#queue.hasRoom();
  }

  drained(): Promise<void> {
    return this.#queue.drained();
  }

  end(error: ParleyError): void {
    if (this.#ended) return;
    this.#write('error', { type: 'error', ...publicErrorOf(error) });
    this.#gone();
    this.#response.end();
    setTimeout(() => this.#response.destroy(), CLOSE_MS).unref();
  }

  #beat(): void {
    try {
      this.#context.auth.checkStillOpen(this.#session);
      this.#context.auth.checkInTouch();
      this.#queue.write(Buffer.from(': beat\n\n'));
    } catch (error) {
      this.end(asParleyError(error));
    }
  }

  #write(event: string, frame: object): void {
    this.#queue.write(Buffer.from(`event: ${event}\ndata: ${JSON.stringify(frame)}\n\n`));
  }

  #gone(): void {
    this.#ended = true;
    clearInterval(this.#heartbeat);
    this.#subscription?.close();
    this.#presence.close();
    this.#queue.close();
  }
}
