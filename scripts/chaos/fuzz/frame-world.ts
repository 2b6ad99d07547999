import { connect, nkeyAuthenticator, type NatsConnection } from 'nats';
import { ClusterKeys } from '../../../src/node/transport/cluster-keys.ts';
import { nodeNkey } from '../../../src/node/transport/node-nkey.ts';
import { Subjects } from '../../../src/node/transport/subjects.ts';
import type { NodeName } from '../../../src/protocol/ids.ts';
import { CLUSTER_SECRET, NatsCluster } from '../../../src/testing/nats-cluster.ts';
import { appendTo, NODES } from '../../../src/testing/transport-traffic.ts';
import { waitUntil } from '../../../src/testing/wait-until.ts';
import type { Dice } from './dice.ts';

/** The newest frames that somebody on the wire has seen, and may use again. */
const SEEN_MAX = 2_000;
const WITNESS_MS_MAX = 60_000;
const ROUNDS_REMEMBERED = 100;
const [LEADER] = NODES as [NodeName, ...NodeName[]];

/**
 * Three nodes' transports over real nats-servers, and somebody who has the secret of the cluster, so the servers let
 * them in as any node, but has the keys of none.
 */
export class FrameWorld {
  readonly seen: Buffer[] = [];
  readonly subjects = new Subjects(new ClusterKeys(CLUSTER_SECRET).tagHex);
  readonly dropped = new Map<string, number>();
  readonly #cluster: NatsCluster;
  readonly #violation: (what: string) => void;
  readonly #taps: NatsConnection[] = [];
  /** What the nodes said to each other, and how often it arrived. */
  readonly #said = new Map<string, number>();
  #taken = 0;
  #round = 0;

  private constructor(cluster: NatsCluster, violation: (what: string) => void) {
    this.#cluster = cluster;
    this.#violation = violation;
  }

  /** @param violation told of whatever arrives that was not said, or was said less often */
  static async open(violation: (what: string) => void): Promise<FrameWorld> {
    const cluster = await NatsCluster.start();
    const world = new FrameWorld(cluster, violation);
    for (const node of NODES) cluster.ring(node).adopt({ epoch: 1, key: new Uint8Array(32).fill(7) }, false);
    for (const node of NODES) {
      world.#listen(node);
      await world.#tap(node);
    }
    return world;
  }

  publish(dice: Dice, bytes: Buffer): void {
    const subjects = [this.subjects.all, ...NODES.map((node) => this.subjects.node(node))];
    dice.pick(this.#taps).publish(dice.pick(subjects), bytes);
  }

  /** All that was published has reached the servers. */
  async flush(): Promise<void> {
    await Promise.all(this.#taps.map((tap) => tap.flush()));
  }

  /** The nodes still hear each other, alone and together. What is lost on the way is said again, as something new. */
  async witness(): Promise<void> {
    this.#round += 1;
    const open = new Set(NODES.flatMap((from) => NODES.filter((to) => to !== from).map((to) => `${from}>${to}`)));
    let tries = 0;
    const isDone = (): boolean => {
      for (const pair of open) if (this.#hasArrived(`${pair} ${this.#round}.`)) open.delete(pair);
      if (open.size === 0 && this.#hasArrived(`append ${this.#round}.`)) return true;
      tries += 1;
      for (const pair of open) this.#say(pair, `${pair} ${this.#round}.${tries}`);
      this.#sayTogether(`append ${this.#round}.${tries}`);
      return false;
    };
    await waitUntil(isDone, WITNESS_MS_MAX, `the nodes to hear each other: ${[...open].join(', ')}`);
    this.#forgetOld();
  }

  /** Another process of this node: what was said to the old one is of no use with it. */
  async restart(node: NodeName): Promise<void> {
    this.#addDropped(node);
    await this.#cluster.restart(node);
    this.#listen(node);
  }

  async close(): Promise<void> {
    for (const node of NODES) this.#addDropped(node);
    for (const tap of this.#taps) await tap.close();
    await this.#cluster.close();
  }

  async #tap(node: NodeName): Promise<void> {
    const authenticator = nkeyAuthenticator(nodeNkey(new ClusterKeys(CLUSTER_SECRET), node).seed);
    const tap = await connect({ servers: this.#cluster.sidecar(node).clientUrl, authenticator, noEcho: true });
    const callback = (_error: unknown, message: { readonly data: Uint8Array }): void => {
      this.seen[this.#taken % SEEN_MAX] = Buffer.from(message.data);
      this.#taken += 1;
    };
    for (const subject of [this.subjects.node(node), this.subjects.all]) tap.subscribe(subject, { callback });
    this.#taps.push(tap);
  }

  #listen(node: NodeName): void {
    const transport = this.#cluster.transport(node);
    const decoder = new TextDecoder();
    transport.onFrame(({ from, kind, payload }) => {
      const text = decoder.decode(payload);
      this.#heard(text, kind === 'signal' && text.startsWith(`${from}>${node} `));
    });
    transport.onRaft(({ entries }, from) => {
      const text = decoder.decode(entries[0]?.data);
      this.#heard(`${text} at ${node}`, from === LEADER && text.startsWith('append '));
    });
  }

  #heard(text: string, isInOrder: boolean): void {
    const times = this.#said.get(text);
    if (times === undefined || !isInOrder) this.#violation(`arrived, but nobody said it: ${text}`);
    else if (times > 0) this.#violation(`arrived once more: ${text}`);
    this.#said.set(text, (times ?? 0) + 1);
  }

  #hasArrived(start: string): boolean {
    const places = start.startsWith('append ') ? NODES.filter((node) => node !== LEADER) : [''];
    return places.every((place) =>
      [...this.#said].some(([text, times]) => times > 0 && text.startsWith(start) && text.endsWith(place)),
    );
  }

  #say(pair: string, text: string): void {
    const [from, to] = pair.split('>') as [NodeName, NodeName];
    this.#said.set(text, 0);
    this.#cluster.transport(from).send(to, 'signal', Buffer.from(text));
  }

  #sayTogether(text: string): void {
    const others = NODES.filter((node) => node !== LEADER);
    for (const node of others) this.#said.set(`${text} at ${node}`, 0);
    this.#cluster.transport(LEADER).sendRaft(others.map((node) => appendTo(node, this.#round, Buffer.from(text))));
  }

  /** What is forgotten and arrives again is found all the same, as something that nobody said. */
  #forgetOld(): void {
    for (const text of this.#said.keys()) {
      const round = Number(/ (\d+)\./.exec(text)?.[1]);
      if (round < this.#round - ROUNDS_REMEMBERED) this.#said.delete(text);
    }
  }

  #addDropped(node: NodeName): void {
    for (const [reason, count] of Object.entries(this.#cluster.transport(node).counters.dropped)) {
      this.dropped.set(reason, (this.dropped.get(reason) ?? 0) + count);
    }
  }
}
