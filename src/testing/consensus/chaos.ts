import type { Message } from '../../consensus/message.ts';
import {
  ConfChangeKind,
  ConfChangeTransition,
  EMPTY_BYTES,
  RaftRole,
  type ConfChange,
  type Entry,
  type LogIndex,
  type PeerId,
} from '../../consensus/types.ts';
import { BoundedClock } from './bounded-clock.ts';
import { Cluster, type ClusterOptions } from './cluster.ts';
import { FOUNDING_INDEX, type ClusterPeer } from './cluster-peer.ts';

export interface ChaosOptions extends ClusterOptions {
  readonly steps: number;
  readonly changeMembership?: boolean;
  /** Clocks drift within the bound that leases rest on, and ticks come late by no more than `leaseSlackTicks`. */
  readonly clocksAreBounded?: boolean;
}

/** Peers may lag behind a compaction by at least this. */
const COMPACTION_DISTANCE = 8;
const KINDS = [ConfChangeKind.addVoter, ConfChangeKind.addLearner, ConfChangeKind.remove] as const;
const TRANSITIONS = [
  ConfChangeTransition.auto,
  ConfChangeTransition.jointImplicit,
  ConfChangeTransition.jointExplicit,
] as const;
const NETWORK_MAX = 400;
const DELIVERIES_MAX = 8;
const CUT_STEPS_MAX = 800;
const HEALING_TICKS_MAX = 400;

/**
 * Does random things to a cluster and checks after each that it is still safe; then heals it and
 * checks that it lives. The same seed does the same things. Throws an `Error` that says what broke.
 */
export class Chaos {
  readonly cluster: Cluster;
  readonly #options: ChaosOptions;
  readonly #random: () => number;
  readonly #leaderOfTerm = new Map<number, PeerId>();
  /** What any peer has applied, by index: nobody may ever apply anything else there. */
  readonly #history = new Map<number, string>();
  #highestApplied = 0;
  readonly #reads = new Map<string, number>();
  #proposals = 0;
  #cut: ReadonlySet<PeerId> = new Set();
  #cutStepsLeft = 0;
  readonly #checkedEvents = new Map<PeerId, number>();
  readonly #checkedApplied = new Map<PeerId, number>();
  readonly #clocks = new Map<PeerId, BoundedClock>();

  constructor(options: ChaosOptions) {
    this.cluster = new Cluster(options);
    this.#options = options;
    this.#random = this.cluster.random;
    this.#checkSafety();
  }

  run(): { readonly proposals: number; readonly applied: number; readonly terms: number } {
    for (let step = 0; step < this.#options.steps; step += 1) {
      this.#act();
      this.#checkSafety();
    }
    this.#heal();
    return { proposals: this.#proposals, applied: this.#highestApplied, terms: this.#leaderOfTerm.size };
  }

  // Acting

  #chance(probability: number): boolean {
    return this.#random() < probability;
  }

  #pick<T>(items: readonly [T, ...T[]]): T;
  #pick<T>(items: readonly T[]): T | undefined;
  #pick<T>(items: readonly T[]): T | undefined {
    return items[Math.floor(this.#random() * items.length)];
  }

  get #peers(): [ClusterPeer, ...ClusterPeer[]] {
    const [first, ...rest] = this.cluster.peers.values();
    if (first === undefined) throw new Error('a cluster without peers');
    return [first, ...rest];
  }

  #act(): void {
    this.#cutStepsLeft -= 1;
    if (this.#cutStepsLeft <= 0) this.#cut = new Set();
    const dice = this.#random();
    // Leaders, old ones too, have more to do.
    const peer = this.#chance(0.3) ? this.#pick(this.cluster.leaders) : this.#pick(this.#peers);
    if (peer === undefined) return;
    if (dice < 0.16) this.#tick(peer);
    else if (dice < 0.5) this.#deliverSome();
    else if (dice < 0.85) this.#work(peer);
    else if (dice < 0.91) this.#propose(peer);
    else if (dice < 0.97) this.#read(peer);
    else this.#disturb(peer);
  }

  #tick(peer: ClusterPeer): void {
    if (this.#options.clocksAreBounded !== true) {
      peer.raw.tick();
      return;
    }
    for (const each of this.#peers) {
      for (let due = this.#clockOf(each.id).pass(1, this.#random()); due > 0; due -= 1) each.raw.tick();
    }
  }

  #clockOf(id: PeerId): BoundedClock {
    let clock = this.#clocks.get(id);
    if (clock === undefined) {
      const rate = 0.9 + 0.1 * this.#random();
      clock = new BoundedClock({ rate, phase: 0, lateTicksMax: this.#options.peer?.leaseSlackTicks ?? 0 });
      this.#clocks.set(id, clock);
    }
    return clock;
  }

  #disturb(peer: ClusterPeer): void {
    const dice = this.#random();
    const { leader, hardState, applied } = peer.raw.basicStatus();
    if (dice < 0.2) peer.restart();
    else if (dice < 0.3) this.#cutSomeOff();
    else if (dice < 0.6) peer.raw.transferLeader(this.#pick(this.#peers).id);
    else if (dice < 0.7) peer.raw.reportUnreachable(this.#pick(this.#peers).id);
    else if (dice < 0.75) peer.raw.reportSnapshot(this.#pick(this.#peers).id, this.#chance(0.5));
    else if (dice < 0.85) peer.raw.hintLeaderDead(leader, hardState.term);
    else if (dice < 0.92) this.#compact(peer, applied);
    else if (this.#options.changeMembership === true) peer.raw.proposeConfChange(this.#randomChange());
  }

  /** Long enough for either side to elect somebody, and for the other not to notice at once. */
  #cutSomeOff(): void {
    const leader = this.#pick(this.cluster.leaders);
    const some = this.#peers.filter(() => this.#chance(0.4));
    this.#cut = new Set((leader !== undefined && this.#chance(0.5) ? [leader] : some).map(({ id }) => id));
    this.#cutStepsLeft = 100 + Math.floor(this.#random() * CUT_STEPS_MAX);
  }

  #compact({ disk }: ClusterPeer, applied: LogIndex): void {
    const to = (applied - COMPACTION_DISTANCE) as LogIndex;
    if (to >= disk.firstIndex() && to < disk.lastIndex()) disk.compact(to);
  }

  #randomChange(): ConfChange {
    const count = 1 + Math.floor(this.#random() * 3);
    const steps = Array.from({ length: count }, () => ({
      kind: this.#pick(KINDS),
      peer: this.#pick(this.#peers).id,
    }));
    const transition = this.#pick(TRANSITIONS);
    const leave = this.#chance(0.3);
    return {
      version: 2,
      transition: leave ? ConfChangeTransition.auto : transition,
      steps: leave ? [] : steps,
      context: EMPTY_BYTES,
    };
  }

  #send(messages: readonly Message[]): void {
    this.cluster.network.push(...messages);
  }

  /** Hands work out and does some of it, rarely all. */
  #work(peer: ClusterPeer): void {
    this.#send(peer.work());
    while (peer.appendWork.length > 0 && this.#chance(0.7)) this.#send(peer.executeAppend());
    while (peer.applyWork.length > 0 && this.#chance(0.7)) this.#send(peer.executeApply());
  }

  #deliverSome(): void {
    for (let left = Math.floor(this.#random() * DELIVERIES_MAX); left >= 0; left -= 1) this.#deliver();
  }

  /** Delivers any message under way, sometimes losing it or delivering it again later. */
  #deliver(): void {
    const { network } = this.cluster;
    while (network.length > NETWORK_MAX) this.cluster.transmit(network.shift()!, false);
    if (network.length === 0) return;
    const at = this.#chance(0.85) ? 0 : Math.floor(this.#random() * network.length);
    const message = network[at]!;
    if (!this.#chance(0.05)) network.splice(at, 1);
    const cut = this.#cut.has(message.from) !== this.#cut.has(message.to);
    this.cluster.transmit(message, !cut && !this.#chance(0.05));
  }

  #propose(peer: ClusterPeer): void {
    this.#proposals += 1;
    peer.raw.propose(new TextEncoder().encode(`p${this.#proposals}`));
  }

  #read(peer: ClusterPeer): void {
    const name = `r${this.#reads.size}`;
    this.#reads.set(name, this.#highestApplied);
    peer.raw.readIndex(new TextEncoder().encode(name));
  }

  // Checking

  #checkSafety(): void {
    for (const peer of this.#peers) {
      this.#checkLeaders(peer);
      this.#checkApplied(peer);
      this.#checkReads(peer);
    }
  }

  #checkLeaders(peer: ClusterPeer): void {
    for (const event of peer.events.slice(this.#checkedEvents.get(peer.id) ?? 0)) {
      if (event.kind !== 'role-changed' || event.role !== RaftRole.leader) continue;
      const other = this.#leaderOfTerm.get(event.term);
      if (other !== undefined && other !== peer.id) {
        throw new Error(`${other} and ${peer.id} were both elected in term ${event.term}`);
      }
      this.#leaderOfTerm.set(event.term, peer.id);
    }
    this.#checkedEvents.set(peer.id, peer.events.length);
  }

  #checkApplied(peer: ClusterPeer): void {
    for (const entry of peer.applied.slice(this.#checkedApplied.get(peer.id) ?? 0)) {
      const mine = fingerprint(entry);
      const known = this.#history.get(entry.index);
      if (known !== undefined && known !== mine) {
        throw new Error(`${peer.id} applied ${mine} at ${entry.index}, somebody else ${known}`);
      }
      this.#history.set(entry.index, mine);
      this.#highestApplied = Math.max(this.#highestApplied, entry.index);
    }
    this.#checkedApplied.set(peer.id, peer.applied.length);
  }

  #checkReads(peer: ClusterPeer): void {
    for (const { context, index } of peer.readStates) {
      const name = new TextDecoder().decode(context);
      const required = this.#reads.get(name) ?? 0;
      if (index < required) throw new Error(`${peer.id} may read ${name} at ${index}, before ${required} was applied`);
    }
    peer.readStates = [];
  }

  // Healing

  /** Everybody can talk again: there must soon be one leader, whose members all have its whole log. */
  #heal(): void {
    this.#cut = new Set();
    for (let ticks = 0; ticks < HEALING_TICKS_MAX; ticks += 1) {
      this.cluster.tick(1);
      this.#checkSafety();
      if (ticks % 20 === 19) this.#nudge();
      if (this.#isWhole()) return;
    }
    const states = this.#peers.map(({ raw }) => JSON.stringify({ ...raw.status(), why: raw.explain() }));
    throw new Error(`the cluster does not recover:\n${states.join('\n')}`);
  }

  /** Nobody but its operator leaves a joint configuration that is not to be left by itself. */
  #nudge(): void {
    for (const { raw } of this.cluster.leaders) {
      raw.proposeConfChange({
        version: 2,
        transition: ConfChangeTransition.auto,
        steps: [],
        context: EMPTY_BYTES,
      });
    }
  }

  #isWhole(): boolean {
    const leaders = this.cluster.leaders.filter(({ id, raw }) => raw.status().confState.voters.includes(id));
    const newest = leaders.toSorted(
      (a, b) => b.raw.basicStatus().hardState.term - a.raw.basicStatus().hardState.term,
    )[0];
    if (newest === undefined) return false;
    const { confState, lastIndex } = newest.raw.status();
    if (confState.votersOutgoing.length > 0) return false;
    return [...confState.voters, ...confState.learners].every(
      (id) => this.cluster.peer(id).applied.length === lastIndex - FOUNDING_INDEX,
    );
  }
}

const fingerprint = ({ term, type, data }: Entry): string => `${term}:${type}:${new TextDecoder().decode(data)}`;
