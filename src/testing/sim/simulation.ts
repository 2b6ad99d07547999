import { SafetyChecker } from './checkers.ts';
import { FastHash } from './fast-hash.ts';
import { Nemesis } from './nemesis.ts';
import { drawTraits, type SimulationOptions } from './options.ts';
import { Prng } from './prng.ts';
import { SimHost } from './sim-host.ts';
import { SimNetwork } from './sim-network.ts';
import { SimNode } from './sim-node.ts';
import { VirtualTime } from './virtual-time.ts';
import { insist, Violation } from './violation.ts';
import { Workload } from './workload.ts';

export interface SimulationStats {
  readonly nodes: number;
  readonly events: number;
  readonly packets: number;
  readonly faults: number;
  readonly terms: number;
  readonly committed: number;
  readonly invoked: number;
  readonly acked: number;
  readonly attempts: number;
  readonly reads: number;
  readonly snapshots: number;
  readonly simulatedMs: number;
}

export interface SimulationResult {
  readonly seed: number;
  readonly violation: Violation | undefined;
  /** Hash over everything that happened: equal for equal seeds. */
  readonly traceHash: string;
  readonly stats: SimulationStats;
}

export type TraceSink = (line: string) => void;

const CONVERGENCE_CHECK_MS = 50;
/** After all faults are repaired, the cluster has so long to acknowledge everything and become equal. */
const CONVERGENCE_MS_MAX = 30_000;

/** Streams of chance: what one part draws must not depend on another part. */
const STREAM = { traits: 1, network: 2, nodes: 3, hosts: 4, workload: 5, nemesis: 6 } as const;

/** One simulated world from its founding to the moment when all is repaired and equal, or a promise is broken. */
export class Simulation {
  readonly #options: SimulationOptions;
  readonly #sink: TraceSink | undefined;
  readonly #time = new VirtualTime();
  readonly #trace = new FastHash();
  readonly #checker: SafetyChecker;
  readonly #nodes: SimNode[];
  readonly #network: SimNetwork;
  readonly #workload: Workload;
  readonly #nemesis: Nemesis;
  #violation: Violation | undefined;
  #promisesWait = false;
  #events = 0;
  #snapshots = 0;

  constructor(options: SimulationOptions, sink?: TraceSink) {
    this.#options = options;
    this.#sink = sink;
    const { seed, mutant, checksDurability, proposalsPerSecond } = options;
    const traits = drawTraits(new Prng(seed, STREAM.traits));
    const time = this.#time;
    const trace = this.#note;
    this.#checker = new SafetyChecker({ checksDurability });
    this.#network = new SimNetwork(
      { time, prng: new Prng(seed, STREAM.network), delayMs: traits.delayMs, tailChance: 0.02, tailMs: 40 },
      (packet) => this.#nodes[packet.to - 1]?.host.soon(() => this.#nodes[packet.to - 1]!.receive(packet)),
    );
    const numbers = Array.from({ length: traits.nodes }, (_, i) => i + 1);
    const hostPrng = new Prng(seed, STREAM.hosts);
    const nodePrng = new Prng(seed, STREAM.nodes);
    this.#nodes = numbers.map((number) => {
      const afterStep = (): void => this.#nodes[number - 1]!.look();
      return new SimNode({
        time,
        prng: nodePrng,
        host: new SimHost(number, { time, prng: hostPrng, afterStep }),
        network: this.#network,
        nodes: numbers,
        traits,
        mutant,
        checker: this.#checker,
        trace,
        fail: (violation) => (this.#violation ??= violation),
        settlePromises: () => (this.#promisesWait = true),
      });
    });
    const nodes = this.#nodes;
    this.#workload = new Workload({ time, prng: new Prng(seed, STREAM.workload), nodes, proposalsPerSecond, trace });
    this.#nemesis = new Nemesis({
      time,
      prng: new Prng(seed, STREAM.nemesis),
      nodes,
      network: this.#network,
      faultEveryMs: traits.faultEveryMs,
      lossChance: traits.lossChance,
      duplicateChance: traits.duplicateChance,
      trace,
    });
  }

  readonly #note = (node: number, what: string, a: number, b: number): void => {
    this.#trace.number(node).number(this.#time.nowMs).text(what).number(a).number(b);
    if (what === 'installed') this.#snapshots += 1;
    this.#sink?.(`${this.#time.nowMs.toFixed(3)} n${node} ${what} ${a} ${b}`);
  };

  async run(): Promise<SimulationResult> {
    try {
      for (const node of this.#nodes) node.boot();
      this.#workload.start();
      this.#nemesis.start();
      await this.#runUntil(this.#options.seconds * 1_000);
      this.#nemesis.heal();
      this.#workload.stop();
      await this.#converge();
    } catch (error) {
      if (!(error instanceof Violation)) throw error;
      this.#violation ??= error;
    }
    return {
      seed: this.#options.seed,
      violation: this.#violation,
      traceHash: this.#trace.value().toString(16).padStart(13, '0'),
      stats: this.#stats(),
    };
  }

  async #runUntil(untilMs: number): Promise<void> {
    while (this.#time.step(untilMs)) {
      this.#events += 1;
      if (this.#promisesWait) {
        this.#promisesWait = false;
        await allPromises();
      }
      if (this.#violation !== undefined) throw this.#violation;
    }
  }

  async #converge(): Promise<void> {
    const endMs = this.#time.nowMs + CONVERGENCE_MS_MAX;
    while (!this.#hasConverged()) {
      insist(this.#time.nowMs < endMs, 'liveness', () => this.#describe());
      const nextMs = this.#time.nowMs + CONVERGENCE_CHECK_MS;
      this.#time.at(nextMs, () => {});
      await this.#runUntil(nextMs);
    }
    for (const { name, state } of this.#nodes) this.#workload.checkFinalState(name, state!);
  }

  #hasConverged(): boolean {
    if (this.#workload.pending > 0) return false;
    const [first] = this.#nodes;
    const leader = first?.peer?.view().leader ?? null;
    if (leader === null) return false;
    return this.#nodes.every(
      ({ peer, state, log }) =>
        peer !== undefined &&
        state !== undefined &&
        peer.view().leader === leader &&
        state.appliedIndex === log.lastIndex &&
        state.appliedIndex === first?.state?.appliedIndex &&
        state.hash().hash === first.state.hash().hash,
    );
  }

  /** For whoever wants to know why nothing moves. */
  #describe(): string {
    const nodes = this.#nodes.map(({ name, peer, state, log }) => {
      const view = peer?.coreView;
      const why = JSON.stringify(peer?.explain());
      return [
        `${name}: ${view?.role} of term ${view?.term} follows ${view?.leader}`,
        `log ${log.firstIndex}..${log.lastIndex}`,
        `commit ${view?.commit}`,
        `applied ${state?.appliedIndex}`,
        why,
      ].join(', ');
    });
    return `${this.#workload.pending} commands without answer\n  ${nodes.join('\n  ')}`;
  }

  #stats(): SimulationStats {
    return {
      nodes: this.#nodes.length,
      events: this.#events,
      packets: this.#network.packets,
      faults: this.#nemesis.faults,
      terms: this.#checker.terms,
      committed: this.#checker.committedIndex,
      invoked: this.#workload.invoked,
      acked: this.#workload.acked,
      attempts: this.#workload.attempts,
      reads: this.#workload.reads,
      snapshots: this.#snapshots,
      simulatedMs: Math.round(this.#time.nowMs),
    };
  }
}

/** All reactions to promises that are resolved, and to those that these resolve. */
const allPromises = (): Promise<void> =>
  new Promise((resolve) => {
    setImmediate(resolve);
  });
