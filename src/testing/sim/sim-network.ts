import { Prng } from './prng.ts';
import type { SimHost } from './sim-host.ts';
import type { VirtualTime } from './virtual-time.ts';

export interface NetworkOptions {
  readonly time: VirtualTime;
  readonly seed: number;
  readonly hosts: readonly SimHost[];
  /** A typical delay of a packet; some take up to the tail. */
  readonly delayMs: number;
  readonly tailChance: number;
  readonly tailMs: number;
  readonly deliver: (packet: Packet) => void;
}

export interface Packet {
  readonly from: number;
  /** Which process of the sender it comes from; a later one has a larger number. */
  readonly boot: number;
  readonly to: number;
  readonly kind: string;
  readonly bytes: Uint8Array;
  readonly sentAtMs: number;
}

/** One direction between two machines. Its chances are its own: what happens on one link does not disturb others. */
interface Link {
  readonly prng: Prng;
  /** By how many faults it is cut. */
  cuts: number;
  extraDelayMs: number;
}

/** How many packets are remembered to be delivered again much later, and how many of them in one burst. */
const STALE_PACKETS_MAX = 400;
const STALE_BURST_MAX = 200;
const REMEMBER_CHANCE = 0.05;
/** Links and the memory for stale packets draw from streams of the seed from here on. */
const LINK_STREAM = 10_000;
const NODES_MAX = 64;

export type Direction = readonly [from: number, to: number];

/** Carries packets between machines: late, twice, in another order, much later once more, or not at all. */
export class SimNetwork {
  readonly #options: NetworkOptions;
  readonly #links = new Map<number, Link>();
  readonly #memory: Prng;
  #stale: Packet[] = [];
  /** Rises when everything is healed: what earlier faults would undo later is undone already. */
  #healings = 0;
  lossChance = 0;
  duplicateChance = 0;
  packets = 0;

  constructor(options: NetworkOptions) {
    this.#options = options;
    this.#memory = new Prng(options.seed, LINK_STREAM - 1);
  }

  #link(from: number, to: number): Link {
    const key = from * NODES_MAX + to;
    let link = this.#links.get(key);
    if (link === undefined) {
      link = { prng: new Prng(this.#options.seed, LINK_STREAM + key), cuts: 0, extraDelayMs: 0 };
      this.#links.set(key, link);
    }
    return link;
  }

  send(packet: Packet): void {
    const link = this.#link(packet.from, packet.to);
    this.packets += 1;
    this.#remember(packet);
    if (link.cuts > 0 || link.prng.chance(this.lossChance)) return;
    this.#schedule(packet, link);
    if (this.duplicateChance > 0 && link.prng.chance(this.duplicateChance)) this.#schedule(packet, link);
  }

  #schedule(packet: Packet, link: Link): void {
    const { hosts, delayMs, tailChance, tailMs, deliver } = this.#options;
    const latencyMs = link.prng.latency(delayMs, tailChance, tailMs) + link.extraDelayMs;
    hosts[packet.to - 1]!.whoeverAfter(latencyMs, () => {
      if (link.cuts === 0) deliver(packet);
    });
  }

  #remember(packet: Packet): void {
    // The real transport lets nothing through twice. Raft has to bear it all the same; founding need not.
    if (packet.kind === 'hello' || !this.#memory.chance(REMEMBER_CHANCE)) return;
    if (this.#stale.length < STALE_PACKETS_MAX) this.#stale.push(packet);
    else this.#stale[this.#memory.below(STALE_PACKETS_MAX)] = packet;
  }

  /** Delivers packets that are older than that, all at once: what a healed route or a stalled socket may bring. */
  replayStale(olderThanMs: number): number {
    const before = this.#options.time.nowMs - olderThanMs;
    const burst = new Set(this.#stale.filter(({ sentAtMs }) => sentAtMs <= before).slice(0, STALE_BURST_MAX));
    this.#stale = this.#stale.filter((packet) => !burst.has(packet));
    for (const packet of burst) this.#schedule(packet, this.#link(packet.from, packet.to));
    return burst.size;
  }

  get hasCuts(): boolean {
    for (const { cuts } of this.#links.values()) if (cuts > 0) return true;
    return false;
  }

  /** Nothing gets through in these directions until the returned function is called, or all is healed. */
  cut(directions: readonly Direction[]): () => void {
    return this.#change(directions, (link, sign) => (link.cuts += sign));
  }

  /** Packets take that much longer in these directions. */
  slow(directions: readonly Direction[], byMs: number): () => void {
    return this.#change(directions, (link, sign) => (link.extraDelayMs += sign * byMs));
  }

  #change(directions: readonly Direction[], change: (link: Link, sign: 1 | -1) => void): () => void {
    const healings = this.#healings;
    const links = directions.map(([from, to]) => this.#link(from, to));
    for (const link of links) change(link, 1);
    let undone = false;
    return () => {
      if (undone || healings !== this.#healings) return;
      undone = true;
      for (const link of links) change(link, -1);
    };
  }

  heal(): void {
    this.#healings += 1;
    for (const link of this.#links.values()) {
      link.cuts = 0;
      link.extraDelayMs = 0;
    }
    this.lossChance = 0;
    this.duplicateChance = 0;
  }
}
