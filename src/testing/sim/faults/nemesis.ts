import type { LogIndex } from '../../../consensus/types.ts';
import { isJoint } from '../../../consensus/quorum/joint.ts';
import type { Coverage } from '../coverage.ts';
import type { SimCluster } from '../sim-cluster.ts';
import { nameOfNumber } from '../sim-host.ts';
import type { Direction } from '../sim-network.ts';
import type { DiskCopy, DiskDamage } from '../node-disks.ts';
import type { SimNode } from '../sim-node.ts';
import type { Operator } from './operator.ts';
import type { Fault, FaultAction, FaultKind, LastingFault, Occasion, Target } from './fault.ts';

export interface NemesisEnv {
  readonly cluster: SimCluster;
  readonly operator: Operator;
  readonly faults: readonly Fault[];
  readonly coverage: Coverage;
  readonly burst: (commands: number) => void;
}

type Of<K extends FaultKind> = Extract<FaultAction, { kind: K }>;
/** Returns false when there was nothing to do it to. */
type Strikes = { readonly [K in FaultKind]: (fault: Of<K>) => boolean };

interface Ambush extends Of<'ambush'> {
  /** Elections of this term and earlier ones do not count. */
  readonly term: number;
}

interface Restart {
  readonly on: Target;
  readonly downMs: number;
  readonly apartMs: number;
}

/** How long whoever supervises the processes waits after one has ended by itself. */
const RESTART_MS = 400;
/** Between two machines that notice the same death. */
const NOTICE_SPREAD_MS = 7;
const NEVER_MS = 3_600_000;

/** Breaks what the world's list of faults says, when it says so, and repairs everything in the end. */
export class Nemesis {
  readonly #env: NemesisEnv;
  #active = false;
  #ambushes: Ambush[] = [];
  struck = 0;

  constructor(env: NemesisEnv) {
    this.#env = env;
  }

  start(): void {
    this.#active = true;
    const { time } = this.#env.cluster;
    for (const fault of this.#env.faults) {
      time.at(fault.atMs, () => {
        if (this.#active) this.#strike(fault);
      });
    }
  }

  #strike(fault: FaultAction): void {
    const strike = this.#strikes[fault.kind] as (fault: FaultAction) => boolean;
    if (!strike(fault)) return;
    this.struck += 1;
    this.#env.coverage.note(`fault: ${fault.kind}`);
  }

  /** No more faults, and all damage repaired. */
  heal(): void {
    this.#active = false;
    this.#ambushes = [];
    const { network, nodes } = this.#env.cluster;
    network.heal();
    for (const node of nodes) {
      node.host.resume();
      node.disk.heal();
      node.doNotCrash();
      node.host.setClockRate(1);
      if (!node.host.isUp) node.boot();
    }
  }

  /** To be called after everything that a node does. */
  watch(node: SimNode): void {
    if (this.#ambushes.length === 0) return;
    const ambush = this.#ambushes.find(({ at, term }) => HAPPENS[at](node, term));
    if (ambush === undefined) return;
    this.#ambushes = this.#ambushes.filter((other) => other !== ambush);
    node.crashAfterSteps(ambush.afterSteps, () => this.#restartAfter(node, ambush.downMs));
    this.#env.coverage.note(`ambush: ${ambush.at}`);
  }

  /** A process has ended by itself. */
  restart(node: SimNode): void {
    this.#restartAfter(node, RESTART_MS);
  }

  /** From now on a minority has something that does not pass. Returns those whom it hits. */
  last({ kind, hitsLeader }: LastingFault): readonly SimNode[] {
    const { cluster } = this.#env;
    const victims = cluster.spareable(hitsLeader);
    for (const node of victims) {
      const { host, number } = node;
      const others = cluster.nodes.filter((other) => other !== node).map((other) => other.number);
      const deaf = others.map((other): Direction => [other, number]);
      const mute = others.map((other): Direction => [number, other]);
      if (kind === 'crashed') node.crash();
      else if (kind === 'paused') host.pause(NEVER_MS);
      else if (kind === 'disk-stuck') node.disk.stall(NEVER_MS);
      if (kind === 'deaf' || kind === 'isolated') cluster.network.cut(deaf);
      if (kind === 'mute' || kind === 'isolated') cluster.network.cut(mute);
    }
    return victims;
  }

  // ---------------------------------------------------------------- helpers

  #find(target: Target): SimNode {
    const { cluster } = this.#env;
    return target === 'leader' ? (cluster.leader ?? cluster.nodes[0]!) : cluster.node(target);
  }

  #running(target: Target): SimNode | undefined {
    const node = this.#find(target);
    return node.host.isUp ? node : undefined;
  }

  #after(delayMs: number, action: () => void): void {
    this.#env.cluster.time.after(delayMs, () => {
      if (this.#active) action();
    });
  }

  #restartAfter(node: SimNode, downMs: number): void {
    this.#env.cluster.time.after(downMs, () => {
      if (!node.host.isUp) node.boot();
    });
  }

  #cut(directions: readonly Direction[], forMs: number, staleAfter = false): void {
    const restore = this.#env.cluster.network.cut(directions);
    this.#after(forMs, () => {
      restore();
      if (staleAfter) this.#replayStale(0);
    });
  }

  #replayStale(olderThanMs: number): boolean {
    const delivered = this.#env.cluster.network.replayStale(olderThanMs) > 0;
    if (delivered) this.#env.coverage.note('stale packets delivered');
    return delivered;
  }

  /** Both directions between each of `side` and each of the others. */
  #between(side: readonly number[], others = this.#others(side)): Direction[] {
    return side.flatMap((a) =>
      others.flatMap((b): Direction[] => [
        [a, b],
        [b, a],
      ]),
    );
  }

  #others(side: readonly number[]): number[] {
    return this.#env.cluster.nodes.map(({ number }) => number).filter((number) => !side.includes(number));
  }

  /** Whoever watched the node may see that it is gone. */
  #notice(gone: SimNode, afterMs: number): void {
    let delayMs = afterMs;
    for (const other of this.#env.cluster.nodes) {
      if (other === gone) continue;
      this.#after(delayMs, () => {
        if (!gone.host.isUp && other.watched === gone.name) this.#hint(other, gone);
      });
      delayMs += NOTICE_SPREAD_MS;
    }
  }

  #hint(observer: SimNode, about: SimNode): void {
    if (observer.host.isUp) observer.host.soon(() => observer.hint(about.host));
  }

  /** A machine restarts with damage on its disk, if the cluster can bear that. */
  #harm({ on, downMs, apartMs }: Restart, damage: DiskDamage): boolean {
    const node = this.#find(on);
    if (node.condition !== 'member' || !this.#env.cluster.mayLose(node)) return false;
    if (node.host.isUp) node.crash();
    const isHarmed = node.disks.harm(damage);
    this.#restartAfter(node, downMs);
    this.#cut(this.#between([node.number]), downMs + apartMs);
    return isHarmed;
  }

  /** Every entry that rots on one machine is whole on another one. */
  #rotEverywhere(places: readonly number[], downMs: number): boolean {
    const { cluster } = this.#env;
    if (!cluster.isWhole || cluster.nodes.some(({ disks }) => !disks.outlivesItsLog)) return false;
    const rotten = new Set<LogIndex>();
    for (const node of cluster.nodes) if (node.host.isUp) node.crash();
    for (const [at, node] of cluster.nodes.entries()) {
      const isElsewhere = (index: LogIndex): boolean =>
        cluster.nodes.some((other) => other !== node && other.durable.hash(index) === node.durable.hash(index));
      const index = node.disks.rotLog(places[at]!, (entry) => rotten.has(entry) || !isElsewhere(entry));
      if (index !== undefined) rotten.add(index);
      this.#restartAfter(node, downMs);
    }
    return rotten.size > 0;
  }

  /** Only where every other machine knows of a later start: otherwise nobody could tell. */
  #putBack(node: SimNode, copy: DiskCopy): void {
    const { cluster, coverage } = this.#env;
    const { peerId } = node;
    if (peerId === undefined || peerId !== copy.identity.manifest?.peerId || !cluster.isWhole) return;
    const others = cluster.nodes.filter((other) => other !== node);
    if (!cluster.mayLose(node) || others.some((other) => other.disks.lastStartSeen(peerId) <= copy.lastStart)) return;
    if (node.host.isUp) node.crash();
    node.disks.putBack(copy);
    this.#restartAfter(node, RESTART_MS);
    coverage.note('old copy of a disk put back');
  }

  // ---------------------------------------------------------------- what each fault does

  readonly #strikes: Strikes = {
    crash: ({ on, afterSteps, downMs, noticeMs }) => {
      const node = this.#running(on);
      if (node === undefined) return false;
      const afterwards = (): void => {
        this.#restartAfter(node, downMs);
        if (noticeMs > 0) this.#notice(node, noticeMs);
      };
      if (afterSteps > 0) {
        node.crashAfterSteps(afterSteps, afterwards);
      } else {
        node.crash();
        afterwards();
      }
      return true;
    },
    ambush: (ambush) => {
      this.#ambushes.push({ ...ambush, term: this.#env.cluster.leader?.peer?.coreView?.term ?? 0 });
      return true;
    },
    'power-cut': ({ downMs, spreadMs }) => {
      let delayMs = downMs;
      for (const node of this.#env.cluster.nodes) {
        if (node.host.isUp) node.crash();
        this.#restartAfter(node, delayMs);
        delayMs += spreadMs;
      }
      return true;
    },
    stop: ({ on, downMs }) => {
      const node = this.#running(on);
      const peer = node?.peer;
      if (node === undefined || peer === undefined) return false;
      node.host.soon(() => {
        peer.stop({ transferLeadership: true }, () => {
          node.host.soon(() => {
            if (node.peer !== peer) return;
            node.crash();
            this.#restartAfter(node, downMs);
          });
        });
      });
      return true;
    },
    pause: ({ on, forMs }) => {
      const node = this.#running(on);
      node?.host.pause(forMs);
      return node !== undefined;
    },
    partition: ({ side, forMs, staleAfter }) => {
      const directions = this.#between(side);
      this.#cut(directions, forMs, staleAfter);
      return directions.length > 0;
    },
    isolate: ({ on, forMs, staleAfter }) => {
      this.#cut(this.#between([this.#find(on).number]), forMs, staleAfter);
      return true;
    },
    'cut-one-way': ({ from, to, forMs }) => {
      const { number } = this.#find(from);
      if (number !== to) this.#cut([[number, to]], forMs);
      return number !== to;
    },
    bridge: ({ side, middle, forMs }) => {
      const left = side.filter((number) => number !== middle);
      const right = this.#others(side).filter((number) => number !== middle);
      this.#cut(this.#between(left, right), forMs);
      return left.length > 0 && right.length > 0;
    },
    swizzle: ({ cutOrder, healOrder, stepMs }) => {
      const restore = new Map<number, () => void>();
      cutOrder.forEach((number, at) => {
        this.#after(at * stepMs, () => restore.set(number, this.#env.cluster.network.cut(this.#between([number]))));
      });
      healOrder.forEach((number, at) => {
        this.#after((cutOrder.length + at) * stepMs, () => restore.get(number)?.());
      });
      return true;
    },
    flap: ({ on, times, everyMs }) => {
      const directions = this.#between([this.#find(on).number]);
      for (let time = 0; time < times; time += 1) this.#after(time * everyMs, () => this.#cut(directions, everyMs / 2));
      return true;
    },
    'slow-links': ({ on, byMs, forMs }) => {
      const restore = this.#env.cluster.network.slow(this.#between([this.#find(on).number]), byMs);
      this.#after(forMs, restore);
      return true;
    },
    loss: ({ chance, forMs }) => {
      const { network } = this.#env.cluster;
      const before = network.lossChance;
      network.lossChance = chance;
      this.#after(forMs, () => (network.lossChance = before));
      return true;
    },
    duplicates: ({ chance, forMs }) => {
      const { network } = this.#env.cluster;
      const before = network.duplicateChance;
      network.duplicateChance = chance;
      this.#after(forMs, () => (network.duplicateChance = before));
      return true;
    },
    'stale-burst': ({ olderThanMs }) => this.#replayStale(olderThanMs),
    'stall-disk': ({ on, forMs }) => {
      this.#find(on).disk.stall(forMs);
      return true;
    },
    'slow-disk': ({ on, factor, forMs }) => {
      const { disk } = this.#find(on);
      disk.slowDown(factor);
      this.#after(forMs, () => disk.slowDown(1));
      return true;
    },
    'fail-write': ({ on }) => {
      const node = this.#running(on);
      node?.disk.failNextWrite();
      return node !== undefined;
    },
    'fill-disk': ({ on, forMs }) => {
      const { disk } = this.#find(on);
      disk.isFull = true;
      this.#after(forMs, () => (disk.isFull = false));
      return true;
    },
    'write-back': ({ on }) => {
      this.#find(on).syncSomeState();
      return true;
    },
    'flip-bit': ({ where, place, ...fault }) => this.#harm(fault, { where, place }),
    'lose-tail': ({ share, ...fault }) => this.#harm(fault, { where: 'log-tail', place: share }),
    'rot-everywhere': ({ places, downMs }) => this.#rotEverywhere(places, downMs),
    'restore-copy': ({ on, downMs, afterMs }) => {
      const node = this.#running(on);
      if (node === undefined || !this.#env.cluster.isWhole) return false;
      const copy = node.disks.copy();
      node.crash();
      this.#restartAfter(node, downMs);
      this.#after(afterMs, () => this.#putBack(node, copy));
      return true;
    },
    'spoil-snapshot': ({ on, place }) => {
      const node = this.#running(on);
      node?.state?.spoilNextSnapshot(place);
      return node?.state !== undefined;
    },
    'wipe-disk': ({ on, downMs }) => {
      const node = this.#find(on);
      if (node.condition !== 'member' || !this.#env.cluster.mayLose(node)) return false;
      if (node.host.isUp) node.crash();
      node.wipe();
      this.#restartAfter(node, downMs);
      return true;
    },
    'jump-clock': ({ on, byMs }) => {
      this.#find(on).host.jumpWallClock(byMs);
      return true;
    },
    drift: ({ on, rate }) => {
      this.#find(on).host.setClockRate(rate);
      return true;
    },
    'false-hint': ({ by }) => {
      const { leader } = this.#env.cluster;
      if (leader === undefined) return false;
      for (const number of by) {
        if (number !== leader.number) this.#hint(this.#env.cluster.node(number), leader);
      }
      return by.length > 0;
    },
    transfer: ({ to }) => {
      const { leader } = this.#env.cluster;
      leader?.host.soon(() => leader.peer?.transferLeadership(nameOfNumber(to)));
      return leader !== undefined && leader.number !== to;
    },
    member: ({ verb, node }) => this.#env.operator.change(verb, this.#env.cluster.node(node)),
    reconfigure: ({ moves, transition }) => this.#env.operator.reconfigure(moves, transition),
    'leave-joint': () => this.#env.operator.leaveJoint(),
    burst: ({ commands }) => {
      this.#env.burst(commands);
      return true;
    },
  };
}

const HAPPENS: Readonly<Record<Occasion, (node: SimNode, term: number) => boolean>> = {
  'installing a snapshot': (node) => node.installing,
  elected: (node, term) => node.leads && node.peer!.coreView!.term > term,
  'leading a joint configuration': (node) => node.leads && isJoint(node.confState),
};
