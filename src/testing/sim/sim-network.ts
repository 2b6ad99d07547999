import type { Prng } from './prng.ts';
import type { VirtualTime } from './virtual-time.ts';

export interface NetworkOptions {
  readonly time: VirtualTime;
  readonly prng: Prng;
  /** A typical delay of a packet; some take up to the tail. */
  readonly delayMs: number;
  readonly tailChance: number;
  readonly tailMs: number;
}

export interface Packet {
  readonly from: number;
  readonly to: number;
  readonly kind: string;
  readonly bytes: Uint8Array;
}

/** How many packets are remembered to be delivered again much later. */
const STALE_PACKETS_MAX = 200;

/** Carries packets between nodes: late, twice, in another order, or not at all. */
export class SimNetwork {
  readonly #options: NetworkOptions;
  readonly #deliver: (packet: Packet) => void;
  readonly #cut = new Set<number>();
  #stale: Packet[] = [];
  lossChance = 0;
  duplicateChance = 0;
  packets = 0;

  constructor(options: NetworkOptions, deliver: (packet: Packet) => void) {
    this.#options = options;
    this.#deliver = deliver;
  }

  send(packet: Packet): void {
    const { prng } = this.#options;
    this.packets += 1;
    this.#remember(packet);
    if (this.isCut(packet.from, packet.to) || prng.chance(this.lossChance)) return;
    this.#schedule(packet);
    if (prng.chance(this.duplicateChance)) this.#schedule(packet);
  }

  #schedule(packet: Packet): void {
    const { time, prng, delayMs, tailChance, tailMs } = this.#options;
    time.after(prng.latency(delayMs, tailChance, tailMs), () => {
      if (!this.isCut(packet.from, packet.to)) this.#deliver(packet);
    });
  }

  #remember(packet: Packet): void {
    const { prng } = this.#options;
    if (!prng.chance(0.05)) return;
    if (this.#stale.length < STALE_PACKETS_MAX) this.#stale.push(packet);
    else this.#stale[prng.below(STALE_PACKETS_MAX)] = packet;
  }

  /** Delivers packets of long ago, all at once: what a healed route or a stalled socket may bring. */
  replayStale(): void {
    const burst = this.#stale;
    this.#stale = [];
    for (const packet of burst) this.#schedule(packet);
  }

  isCut(from: number, to: number): boolean {
    return this.#cut.size > 0 && this.#cut.has(from * 64 + to);
  }

  cutOneWay(from: number, to: number): void {
    this.#cut.add(from * 64 + to);
  }

  /** Nodes of different groups cannot reach each other. */
  partition(groupOf: (node: number) => number, nodes: readonly number[]): void {
    for (const from of nodes) {
      for (const to of nodes) if (groupOf(from) !== groupOf(to)) this.cutOneWay(from, to);
    }
  }

  heal(): void {
    this.#cut.clear();
  }
}
