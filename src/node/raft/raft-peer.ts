import type { RawNode } from '../../consensus/raw-node.ts';
import { MessageType, type Message } from '../../consensus/message.ts';
import type { Explanation } from '../../consensus/status.ts';
import type { LogIndex, PeerId, Term } from '../../consensus/types.ts';
import { ParleyError } from '../../protocol/errors.ts';
import type { NodeName, StampMs } from '../../protocol/ids.ts';
import type { Frame, FrameKind } from '../ports.ts';
import type { PlannedChange } from '../membership/change-rules.ts';
import { Applier } from './applier.ts';
import { buildCore } from './build-core.ts';
import { buildRepair, takeState } from './build-repair.ts';
import { CommandQueue, type SubmitOutcome } from './command-queue.ts';
import { Compactor } from './compaction.ts';
import { DiskWatch } from './disk-watch.ts';
import { GracefulStop } from './graceful-stop.ts';
import { holdsLeaderForDead, isForPeer, tolerate } from './incoming.ts';
import { LeaderHandover } from './leader-handover.ts';
import { LeaderObserver } from './leader-observer.ts';
import { LeaseGuard } from './lease-guard.ts';
import { MembershipChanges } from './membership-changes.ts';
import { RaftDriver, type CoreView } from './raft-driver.ts';
import type { RaftPeerConfig, RaftPeerEvents, RaftPeerStatus, RaftPorts } from './raft-peer-types.ts';
import { DEFAULT_RAFT_SETTINGS, type RaftSettings } from './raft-settings.ts';
import { confStateOf, logRepair } from './recovery.ts';
import type { SelfRepair } from './self-repair.ts';
import type { StagedSnapshot } from './snapshot-receiver.ts';
import { Snapshots } from './snapshots.ts';
import { StampClock } from './stamp-clock.ts';
import type { BatchOutcome, CommittedBatch } from './state-machine.ts';
import { Ticker } from './ticker.ts';
import { Waits, type SettleWait } from './waits.ts';

/**
 * The callback-driven whole of one peer: wires the core's driver to the command queue, the applier, reads, snapshots
 * and compaction. See `raft-node.ts` for what each public method means.
 */
export class RaftPeer<Result, Event> {
  readonly #ports: RaftPorts<Result, Event>;
  readonly #config: RaftPeerConfig;
  readonly #events: RaftPeerEvents<Event>;
  readonly #settings: RaftSettings;
  readonly #id: PeerId;
  readonly #stamps: StampClock;
  readonly #queue: CommandQueue<Result>;
  readonly #waits: Waits;
  readonly #snapshots: Snapshots;
  readonly #repair: SelfRepair;
  readonly #compactor: Compactor;
  readonly #applier: Applier<Result, Event>;
  readonly #membership: MembershipChanges;
  readonly #disk: DiskWatch;
  readonly #ticker: Ticker;
  readonly #handover: LeaderHandover;
  readonly #leader: LeaderObserver;
  readonly #stopping: GracefulStop;
  readonly #defer: (callback: () => void) => void;
  #node: RawNode | undefined;
  #driver: RaftDriver | undefined;
  readonly #stopCallbacks: (() => void)[] = [];
  #over = false;
  /** Over, and nothing that was begun in the stores goes on. */
  #atRest = false;

  constructor(ports: RaftPorts<Result, Event>, config: RaftPeerConfig, events: RaftPeerEvents<Event>) {
    this.#ports = ports;
    this.#config = config;
    this.#events = events;
    this.#settings = { ...DEFAULT_RAFT_SETTINGS, ...config.settings };
    this.#defer = ports.defer ?? ((callback) => void setImmediate(callback));
    this.#id = config.peer;
    const { clock } = ports;
    const monotonicMs = (): number => clock.monotonicMs();
    this.#stamps = new StampClock({ clusterMs: ports.clusterMs ?? (() => clock.wallMs()), monotonicMs });
    this.#disk = new DiskWatch(this.#settings.diskStallMs, monotonicMs);
    this.#queue = this.#buildQueue(monotonicMs);
    this.#waits = this.#buildWaits(monotonicMs);
    this.#snapshots = this.#buildSnapshots();
    this.#repair = this.#buildRepair();
    this.#compactor = this.#buildCompactor(monotonicMs);
    this.#membership = this.#buildMembership(monotonicMs);
    this.#applier = this.#buildApplier();
    this.#ticker = this.#buildTicker();
    this.#handover = this.#buildHandover(monotonicMs);
    this.#leader = this.#buildLeader(monotonicMs);
    this.#stopping = this.#buildStopping(monotonicMs);
  }

  // ---------------------------------------------------------------- construction

  #buildQueue(monotonicMs: () => number): CommandQueue<Result> {
    return new CommandQueue<Result>({
      self: this.#config.self,
      boot: this.#config.boot,
      settings: this.#settings,
      monotonicMs,
      send: (to, kind, payload) => this.#ports.transport.send(to, kind, payload),
      propose: (data) => this.#core.propose(data),
      nextStamp: () => this.#stamps.next(),
      schedule: () => this.#driver?.schedule(),
    });
  }

  #buildWaits(monotonicMs: () => number): Waits {
    return new Waits({
      boot: this.#config.boot,
      settings: this.#settings,
      monotonicMs,
      appliedIndex: () => this.appliedIndex,
      knowsLeader: () => this.#leader.name !== null,
      readIndex: (context) => this.#core.readIndex(context),
      schedule: () => this.#driver?.schedule(),
    });
  }

  #buildRepair(): SelfRepair {
    const [ports, config, settings, snapshots] = [this.#ports, this.#config, this.#settings, this.#snapshots];
    return buildRepair({ ports, config, settings, snapshots, driver: () => this.#driver });
  }

  #takeState(staged: StagedSnapshot): void {
    const onInstalled = (index: LogIndex): void => this.#onInstalled(index);
    takeState({ ports: this.#ports, driver: () => this.#driver, onInstalled, onFatal: this.#fatal }, staged);
  }

  #buildSnapshots(): Snapshots {
    return new Snapshots({
      onFetched: (staged) => this.#takeState(staged),
      ports: this.#ports,
      config: this.#config,
      settings: this.#settings,
      core: () => this.#core,
      driver: () => this.#driver,
      onFailed: (reason) => this.#events.onSnapshotFailed?.(reason),
      onFatal: this.#fatal,
    });
  }

  #buildCompactor(monotonicMs: () => number): Compactor {
    const { log, state } = this.#ports;
    return new Compactor({
      settings: this.#settings,
      log,
      state,
      monotonicMs,
      appliedIndex: () => this.#core.basicStatus().applied,
      pinnedIndex: () => this.#snapshots.pinnedIndex,
      onFatal: this.#fatal,
    });
  }

  #buildApplier(): Applier<Result, Event> {
    return new Applier<Result, Event>({
      state: this.#ports.state,
      machine: this.#ports.machine,
      itemsPerSlice: this.#settings.applyItemsPerSlice,
      foundingConfState: confStateOf(this.#config.foundingVoters),
      applyConfChange: (change) => this.#core.applyConfChange(change),
      recordMembership: (transaction, applied) => this.#membership.record(transaction, applied),
      defer: this.#defer,
      onBatch: (batch, outcome, bytes) => this.#onBatch(batch, outcome, bytes),
      onProgress: (index) => this.#waits.applied(index),
      onFatal: this.#fatal,
    });
  }

  #buildMembership(monotonicMs: () => number): MembershipChanges {
    const { directory, state } = this.#ports;
    return new MembershipChanges({
      boot: this.#config.boot,
      directory,
      state,
      monotonicMs,
      propose: (change) => this.#core.proposeConfChange(change),
      schedule: () => this.#driver?.schedule(),
      onChanged: () => this.#events.onMembers?.(),
    });
  }

  #buildTicker(): Ticker {
    return new Ticker({
      clock: this.#ports.clock,
      tickMs: this.#settings.tickMs,
      stallMs: this.#settings.stallMs,
      onTick: () => this.#onTick(),
      onStall: (lateMs) => {
        this.#driver?.input((node) => node.voidLease());
        this.#events.onStall?.(lateMs);
      },
    });
  }

  #buildHandover(monotonicMs: () => number): LeaderHandover {
    return new LeaderHandover({
      self: this.#id,
      settings: this.#settings,
      monotonicMs,
      progress: () => this.#core.status().progress,
      transfer: (to) => this.#driver?.input((node) => node.transferLeader(to)),
    });
  }

  #buildLeader(monotonicMs: () => number): LeaderObserver {
    const { directory, transport } = this.#ports;
    return new LeaderObserver({
      self: this.#id,
      directory,
      monotonicMs,
      watch: (node) => transport.watch(node),
      suspect: (node) => transport.suspect(node),
      onChange: (leader, term) => this.#onLeaderChange(leader, term),
      onView: (view) => this.#events.onLeaderChange?.(view),
    });
  }

  #buildStopping(monotonicMs: () => number): GracefulStop {
    return new GracefulStop({
      settings: this.#settings,
      monotonicMs,
      leads: () => this.#leads,
      waitingCount: () => this.#queue.waitingCount,
      handOver: () => this.#handover.toBest((peer) => peer.activeLately),
      end: () => this.#finish(),
    });
  }

  get #core(): RawNode {
    if (this.#node === undefined) throw new Error('not started');
    return this.#node;
  }

  readonly #fatal = (error: unknown): void => {
    if (this.#over) return;
    this.#finish();
    this.#events.onFatal(error);
  };

  // ---------------------------------------------------------------- start and stop

  start(done: () => void): void {
    try {
      const repair = logRepair(this.#ports.log, this.#ports.state);
      if (repair === undefined) this.#begin(done);
      else this.#ports.log.append(repair, () => this.#begin(done));
    } catch (error) {
      this.#fatal(error);
    }
  }

  #begin(done: () => void): void {
    if (this.#over) return;
    const { log, state, transport } = this.#ports;
    log.setSnapshotSource(() => ({
      index: state.appliedIndex,
      term: state.appliedTerm,
      confState: state.confState,
    }));
    this.#node = buildCore({
      id: this.#id,
      ports: this.#ports,
      foundingVoters: this.#config.foundingVoters,
      settings: this.#settings,
      onEvent: (event) => this.#events.onRaftEvent?.(event),
    });
    this.#driver = this.#buildDriver(this.#node);
    this.#leader.begin();
    transport.onRaft((message, from) => this.#onMessage(message, from));
    transport.onHint((name) => this.#report(name, (core, peer, term) => void core.hintLeaderDead(peer, term)));
    transport.onRestart((name) => this.#onRestart(name));
    this.#ticker.start();
    this.#driver.schedule();
    done();
  }

  #buildDriver(node: RawNode): RaftDriver {
    const { log, transport, leasesAreAgreed } = this.#ports;
    const { term, commit } = node.basicStatus().hardState;
    const isAgreed = leasesAreAgreed ?? (() => true);
    const lease = new LeaseGuard({ reads: this.#settings.reads, ticker: this.#ticker, core: node, isAgreed });
    return new RaftDriver({
      self: this.#id,
      node,
      log,
      initialView: { term, commit },
      roundsPerTurnMax: this.#settings.readyRoundsPerTurnMax,
      defer: this.#defer,
      sendRaft: (messages) => transport.sendRaft(messages),
      prepareSnapshot: (message) => this.#snapshots.prepare(message),
      beforeInput: () => lease.check(),
      beforeReady: (diskIsFree) => this.#beforeReady(diskIsFree),
      onView: (view) => this.#leader.onView(view),
      onReadStates: (states) => this.#waits.onReadStates(states),
      apply: (entries, done) => this.#applier.enqueue(entries, done),
      whenApplierIsIdle: (callback) => this.#applier.whenIdle(callback),
      takeSnapshot: (message) => this.#snapshots.take(message),
      onInstalled: (index) => this.#onInstalled(index),
      onDisk: (event, writes) => this.#disk.onDisk(event, writes),
      onFatal: this.#fatal,
    });
  }

  stop(options: { readonly transferLeadership: boolean }, done: () => void): void {
    if (this.#driver === undefined) this.#finish();
    if (this.#atRest) {
      done();
      return;
    }
    this.#stopCallbacks.push(done);
    if (!this.#over) this.#stopping.begin(options);
  }

  #finish(): void {
    if (this.#over) return;
    this.#over = true;
    const parts = [this.#ticker, this.#driver, this.#applier, this.#queue, this.#waits, this.#membership];
    for (const part of parts) part?.stop();
    this.#compactor.stop();
    this.#ports.transport.watch(null);
    this.#snapshots.stop(() => {
      this.#atRest = true;
      for (const done of this.#stopCallbacks.splice(0)) done();
    });
  }

  // ---------------------------------------------------------------- inputs

  #onTick(): void {
    const driver = this.#driver;
    if (driver === undefined || this.#over) return;
    driver.inputNow((node) => node.tick());
    this.#leader.onTick();
    this.#queue.onTick();
    this.#waits.onTick();
    this.#membership.onTick();
    this.#snapshots.onTick((index) => this.#compactor.bytesBehind(index));
    this.#repair.onTick();
    if (!driver.installing) this.#compactor.onTick();
    if (this.#leads) this.#handover.toOneOf(this.#disk.successors());
    if (!this.#over) this.#stopping.onTick();
    driver.schedule();
  }

  #onMessage(message: Message, from: NodeName): void {
    const driver = this.#driver;
    if (driver === undefined || this.#over) return;
    if (!isForPeer(this.#id, message)) return;
    if (message.type === MessageType.snap) {
      tolerate(() => this.#snapshots.onSnap(message, from));
      return;
    }
    if (holdsLeaderForDead(message, driver.view.term)) this.#leader.suspect();
    if (message.type === MessageType.appResp && !message.reject) this.#disk.acknowledged(message.from);
    driver.input((node) => void node.step(message));
  }

  /** Tells the core something about another node. */
  #report(name: NodeName, tell: (core: RawNode, peer: PeerId, term: Term) => void): void {
    const [peer, driver] = [this.#ports.directory.peerOf(name), this.#driver];
    if (peer !== undefined) driver?.input((core) => tell(core, peer, driver.view.term));
  }

  /** A new process may have lost what the old one acknowledged, and knows nothing of what it was doing. */
  #onRestart(name: NodeName): void {
    if (this.#over) return;
    this.#snapshots.onRestart(name, this.#ports.directory.peerOf(name));
    this.#report(name, (core, peer) => core.reportRestarted(peer));
  }

  /** Who reads which frames; the other kinds are none of Raft's business. */
  readonly #frameHandlers: { readonly [K in FrameKind]?: (frame: Frame) => void } = {
    forward: ({ from, payload }) => this.#queue.onForward(from, payload),
    'forward-refused': ({ from, payload }) => this.#queue.onRefusal(from, payload),
    'snapshot-request': (frame) => this.#snapshots.onRequest(frame),
    'snapshot-chunk': (frame) => this.#snapshots.onPiece(frame),
    'repair-request': ({ from, payload }) => this.#repair.onRequest(from, payload),
    'repair-answer': ({ from, payload }) => this.#repair.onAnswer(from, payload),
  };

  handleFrame(frame: Frame): boolean {
    const handle = this.#frameHandlers[frame.kind];
    if (handle === undefined) return false;
    if (this.#driver !== undefined && !this.#over) tolerate(() => handle(frame));
    return true;
  }

  submit(command: Uint8Array, deadlineMs: number, done: (outcome: SubmitOutcome<Result>) => void): void {
    if (this.#over) done({ ok: false, error: new ParleyError('shutting_down') });
    else this.#queue.submit(command, deadlineMs, done);
  }

  readBarrier(deadlineMs: number, done: SettleWait): void {
    this.#waits.readBarrier(deadlineMs, done);
  }

  waitForIndex(index: LogIndex, deadlineMs: number, done: SettleWait): void {
    this.#waits.waitForIndex(index, deadlineMs, done);
  }

  changeMembership(planned: PlannedChange, deadlineMs: number, done: SettleWait): void {
    if (this.#over) done(new ParleyError('shutting_down'));
    else if (this.#node === undefined || !this.#leads) done(new ParleyError('not_leader'));
    else this.#membership.propose(planned, deadlineMs, done);
  }

  compact(): Promise<void> {
    if (this.#over || this.#driver === undefined) return Promise.reject(new ParleyError('shutting_down'));
    if (this.#driver.installing) return Promise.reject(new ParleyError('behind', 'A snapshot is being installed.'));
    return this.#compactor.compactNow();
  }

  transferLeadership(to: NodeName): void {
    const peer = this.#ports.directory.peerOf(to);
    if (peer !== undefined && peer !== this.#id && this.#leads) {
      this.#driver?.input((node) => node.transferLeader(peer));
    }
  }

  // ---------------------------------------------------------------- what the core does

  #beforeReady(diskIsFree: boolean): void {
    this.#waits.flush();
    this.#queue.flush(diskIsFree);
  }

  #onLeaderChange(leader: NodeName | null, term: Term): void {
    if (this.#leads) this.#stamps.begin(this.#ports.state.lastStampMs);
    this.#waits.onLeaderChange();
    this.#queue.route(leader, term);
  }

  #onBatch({ index, term, stampMs, items }: CommittedBatch, outcome: BatchOutcome<Result, Event>, bytes: number): void {
    this.#compactor.applied(index, bytes);
    this.#events.onApplied?.({ index, term, stampMs, events: outcome.events });
    this.#queue.applied(index, items, outcome.results);
  }

  #onInstalled(index: LogIndex): void {
    this.#membership.reload();
    this.#waits.applied(this.appliedIndex);
    this.#events.onInstalled?.(index);
  }

  // ---------------------------------------------------------------- questions

  get #leads(): boolean {
    return this.#leader.leads;
  }

  get appliedIndex(): LogIndex {
    return this.#ports.state.appliedIndex;
  }

  get stampMs(): StampMs {
    return this.#ports.state.lastStampMs;
  }

  /** As of the last turn; undefined before the start. For checkers. */
  get coreView(): CoreView | undefined {
    return this.#driver?.view;
  }

  /** Whether a snapshot is about to replace log and state. */
  get installing(): boolean {
    return this.#driver?.installing ?? false;
  }

  view(): { readonly leader: NodeName | null; readonly term: Term; readonly commitIndex: LogIndex } {
    const view = this.#driver?.view;
    const { term, commit } = view ?? this.#ports.log.initialState().hardState;
    return { leader: this.#leader.name, term, commitIndex: commit };
  }

  /** Null before log and state agree. */
  status(): RaftPeerStatus | null {
    const { state } = this.#ports;
    if (this.#node === undefined) return null;
    return {
      ...this.#node.status(),
      leaderName: this.#leader.name,
      stateIndex: state.appliedIndex,
      durableIndex: state.durableIndex,
      stampMs: state.lastStampMs,
      waiting: this.#queue.waitingCount,
      installing: this.#snapshots.receiving,
      repairOutlook: this.#repair.outlook,
    };
  }

  explain(): Explanation {
    return this.#core.explain();
  }

  leaderlessMs(): number {
    return this.#leader.leaderlessMs();
  }
}
