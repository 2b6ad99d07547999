import type { Prng } from './prng.ts';
import type { SimNetwork } from './sim-network.ts';
import type { SimNode } from './sim-node.ts';
import { nameOfNumber } from './sim-transport.ts';
import type { VirtualTime } from './virtual-time.ts';

export interface NemesisEnv {
  readonly time: VirtualTime;
  readonly prng: Prng;
  readonly nodes: readonly SimNode[];
  readonly network: SimNetwork;
  readonly faultEveryMs: number;
  readonly lossChance: number;
  readonly duplicateChance: number;
  readonly trace: (node: number, what: string, a: number, b: number) => void;
}

type Fault = (nemesis: Nemesis) => void;

const HOUR_MS = 3_600_000;

/** Breaks things at random moments, and repairs them in the end. */
export class Nemesis {
  readonly #env: NemesisEnv;
  #active = false;
  faults = 0;

  constructor(env: NemesisEnv) {
    this.#env = env;
  }

  start(): void {
    this.#active = true;
    this.#env.network.lossChance = this.#env.lossChance;
    this.#env.network.duplicateChance = this.#env.duplicateChance;
    this.#strikeLater();
  }

  /** No more faults, and all damage repaired. */
  heal(): void {
    this.#active = false;
    const { network, nodes } = this.#env;
    network.heal();
    network.lossChance = 0;
    network.duplicateChance = 0;
    for (const node of nodes) {
      node.host.resume();
      node.stallDisk(0);
      node.crashAfterMessages(Number.POSITIVE_INFINITY);
      if (!node.host.isUp) node.boot();
    }
  }

  #strikeLater(): void {
    const { time, prng, faultEveryMs } = this.#env;
    time.after(prng.between(0, 2 * faultEveryMs), () => {
      if (!this.#active) return;
      this.faults += 1;
      this.#env.prng.pick(FAULTS)(this);
      this.#strikeLater();
    });
  }

  get #anyNode(): SimNode {
    return this.#env.prng.pick(this.#env.nodes);
  }

  get #leader(): SimNode {
    return this.#env.nodes.find(({ peer }) => peer?.coreView?.role === 'leader') ?? this.#anyNode;
  }

  crash(node: SimNode): void {
    if (!node.host.isUp) return;
    const { prng } = this.#env;
    // In the middle of what it does next, or now.
    if (prng.chance(0.5)) node.crashAfterMessages(1 + prng.below(30));
    else node.crash();
    this.#restartLater(node, prng.pick([20, 200, 2_000]));
  }

  #restartLater(node: SimNode, typicalMs: number): void {
    const { time, prng, nodes } = this.#env;
    time.after(this.#active ? prng.between(0.5, 1.5) * typicalMs : 0, () => {
      if (!node.host.isUp) node.boot();
    });
    // Whoever watched the node may see that it is gone.
    for (const other of nodes) {
      if (other === node || !prng.chance(0.7)) continue;
      time.after(prng.between(25, 80), () => {
        if (!node.host.isUp && other.watched === nameOfNumber(node.number)) this.#hint(other, node.number);
      });
    }
  }

  #hint(observer: SimNode, about: number): void {
    if (observer.host.isUp) observer.host.soon(() => observer.hint(about));
  }

  crashAny(): void {
    this.crash(this.#anyNode);
  }

  crashLeader(): void {
    this.crash(this.#leader);
  }

  powerCut(): void {
    for (const node of this.#env.nodes) {
      if (node.host.isUp) node.crash();
      this.#restartLater(node, 300);
    }
  }

  stopGracefully(): void {
    const node = this.#leader;
    const { peer } = node;
    if (peer === undefined) return;
    peer.stop({ transferLeadership: true }, () => {
      node.host.soon(() => {
        if (node.peer !== peer) return;
        node.crash();
        this.#restartLater(node, 100);
      });
    });
  }

  partition(): void {
    const { prng, network, nodes } = this.#env;
    const groups = nodes.map(() => prng.below(2));
    network.partition(
      (node) => groups[node - 1] ?? 0,
      nodes.map(({ number }) => number),
    );
    this.#healNetworkLater();
  }

  isolateLeader(): void {
    const { network, nodes } = this.#env;
    const { number } = this.#leader;
    network.partition(
      (node) => (node === number ? 1 : 0),
      nodes.map((node) => node.number),
    );
    this.#healNetworkLater();
  }

  cutOneWay(): void {
    const from = this.#anyNode.number;
    const to = this.#anyNode.number;
    if (from !== to) this.#env.network.cutOneWay(from, to);
    this.#healNetworkLater();
  }

  #healNetworkLater(): void {
    const { time, prng, network } = this.#env;
    time.after(prng.pick([100, 700, 3_000]) * prng.between(0.5, 1.5), () => {
      network.heal();
      if (prng.chance(0.3)) network.replayStale();
    });
  }

  replayStale(): void {
    this.#env.network.replayStale();
  }

  pause(): void {
    this.#anyNode.host.pause(this.#env.prng.pick([30, 150, 1_500]) * this.#env.prng.between(0.5, 1.5));
  }

  pauseLeader(): void {
    this.#leader.host.pause(this.#env.prng.pick([30, 150, 1_500]) * this.#env.prng.between(0.5, 1.5));
  }

  stallDisk(): void {
    const node = this.#env.prng.chance(0.5) ? this.#leader : this.#anyNode;
    node.stallDisk(this.#env.prng.pick([50, 500, 4_000]));
  }

  syncState(): void {
    this.#anyNode.syncSomeState();
  }

  jumpClock(): void {
    this.#anyNode.host.jumpWallClock(this.#env.prng.between(-HOUR_MS, HOUR_MS));
  }

  falseHint(): void {
    const about = this.#leader.number;
    for (const node of this.#env.nodes) {
      if (node.number !== about && this.#env.prng.chance(0.6)) this.#hint(node, about);
    }
  }

  transferLeadership(): void {
    this.#leader.peer?.transferLeadership(nameOfNumber(this.#anyNode.number));
  }
}

const FAULTS: readonly Fault[] = [
  (nemesis) => nemesis.crashAny(),
  (nemesis) => nemesis.crashAny(),
  (nemesis) => nemesis.crashLeader(),
  (nemesis) => nemesis.powerCut(),
  (nemesis) => nemesis.stopGracefully(),
  (nemesis) => nemesis.partition(),
  (nemesis) => nemesis.isolateLeader(),
  (nemesis) => nemesis.cutOneWay(),
  (nemesis) => nemesis.replayStale(),
  (nemesis) => nemesis.pause(),
  (nemesis) => nemesis.pauseLeader(),
  (nemesis) => nemesis.stallDisk(),
  (nemesis) => nemesis.syncState(),
  (nemesis) => nemesis.jumpClock(),
  (nemesis) => nemesis.falseHint(),
  (nemesis) => nemesis.transferLeadership(),
];
