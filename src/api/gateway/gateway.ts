import type { IncomingMessage, Server } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { WebSocketServer } from 'ws';
import { ParleyError } from '../../protocol/errors.ts';
import { refuseOnSocket } from '../client-error.ts';
import { asParleyError } from '../problem.ts';
import { refuseOver } from '../rate-limit.ts';
import { Connection } from './connection.ts';
import { Coalescer } from './socket-queue.ts';
import { alternativesOf } from './alternatives.ts';
import type { ApiContext } from '../context.ts';
import type { FeedPlace } from './open-feeds.ts';

const PATH = '/v1/ws';
/** Connections are looked after in so many groups, so that a heartbeat is never all of them at once. */
const HEARTBEAT_SLICES = 10;
/** Above the frame limit, so that a frame that is somewhat too large gets an error that says so. */
const PAYLOAD_SLACK = 2;
/** Clients that are sent away come back spread over this. */
const GO_AWAY_SPREAD_MS = 1_000;

/** All WebSockets of this node. */
export class Gateway {
  readonly #context: ApiContext;
  readonly #onSend: () => void;
  readonly #server: WebSocketServer;
  readonly #coalescer = new Coalescer();
  readonly #connections = new Map<Connection, FeedPlace>();
  #heartbeats: NodeJS.Timeout | undefined;
  #slice = 0;
  #serial = 0;
  #draining = false;
  #sentAway = false;
  #onAllGone: (() => void) | undefined;

  constructor(context: ApiContext, onSend: () => void) {
    this.#context = context;
    this.#onSend = onSend;
    this.#server = new WebSocketServer({
      noServer: true,
      clientTracking: false,
      perMessageDeflate: false,
      maxPayload: context.limits.bodyBytesMax * PAYLOAD_SLACK,
    });
    this.#server.on('wsClientError', (error, stream) => {
      refuseOnSocket(stream as Socket, new ParleyError('bad_request', error.message));
    });
  }

  get size(): number {
    return this.#connections.size;
  }

  /** What waits for all readers together. */
  get queuedBytes(): number {
    let bytes = 0;
    for (const connection of this.#connections.keys()) bytes += connection.queuedBytes;
    return bytes;
  }

  attach(server: Server): void {
    server.on('upgrade', (request: IncomingMessage, stream: Duplex, head: Buffer) => {
      stream.on('error', (error) => this.#context.logger.debug({ err: error }, 'socket error'));
      try {
        this.#admit(request);
      } catch (error) {
        refuseOnSocket(stream as Socket, asParleyError(error));
        return;
      }
      this.#server.handleUpgrade(request, stream, head, (ws) => {
        const address = this.#context.addresses.of(request);
        const place = this.#context.feeds.open(address, (error) => connection.end(error));
        const serial = ++this.#serial;
        const parts = { serial, ws, stream, address, context: this.#context, coalescer: this.#coalescer };
        const connection = new Connection(parts, {
          onGone: (gone) => this.#forget(gone),
          onIdentified: ({ account }) => place.assign(account),
          onSend: this.#onSend,
        });
        this.#connections.set(connection, place);
      });
    });
    this.#heartbeats = setInterval(
      () => this.#beat(),
      Math.max(1, Math.floor(this.#context.limits.heartbeatMs / HEARTBEAT_SLICES)),
    ).unref();
  }

  /**
   * Sends everybody to other nodes, answers what was taken, and closes. Those that are not gone by `graceMs` are cut.
   */
  async close(graceMs: number): Promise<void> {
    this.#draining = true;
    clearInterval(this.#heartbeats);
    const connections = [...this.#connections.keys()];
    this.#sendAway(connections);
    const deadline = AbortSignal.timeout(graceMs);
    const passed = new Promise<void>((resolve) => deadline.addEventListener('abort', () => resolve(), { once: true }));
    const all = connections.map(async (connection) => {
      await Promise.race([connection.idle(), passed]);
      connection.end(new ParleyError('shutting_down'));
    });
    await Promise.all(all);
    await Promise.race([this.#allGone(), passed]);
    for (const connection of this.#connections.keys()) connection.terminate();
    this.#server.close();
  }

  /** @throws ParleyError when this upgrade is not to happen */
  #admit(request: IncomingMessage): void {
    const { origins, rates, addresses, addressBans, feeds } = this.#context;
    if (this.#draining) throw new ParleyError('shutting_down');
    if ((request.url ?? '').split('?')[0] !== PATH) throw new ParleyError('not_found');
    origins.check(request.headers.origin);
    const address = addresses.of(request);
    refuseOver(rates.address(address));
    addressBans.check(address);
    feeds.check(address);
  }

  #forget(connection: Connection): void {
    this.#connections.get(connection)?.release();
    this.#connections.delete(connection);
    if (this.#connections.size === 0) this.#onAllGone?.();
  }

  /** A live feed of a node that no leader talks to is silent and looks healthy: its clients are better off elsewhere. */
  #beat(): void {
    const cutOff = this.#context.node.leaderlessMs() > this.#context.limits.authenticateWithinMs;
    if (!cutOff) this.#sentAway = false;
    else if (!this.#sentAway) {
      this.#sentAway = true;
      const connections = [...this.#connections.keys()];
      this.#sendAway(connections);
      for (const connection of connections) connection.end(new ParleyError('no_leader'));
    }
    this.#slice = (this.#slice + 1) % HEARTBEAT_SLICES;
    for (const connection of this.#connections.keys()) {
      if (connection.serial % HEARTBEAT_SLICES === this.#slice) connection.heartbeat();
    }
  }

  #sendAway(connections: readonly Connection[]): void {
    const alternatives = alternativesOf(this.#context.node);
    for (const connection of connections) {
      connection.goAway(Math.floor(Math.random() * GO_AWAY_SPREAD_MS), alternatives);
    }
  }

  #allGone(): Promise<void> {
    if (this.#connections.size === 0) return Promise.resolve();
    return new Promise((resolve) => (this.#onAllGone = resolve));
  }
}
