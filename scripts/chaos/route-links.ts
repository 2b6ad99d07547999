import { connect, createServer } from 'node:net';
import { LOOPBACK } from '../../src/cli/local-cluster/layout.ts';
import type { AddressInfo, Server, Socket } from 'node:net';
import type { NodePlace } from '../../src/cli/local-cluster/layout.ts';

/** One connection of a nats-server to another, in two halves. */
class Wire {
  readonly #near: Socket;
  readonly #target: number;
  #far: Socket | null = null;
  #isCut = false;
  #isBroken = false;

  constructor(near: Socket, target: number, isCut: boolean) {
    this.#near = near;
    this.#target = target;
    near.pause();
    this.#follow(near);
    if (isCut) this.#isCut = true;
    else this.#join();
  }

  get isOver(): boolean {
    return this.#isBroken && !this.#isCut;
  }

  /** Carries nothing any more, not even that an end was closed: as when a cable is pulled. */
  cut(): void {
    this.#isCut = true;
    this.#near.unpipe();
    this.#far?.unpipe();
    this.#near.pause();
    this.#far?.pause();
  }

  /** What was sent meanwhile arrives now. */
  mend(): void {
    this.#isCut = false;
    if (this.#isBroken) this.close();
    else this.#join();
  }

  close(): void {
    this.#isBroken = true;
    this.#near.destroy();
    this.#far?.destroy();
  }

  #join(): void {
    if (this.#far === null) {
      this.#far = connect(this.#target, LOOPBACK);
      this.#far.setNoDelay(true);
      this.#follow(this.#far);
    }
    this.#near.pipe(this.#far);
    this.#far.pipe(this.#near);
  }

  #follow(end: Socket): void {
    end.on('error', () => {});
    end.on('close', () => {
      this.#isBroken = true;
      if (!this.#isCut) this.close();
    });
  }
}

interface Link {
  readonly from: string;
  readonly to: string;
  readonly server: Server;
  readonly wires: Set<Wire>;
}

/**
 * Stands between the nats-servers of a cluster on this machine, so that nodes can be cut off from each other while
 * their processes, and their clients, notice nothing but silence.
 */
export class RouteLinks {
  readonly #links: readonly Link[];
  readonly #deadEnd: Server;
  readonly #cutOff = new Set<string>();

  private constructor(links: readonly Link[], deadEnd: Server) {
    this.#links = links;
    this.#deadEnd = deadEnd;
  }

  static async open(places: readonly NodePlace[]): Promise<RouteLinks> {
    const pairs = places.flatMap((from) => places.filter((to) => to !== from).map((to) => ({ from, to })));
    const links: Link[] = [];
    const deadEnd = createServer((socket) => socket.destroy());
    await new Promise<void>((resolve) => deadEnd.listen(0, LOOPBACK, resolve));
    const opened = new RouteLinks(links, deadEnd);
    for (const { from, to } of pairs) {
      const wires = new Set<Wire>();
      const server = createServer((near) => {
        near.setNoDelay(true);
        for (const wire of wires) if (wire.isOver) wires.delete(wire);
        wires.add(new Wire(near, to.routePort, opened.#isCut(from.name, to.name)));
      });
      await new Promise<void>((resolve) => server.listen(0, LOOPBACK, resolve));
      links.push({ from: from.name, to: to.name, server, wires });
    }
    return opened;
  }

  #isCut(from: string, to: string): boolean {
    return this.#cutOff.has(from) || this.#cutOff.has(to);
  }

  /** What `--peers` of a node says: the others are reached through the links. */
  peersOf(node: NodePlace): string {
    const others = this.#links
      .filter(({ from }) => from === node.name)
      .map(({ to, server }) => `${to}=${LOOPBACK}:${(server.address() as AddressInfo).port}`);
    return [`${node.name}=${LOOPBACK}:${node.routePort}`, ...others].join(',');
  }

  /**
   * What nodes are to say about where they can be found. A nats-server that hears of another one from a third would
   * connect to it past the links, so it is sent to where nobody is.
   */
  get advertised(): string {
    return `${LOOPBACK}:${(this.#deadEnd.address() as AddressInfo).port}`;
  }

  /** From now on nothing goes to or from `node`. */
  cutOff(node: string): void {
    this.#cutOff.add(node);
    for (const wire of this.#wiresOf(node)) wire.cut();
  }

  mend(node: string): void {
    this.#cutOff.delete(node);
    for (const wire of this.#wiresOf(node)) wire.mend();
  }

  #wiresOf(node: string): Wire[] {
    return this.#links.flatMap(({ from, to, wires }) => (from === node || to === node ? [...wires] : []));
  }

  async close(): Promise<void> {
    for (const { wires } of this.#links) for (const wire of wires) wire.close();
    const servers = [this.#deadEnd, ...this.#links.map(({ server }) => server)];
    await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  }
}
