import { isConfChangeEntry } from '../../consensus/membership/conf-change-codec.ts';
import { plus, type LogIndex } from '../../consensus/types.ts';
import { SafetyChecker } from './checks/safety-checker.ts';
import { Coverage } from './coverage.ts';
import { FastHash } from './fast-hash.ts';
import { Nemesis } from './faults/nemesis.ts';
import { Operator } from './faults/operator.ts';
import { ChatLoad } from './load/chat-load.ts';
import { ListLoad } from './load/list-load.ts';
import type { Load } from './load/load.ts';
import { Prng } from './prng.ts';
import { Sightings } from './sightings.ts';
import { SimCluster } from './sim-cluster.ts';
import { SimHost } from './sim-host.ts';
import { SimNetwork } from './sim-network.ts';
import { SimNode, type Witness } from './sim-node.ts';
import { VirtualTime } from './virtual-time.ts';
import { insist, Violation } from './violation.ts';
import { STREAM, type World } from './world.ts';

export interface SimulationStats {
  readonly machine: string;
  readonly nodes: number;
  readonly events: number;
  readonly packets: number;
  readonly faults: number;
  readonly terms: number;
  readonly committed: number;
  readonly attempts: number;
  readonly acked: number;
  readonly reads: number;
  readonly snapshots: number;
  readonly simulatedMs: number;
}

export interface SimulationResult {
  readonly seed: number;
  readonly violation: Violation | undefined;
  /** Hash over everything that happened: equal for equal worlds. */
  readonly traceHash: string;
  readonly stats: SimulationStats;
  readonly coverage: Readonly<Record<string, number>>;
}

export type TraceSink = (line: string) => void;

const CHECK_EVERY_MS = 50;
/** With a minority out of order for good, the others have so long to acknowledge everything. */
const PROGRESS_MS_MAX = 30_000;
/** After all faults are repaired, the cluster has so long to acknowledge everything and become equal. */
const CONVERGENCE_MS_MAX = 30_000;
/** A simulated second of a busy cluster has a few thousand. */
const EVENTS_PER_SECOND_MAX = 500_000;
/** Whoever reacts to what came of its own reaction, without any delay, never ends. */
const EVENTS_AT_ONCE_MAX = 1_000_000;
const TAIL_CHANCE = 0.02;
const TAIL_MS = 40;

/** One simulated world from its founding to the moment when all is repaired and equal, or a promise is broken. */
export class Simulation {
  readonly #world: World;
  readonly #sink: TraceSink | undefined;
  readonly #time = new VirtualTime();
  readonly #trace = new FastHash();
  readonly #coverage = new Coverage();
  readonly #cluster: SimCluster;
  readonly #checker: SafetyChecker;
  readonly #sightings: Sightings;
  readonly #load: Load;
  readonly #operator: Operator;
  readonly #nemesis: Nemesis;
  /** Short names of what is traced. */
  readonly #codes = new Map<string, number>();
  #violation: Violation | undefined;
  #promisesWait = false;
  #events = 0;
  /** How many of them came at the present moment. */
  #eventsNow = 0;
  /** How many there were when the present second began. */
  #eventsBefore = 0;

  constructor(world: World, sink?: TraceSink) {
    this.#world = world;
    this.#sink = sink;
    this.#cluster = this.#buildCluster();
    const cluster = this.#cluster;
    this.#checker = new SafetyChecker({
      checksDurability: world.checksDurability,
      nodeOfPeer: (peer) => cluster.nodeOfPeer(peer),
    });
    this.#sightings = new Sightings(this.#coverage, cluster.network);
    this.#load = this.#buildLoad();
    this.#operator = new Operator({ cluster, coverage: this.#coverage });
    this.#nemesis = new Nemesis({
      cluster,
      operator: this.#operator,
      faults: world.faults,
      coverage: this.#coverage,
      burst: (commands) => this.#load.burst(commands),
    });
  }

  // ---------------------------------------------------------------- building

  #buildCluster(): SimCluster {
    const { seed, traits } = this.#world;
    const time = this.#time;
    const numbers = Array.from({ length: traits.voters + traits.spares }, (_, at) => at + 1);
    const nodes: SimNode[] = [];
    const hosts = numbers.map((number) => this.#buildHost(number, nodes));
    const network = new SimNetwork({
      time,
      seed,
      hosts,
      delayMs: traits.delayMs,
      tailChance: TAIL_CHANCE,
      tailMs: TAIL_MS,
      deliver: (packet) => nodes[packet.to - 1]!.receive(packet),
    });
    network.lossChance = traits.lossChance;
    network.duplicateChance = traits.duplicateChance;
    for (const host of hosts) nodes.push(this.#buildNode(host, network, { numbers, nodes }));
    return new SimCluster({ time, network, nodes });
  }

  /** The machine of the node that will stand at the same place among `nodes`. */
  #buildHost(number: number, nodes: readonly SimNode[]): SimHost {
    const { traits } = this.#world;
    const at = number - 1;
    return new SimHost({
      number,
      time: this.#time,
      clockRate: traits.clockRates[at]!,
      wallOffsetMs: traits.wallOffsetsMs[at]!,
      afterStep: () => {
        nodes[at]!.look();
        this.#nemesis.watch(nodes[at]!);
      },
      onUncaught: (error) => nodes[at]!.uncaught(error),
    });
  }

  #buildNode(
    host: SimHost,
    network: SimNetwork,
    { numbers, nodes }: { readonly numbers: readonly number[]; readonly nodes: readonly SimNode[] },
  ): SimNode {
    const { seed, traits } = this.#world;
    const at = host.number - 1;
    return new SimNode({
      time: this.#time,
      host,
      network,
      hosts: numbers,
      traits,
      founders: numbers.slice(0, traits.voters),
      application: { start: (cluster) => this.#load.application.start(cluster) },
      prng: {
        core: new Prng(seed, STREAM.nodes + at),
        disk: new Prng(seed, STREAM.disks + at),
        state: new Prng(seed, STREAM.states + at),
      },
      witness: this.#witness,
      fail: (violation) => (this.#violation ??= violation),
      settlePromises: () => (this.#promisesWait = true),
      onEnded: () => this.#nemesis.restart(nodes[at]!),
    });
  }

  #buildLoad(): Load {
    const { seed, traits } = this.#world;
    const env = {
      time: this.#time,
      prng: new Prng(seed, STREAM.load),
      nodes: this.#cluster.nodes,
      coverage: this.#coverage,
      trace: (what: string, a: number, b: number): void => this.#note(0, what, a, b),
      settlePromises: (): void => void (this.#promisesWait = true),
    };
    return traits.machine === 'chat' ? new ChatLoad(env, traits) : new ListLoad(env, traits);
  }

  // ---------------------------------------------------------------- watching

  #note(node: number, what: string, a: number, b: number): void {
    let code = this.#codes.get(what);
    if (code === undefined) this.#codes.set(what, (code = this.#codes.size + 1));
    this.#trace
      .number(node * 1_024 + code)
      .number(this.#time.nowMs * 1_024)
      .number(a)
      .number(b);
    this.#sink?.(`${this.#time.nowMs.toFixed(3)} n${node} ${what} ${a} ${b}`);
  }

  readonly #witness: Witness = {
    booted: (node) => {
      this.#checker.booted(node);
      this.#sightings.booted(node);
    },
    accepting: (node, write) => this.#sightings.accepting(node, write),
    accepted: (node, write) => this.#checker.accepted(node, write),
    durable: (node, change) => this.#checker.durable(node, change),
    sending: (node, message) => {
      this.#checker.sending(node, message);
      this.#sightings.sending(node, message);
    },
    received: (node, message) => {
      this.#note(node.number, message.type, message.term, message.index);
      this.#checker.received(node, message);
    },
    viewed: (node, view) => {
      this.#checker.viewed(node, view);
      this.#sightings.viewed(node, view);
    },
    applied: (node, position, image) => {
      this.#note(node.number, 'applied', position.index, image.hash);
      this.#checker.applied(node, position, image);
      if (position.confState !== undefined) this.#sightings.membershipChanged(node);
    },
    installed: (node, image) => {
      this.#checker.installed(node, image);
      this.#sightings.installed(node, image);
    },
    snapshotSpoiled: (index) => this.#checker.snapshotSpoiled(index),
    snapshotRefused: (node, index) => {
      this.#note(node.number, 'refused-snapshot', 0, 0);
      this.#coverage.note('damaged snapshot refused');
      this.#checker.snapshotRefused(node, index);
    },
    raftEvent: (node, event) => this.#sightings.raftEvent(node, event),
    note: (node, what, a = 0, b = 0) => {
      this.#note(node.number, what, a, b);
      this.#sightings.note(node, what);
    },
  };

  // ---------------------------------------------------------------- running

  async run(): Promise<SimulationResult> {
    try {
      for (const node of this.#cluster.nodes) node.boot();
      this.#load.start();
      this.#operator.start();
      this.#nemesis.start();
      await this.#runUntil(this.#world.seconds * 1_000);
      this.#load.stop();
      this.#nemesis.heal();
      this.#operator.tidies = true;
      await this.#progress();
      this.#nemesis.heal();
      await this.#converge();
    } catch (error) {
      if (!(error instanceof Violation)) throw error;
      this.#violation ??= error;
    }
    return {
      seed: this.#world.seed,
      violation: this.#violation,
      traceHash: this.#trace.value().toString(16).padStart(13, '0'),
      stats: this.#stats(),
      coverage: this.#coverage.counts,
    };
  }

  async #runUntil(untilMs: number): Promise<void> {
    for (let beforeMs = this.#time.nowMs; this.#time.step(untilMs); beforeMs = this.#time.nowMs) {
      this.#events += 1;
      this.#eventsNow = this.#time.nowMs > beforeMs ? 0 : this.#eventsNow + 1;
      insist(this.#eventsNow < EVENTS_AT_ONCE_MAX, 'time-stands-still', () => this.#describe());
      if (Math.floor(beforeMs / 1_000) < Math.floor(this.#time.nowMs / 1_000)) this.#eventsBefore = this.#events;
      insist(this.#events - this.#eventsBefore < EVENTS_PER_SECOND_MAX, 'storm', () => this.#describe());
      if (this.#promisesWait) {
        this.#promisesWait = false;
        await allPromises();
      }
      if (this.#violation !== undefined) throw this.#violation;
    }
  }

  async #waitUntil(isDone: () => boolean, msMax: number, rule: string): Promise<void> {
    const endMs = this.#time.nowMs + msMax;
    while (!isDone()) {
      insist(this.#time.nowMs < endMs, rule, () => this.#describe());
      const nextMs = this.#time.nowMs + CHECK_EVERY_MS;
      this.#time.at(nextMs, () => {});
      await this.#runUntil(nextMs);
    }
  }

  /** Liveness does not wait for everybody: with a minority out of order, the others go on. */
  async #progress(): Promise<void> {
    const { lastingFault } = this.#world.traits;
    if (lastingFault === null) return;
    // It begins with a cluster that works, and no member without its data.
    await this.#waitUntil(() => this.#isServing(), CONVERGENCE_MS_MAX, 'liveness');
    const victims = this.#nemesis.last(lastingFault);
    if (victims.length === 0) return;
    this.#load.burst(PROGRESS_COMMANDS);
    await this.#waitUntil(
      () => this.#load.pending === 0,
      PROGRESS_MS_MAX,
      `progress with a minority ${lastingFault.kind}`,
    );
    this.#coverage.note(`progress with a minority ${lastingFault.kind}`);
  }

  /** Somebody leads, all members have their data, and all know of the same membership, which is not about to change. */
  #isServing(): boolean {
    const { leader, members } = this.#cluster;
    if (leader === undefined || leader.confState.votersOutgoing.length > 0 || isChanging(leader)) return false;
    const text = JSON.stringify(leader.confState);
    return members.every((peer) => {
      const node = this.#cluster.nodeOfPeer(peer);
      return node !== undefined && node.isSound && JSON.stringify(node.confState) === text;
    });
  }

  async #converge(): Promise<void> {
    await this.#waitUntil(() => this.#hasConverged(), CONVERGENCE_MS_MAX, 'liveness');
    for (const node of this.#members()) this.#load.checkFinal(node);
  }

  #members(): readonly SimNode[] {
    return this.#cluster.members.flatMap((peer) => this.#cluster.nodeOfPeer(peer) ?? []);
  }

  #hasConverged(): boolean {
    if (this.#load.pending > 0 || !this.#isServing()) return false;
    const { leader } = this.#cluster;
    const state = leader?.state;
    if (leader === undefined || state === undefined) return false;
    return this.#members().every(
      (node) =>
        node.peer?.view().leader === leader.name &&
        node.state?.appliedIndex === node.log.lastIndex &&
        node.state.appliedIndex === state.appliedIndex &&
        node.state.hash().hash === state.hash().hash,
    );
  }

  /** For whoever wants to know why nothing moves. */
  #describe(): string {
    const nodes = this.#cluster.nodes.map(({ name, peerId, condition, host, peer, state, log, confState }) => {
      const view = peer?.coreView;
      return [
        `${name} (peer ${peerId}, ${condition}${host.isUp ? '' : ', down'}): ${view?.role} of term ${view?.term}`,
        `follows ${view?.leader}`,
        `log ${log.firstIndex}..${log.lastIndex}`,
        `commit ${view?.commit}`,
        `applied ${state?.appliedIndex}`,
        `members ${JSON.stringify(confState)}`,
        JSON.stringify(view === undefined ? undefined : peer?.explain()),
      ].join(', ');
    });
    return `${this.#load.pending} commands without answer\n  ${nodes.join('\n  ')}`;
  }

  #stats(): SimulationStats {
    const { machine } = this.#world.traits;
    return {
      machine,
      nodes: this.#cluster.nodes.length,
      events: this.#events,
      packets: this.#cluster.network.packets,
      faults: this.#nemesis.struck,
      terms: this.#checker.elections.terms,
      committed: this.#checker.committedIndex,
      attempts: this.#load.attempts,
      acked: this.#load.acked,
      reads: this.#load.reads,
      snapshots: this.#sightings.snapshots,
      simulatedMs: Math.round(this.#time.nowMs),
    };
  }
}

const PROGRESS_COMMANDS = 20;

/** A change of the membership stands in its log that it has not applied. */
function isChanging({ log, appliedIndex }: SimNode): boolean {
  const from = Math.max(plus(appliedIndex, 1), log.firstIndex) as LogIndex;
  const entries = log.entries(from, log.afterLast, Number.POSITIVE_INFINITY);
  return typeof entries !== 'string' && entries.some(isConfChangeEntry);
}

/**
 * All reactions to promises that are resolved, and to those that these resolve: ticks come when none is left. A turn of
 * the event loop would do as well, but takes as long as many simulated events.
 */
const allPromises = (): Promise<void> =>
  new Promise((resolve) => {
    queueMicrotask(() => process.nextTick(resolve));
  });
