import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import type { PeerId } from '../consensus/types.ts';
import type { PeerDirectory } from '../node/ports.ts';
import { RingKeys } from '../node/ring/ring-keys.ts';
import { systemClock } from '../node/system-clock.ts';
import { ensureNatsServer } from '../node/transport/find-nats-server.ts';
import { NatsTransport } from '../node/transport/nats-transport.ts';
import { startSidecar, type Sidecar } from '../node/transport/sidecar.ts';
import type { ClusterId, NodeName } from '../protocol/ids.ts';
import { freePorts } from './free-ports.ts';
import { testIdentity } from './test-identity.ts';
import { NODES } from './transport-traffic.ts';
import { waitUntil } from './wait-until.ts';

export const CLUSTER_ID = `C${'a'.repeat(26)}` as ClusterId;
export const CLUSTER_SECRET = new Uint8Array(32).fill(42);
export const directory: PeerDirectory = {
  nameOf: (peer) => NODES[peer - 1],
  peerOf: (name) => (NODES.includes(name) ? ((NODES.indexOf(name) + 1) as PeerId) : undefined),
  identityOf: (name) => (NODES.includes(name) ? testIdentity(name).public : null),
};
const logger = pino({ level: 'silent' });

/** Three real nats-servers, routed to each other, and up to three transports on them. */
export class NatsCluster {
  readonly #sidecars = new Map<NodeName, Sidecar>();
  readonly #transports = new Map<NodeName, NatsTransport>();
  readonly #rings = new Map<NodeName, RingKeys>();
  #folder = '';
  #boot = 1;

  static async start(nodes: readonly NodeName[] = NODES): Promise<NatsCluster> {
    const cluster = new NatsCluster();
    await cluster.#startSidecars();
    for (const node of nodes) await cluster.connect(node);
    await cluster.inTouch();
    return cluster;
  }

  transport(node: NodeName): NatsTransport {
    const transport = this.#transports.get(node);
    if (transport === undefined) throw new Error(`${node} runs no transport`);
    return transport;
  }

  sidecar(node: NodeName): Sidecar {
    const sidecar = this.#sidecars.get(node);
    if (sidecar === undefined) throw new Error(`${node} runs no sidecar`);
    return sidecar;
  }

  /** Of one node, whatever process it runs as. */
  ring(node: NodeName): RingKeys {
    const known = this.#rings.get(node) ?? new RingKeys(() => systemClock.monotonicMs());
    this.#rings.set(node, known);
    return known;
  }

  nextBoot(): number {
    this.#boot += 1;
    return this.#boot;
  }

  async connect(node: NodeName): Promise<void> {
    const transport = await NatsTransport.connect({
      self: node,
      boot: this.nextBoot(),
      identity: testIdentity(node),
      ring: this.ring(node),
      secret: CLUSTER_SECRET,
      url: this.sidecar(node).clientUrl,
      peers: NODES,
      directory,
      clock: systemClock,
      logger,
    });
    transport.bindTo(CLUSTER_ID);
    this.#transports.set(node, transport);
  }

  async restart(node: NodeName): Promise<void> {
    await this.transport(node).close();
    const boot = this.#boot + 1;
    await this.connect(node);
    await this.inTouch();
    const others = [...this.#transports].filter(([name]) => name !== node);
    await waitUntil(() => others.every(([, transport]) => transport.bootOf(node) === boot));
  }

  async inTouch(): Promise<void> {
    const running = [...this.#transports];
    await waitUntil(() =>
      running.every(([self, transport]) =>
        running.every(([peer]) => peer === self || transport.bootOf(peer) !== undefined),
      ),
    );
  }

  async close(): Promise<void> {
    for (const transport of this.#transports.values()) await transport.close();
    for (const sidecar of this.#sidecars.values()) await sidecar.close();
    await rm(this.#folder, { recursive: true, force: true });
  }

  async #startSidecars(): Promise<void> {
    const binary = await ensureNatsServer(join(process.cwd(), '.cache'));
    this.#folder = await mkdtemp(join(tmpdir(), 'parley-nats-'));
    const ports = await freePorts(2 * NODES.length);
    const addressAt = (place: number): { host: string; port: number } => ({
      host: '127.0.0.1',
      port: ports[place] ?? 0,
    });
    const peers = NODES.map((_, i) => addressAt(2 * i + 1));
    for (const [i, node] of NODES.entries()) {
      const sidecar = await startSidecar({
        node,
        dataDir: join(this.#folder, node),
        secret: CLUSTER_SECRET,
        client: addressAt(2 * i),
        route: addressAt(2 * i + 1),
        peers,
        logger,
        binary,
      });
      this.#sidecars.set(node, sidecar);
    }
  }
}
