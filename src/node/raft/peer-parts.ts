import type { RawNode } from '../../consensus/raw-node.ts';
import type { LogIndex, Term } from '../../consensus/types.ts';
import type { NodeName } from '../../protocol/ids.ts';
import { Applier } from './applier.ts';
import { buildRepair, takeState } from './build-repair.ts';
import { CommandQueue } from './command-queue.ts';
import { Compactor } from './compaction.ts';
import { DiskWatch } from './disk-watch.ts';
import { GracefulStop } from './graceful-stop.ts';
import { LeaderHandover } from './leader-handover.ts';
import { LeaderObserver } from './leader-observer.ts';
import { LeaseGuard } from './lease-guard.ts';
import { MembershipChanges } from './membership-changes.ts';
import { RaftDriver } from './raft-driver.ts';
import type { RaftPeerConfig, RaftPeerEvents, RaftPorts } from './raft-peer-types.ts';
import { DEFAULT_RAFT_SETTINGS, type RaftSettings } from './raft-settings.ts';
import { confStateOf } from './recovery.ts';
import type { SelfRepair } from './self-repair.ts';
import type { StagedSnapshot } from './snapshot-receiver.ts';
import { Snapshots } from './snapshots.ts';
import { StampClock } from './stamp-clock.ts';
import type { BatchOutcome, CommittedBatch } from './state-machine.ts';
import { Ticker } from './ticker.ts';
import { Waits } from './waits.ts';

/** What the parts of a peer tell the whole, and what they ask of it. */
export interface PeerHooks<Result, Event> {
  readonly core: () => RawNode;
  /** Undefined before the peer has begun. */
  readonly driver: () => RaftDriver | undefined;
  readonly onTick: () => void;
  readonly beforeReady: (diskIsFree: boolean) => void;
  readonly onLeaderChange: (leader: NodeName | null, term: Term) => void;
  readonly onBatch: (batch: CommittedBatch, outcome: BatchOutcome<Result, Event>, bytes: number) => void;
  readonly onInstalled: (index: LogIndex) => void;
  /** The graceful stop is done. */
  readonly end: () => void;
  readonly onFatal: (error: unknown) => void;
}

/** The parts of a peer around its core, and what connects each of them with the others. */
export class PeerParts<Result, Event> {
  readonly settings: RaftSettings;
  readonly defer: (callback: () => void) => void;
  readonly stamps: StampClock;
  readonly queue: CommandQueue<Result>;
  readonly waits: Waits;
  readonly snapshots: Snapshots;
  readonly repair: SelfRepair;
  readonly compactor: Compactor;
  readonly applier: Applier<Result, Event>;
  readonly membership: MembershipChanges;
  readonly disk: DiskWatch;
  readonly ticker: Ticker;
  readonly handover: LeaderHandover;
  readonly leader: LeaderObserver;
  readonly stopping: GracefulStop;
  readonly #ports: RaftPorts<Result, Event>;
  readonly #config: RaftPeerConfig;
  readonly #events: RaftPeerEvents<Event>;
  readonly #hooks: PeerHooks<Result, Event>;

  constructor(
    ports: RaftPorts<Result, Event>,
    config: RaftPeerConfig,
    events: RaftPeerEvents<Event>,
    hooks: PeerHooks<Result, Event>,
  ) {
    this.#ports = ports;
    this.#config = config;
    this.#events = events;
    this.#hooks = hooks;
    this.settings = { ...DEFAULT_RAFT_SETTINGS, ...config.settings };
    this.defer = ports.defer ?? ((callback) => void setImmediate(callback));
    const { clock } = ports;
    const monotonicMs = (): number => clock.monotonicMs();
    this.stamps = new StampClock({ clusterMs: ports.clusterMs ?? (() => clock.wallMs()), monotonicMs });
    this.disk = new DiskWatch(this.settings.diskStallMs, monotonicMs);
    this.queue = this.#buildQueue(monotonicMs);
    this.waits = this.#buildWaits(monotonicMs);
    this.snapshots = this.#buildSnapshots();
    this.repair = this.#buildRepair();
    this.compactor = this.#buildCompactor(monotonicMs);
    this.membership = this.#buildMembership(monotonicMs);
    this.applier = this.#buildApplier();
    this.ticker = this.#buildTicker();
    this.handover = this.#buildHandover(monotonicMs);
    this.leader = this.#buildLeader(monotonicMs);
    this.stopping = this.#buildStopping(monotonicMs);
  }

  #buildQueue(monotonicMs: () => number): CommandQueue<Result> {
    return new CommandQueue<Result>({
      self: this.#config.self,
      boot: this.#config.boot,
      settings: this.settings,
      monotonicMs,
      send: (to, kind, payload) => this.#ports.transport.send(to, kind, payload),
      propose: (data) => this.#hooks.core().propose(data),
      nextStamp: () => this.stamps.next(),
      schedule: () => this.#hooks.driver()?.schedule(),
    });
  }

  #buildWaits(monotonicMs: () => number): Waits {
    return new Waits({
      boot: this.#config.boot,
      settings: this.settings,
      monotonicMs,
      appliedIndex: () => this.#ports.state.appliedIndex,
      knowsLeader: () => this.leader.name !== null,
      readIndex: (context) => this.#hooks.core().readIndex(context),
      schedule: () => this.#hooks.driver()?.schedule(),
    });
  }

  #buildRepair(): SelfRepair {
    const [ports, config, settings, snapshots] = [this.#ports, this.#config, this.settings, this.snapshots];
    return buildRepair({ ports, config, settings, snapshots, driver: this.#hooks.driver });
  }

  #takeState(staged: StagedSnapshot): void {
    const onInstalled = (index: LogIndex): void => this.#hooks.onInstalled(index);
    takeState({ ports: this.#ports, driver: this.#hooks.driver, onInstalled, onFatal: this.#hooks.onFatal }, staged);
  }

  #buildSnapshots(): Snapshots {
    return new Snapshots({
      onFetched: (staged) => this.#takeState(staged),
      ports: this.#ports,
      config: this.#config,
      settings: this.settings,
      core: this.#hooks.core,
      driver: this.#hooks.driver,
      onFailed: (reason) => this.#events.onSnapshotFailed?.(reason),
      onFatal: this.#hooks.onFatal,
    });
  }

  #buildCompactor(monotonicMs: () => number): Compactor {
    const { log, state } = this.#ports;
    return new Compactor({
      settings: this.settings,
      log,
      state,
      monotonicMs,
      wallMs: this.#ports.clusterMs ?? (() => this.#ports.clock.wallMs()),
      appliedIndex: () => this.#hooks.core().basicStatus().applied,
      pinnedIndex: () => this.snapshots.pinnedIndex,
      onFatal: this.#hooks.onFatal,
    });
  }

  #buildApplier(): Applier<Result, Event> {
    return new Applier<Result, Event>({
      state: this.#ports.state,
      machine: this.#ports.machine,
      itemsPerSlice: this.settings.applyItemsPerSlice,
      foundingConfState: confStateOf(this.#config.foundingVoters),
      applyConfChange: (change) => this.#hooks.core().applyConfChange(change),
      awaitsSnapshot: () => this.#hooks.core().awaitsSnapshot,
      recordMembership: (transaction, applied) => this.membership.record(transaction, applied),
      defer: this.defer,
      onBatch: (batch, outcome, bytes) => this.#hooks.onBatch(batch, outcome, bytes),
      onProgress: (index) => this.waits.applied(index),
      onFatal: this.#hooks.onFatal,
    });
  }

  #buildMembership(monotonicMs: () => number): MembershipChanges {
    const { directory, state } = this.#ports;
    return new MembershipChanges({
      boot: this.#config.boot,
      directory,
      state,
      monotonicMs,
      propose: (change) => this.#hooks.core().proposeConfChange(change),
      schedule: () => this.#hooks.driver()?.schedule(),
      onChanged: () => this.#events.onMembers?.(),
    });
  }

  #buildTicker(): Ticker {
    return new Ticker({
      clock: this.#ports.clock,
      tickMs: this.settings.tickMs,
      stallMs: this.settings.stallMs,
      onTick: () => this.#hooks.onTick(),
      onStall: (lateMs) => {
        this.#hooks.driver()?.input((node) => node.voidLease());
        this.#events.onStall?.(lateMs);
      },
    });
  }

  #buildHandover(monotonicMs: () => number): LeaderHandover {
    return new LeaderHandover({
      self: this.#config.peer,
      settings: this.settings,
      monotonicMs,
      progress: () => this.#hooks.core().status().progress,
      transfer: (to) => this.#hooks.driver()?.input((node) => node.transferLeader(to)),
    });
  }

  #buildLeader(monotonicMs: () => number): LeaderObserver {
    const { directory, transport } = this.#ports;
    return new LeaderObserver({
      self: this.#config.peer,
      directory,
      monotonicMs,
      watch: (node) => transport.watch(node),
      suspect: (node) => transport.suspect(node),
      onChange: (leader, term) => this.#hooks.onLeaderChange(leader, term),
      onView: (view) => this.#events.onLeaderChange?.(view),
    });
  }

  #buildStopping(monotonicMs: () => number): GracefulStop {
    return new GracefulStop({
      settings: this.settings,
      monotonicMs,
      leads: () => this.leader.leads,
      waitingCount: () => this.queue.waitingCount,
      handOver: () => this.handover.toBest((peer) => peer.activeLately),
      end: () => this.#hooks.end(),
    });
  }

  /** The loop around a core that is about to begin. */
  buildDriver(node: RawNode): RaftDriver {
    const { log, transport, leasesAreAgreed } = this.#ports;
    const { term, commit } = node.basicStatus().hardState;
    const isAgreed = leasesAreAgreed ?? (() => true);
    const lease = new LeaseGuard({ reads: this.settings.reads, ticker: this.ticker, core: node, isAgreed });
    return new RaftDriver({
      self: this.#config.peer,
      node,
      log,
      initialView: { term, commit },
      roundsPerTurnMax: this.settings.readyRoundsPerTurnMax,
      defer: this.defer,
      sendRaft: (messages) => transport.sendRaft(messages),
      prepareSnapshot: (message) => this.snapshots.prepare(message),
      beforeInput: () => lease.check(),
      beforeReady: (diskIsFree) => this.#hooks.beforeReady(diskIsFree),
      onView: (view) => this.leader.onView(view),
      onReadStates: (states) => this.waits.onReadStates(states),
      apply: (entries, done) => this.applier.enqueue(entries, done),
      whenApplierIsIdle: (callback) => this.applier.whenIdle(callback),
      takeSnapshot: (message) => this.snapshots.take(message),
      onInstalled: (index) => this.#hooks.onInstalled(index),
      onDisk: (event, writes) => this.disk.onDisk(event, writes),
      onFatal: this.#hooks.onFatal,
    });
  }
}
