import type { RawNode } from '../../consensus/raw-node.ts';
import { MessageType, type Message } from '../../consensus/message.ts';
import type { Explanation } from '../../consensus/status.ts';
import type { LogIndex, PeerId, Term } from '../../consensus/types.ts';
import { ParleyError } from '../../protocol/errors.ts';
import type { NodeName, StampMs } from '../../protocol/ids.ts';
import type { Frame, FrameKind } from '../ports.ts';
import type { PlannedChange } from '../membership/change-rules.ts';
import { buildCore } from './build-core.ts';
import type { SubmitOutcome } from './command-queue.ts';
import { holdsLeaderForDead, isForPeer, tolerate } from './incoming.ts';
import { PeerParts } from './peer-parts.ts';
import type { CoreView, RaftDriver } from './raft-driver.ts';
import type { RaftPeerConfig, RaftPeerEvents, RaftPeerStatus, RaftPorts } from './raft-peer-types.ts';
import { logRepair } from './recovery.ts';
import type { BatchOutcome, CommittedBatch } from './state-machine.ts';
import type { SettleWait } from './waits.ts';

/**
 * The callback-driven whole of one peer: wires the core's driver to the command queue, the applier, reads, snapshots
 * and compaction. See `raft-node.ts` for what each public method means.
 */
export class RaftPeer<Result, Event> {
  readonly #ports: RaftPorts<Result, Event>;
  readonly #config: RaftPeerConfig;
  readonly #events: RaftPeerEvents<Event>;
  readonly #parts: PeerParts<Result, Event>;
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
    this.#parts = new PeerParts(ports, config, events, {
      core: () => this.#core,
      driver: () => this.#driver,
      onTick: () => this.#onTick(),
      beforeReady: (diskIsFree) => this.#beforeReady(diskIsFree),
      onLeaderChange: (leader, term) => this.#onLeaderChange(leader, term),
      onBatch: (batch, outcome, bytes) => this.#onBatch(batch, outcome, bytes),
      onInstalled: (index) => this.#onInstalled(index),
      end: () => this.#finish(),
      onFatal: this.#fatal,
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
      id: this.#config.peer,
      ports: this.#ports,
      foundingVoters: this.#config.foundingVoters,
      settings: this.#parts.settings,
      onEvent: (event) => this.#events.onRaftEvent?.(event),
    });
    this.#driver = this.#parts.buildDriver(this.#node);
    this.#parts.leader.begin();
    transport.onRaft((message, from) => this.#onMessage(message, from));
    transport.onHint((name) => this.#report(name, (core, peer, term) => void core.hintLeaderDead(peer, term)));
    transport.onRestart((name) => this.#onRestart(name));
    this.#parts.ticker.start();
    this.#driver.schedule();
    done();
  }

  stop(options: { readonly transferLeadership: boolean }, done: () => void): void {
    if (this.#driver === undefined) this.#finish();
    if (this.#atRest) {
      done();
      return;
    }
    this.#stopCallbacks.push(done);
    if (!this.#over) this.#parts.stopping.begin(options);
  }

  #finish(): void {
    if (this.#over) return;
    this.#over = true;
    const parts = [
      this.#parts.ticker,
      this.#driver,
      this.#parts.applier,
      this.#parts.queue,
      this.#parts.waits,
      this.#parts.membership,
    ];
    for (const part of parts) part?.stop();
    this.#parts.compactor.stop();
    this.#ports.transport.watch(null);
    this.#parts.snapshots.stop(() => {
      this.#atRest = true;
      for (const done of this.#stopCallbacks.splice(0)) done();
    });
  }

  // ---------------------------------------------------------------- inputs

  #onTick(): void {
    const driver = this.#driver;
    if (driver === undefined || this.#over) return;
    driver.inputNow((node) => node.tick());
    this.#parts.leader.onTick();
    this.#parts.queue.onTick();
    this.#parts.waits.onTick();
    this.#parts.membership.onTick();
    this.#parts.snapshots.onTick((index) => this.#parts.compactor.bytesBehind(index));
    this.#parts.repair.onTick();
    if (!driver.installing) this.#parts.compactor.onTick();
    if (this.#leads) this.#parts.handover.toOneOf(this.#parts.disk.successors());
    if (!this.#over) this.#parts.stopping.onTick();
    driver.schedule();
  }

  #onMessage(message: Message, from: NodeName): void {
    const driver = this.#driver;
    if (driver === undefined || this.#over) return;
    if (!isForPeer(this.#config.peer, message)) return;
    if (message.type === MessageType.snap) {
      tolerate(() => this.#parts.snapshots.onSnap(message, from));
      return;
    }
    if (holdsLeaderForDead(message, driver.view.term)) this.#parts.leader.suspect();
    if (message.type === MessageType.appResp && !message.reject) this.#parts.disk.acknowledged(message.from);
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
    this.#parts.snapshots.onRestart(name, this.#ports.directory.peerOf(name));
    this.#report(name, (core, peer) => core.reportRestarted(peer));
  }

  /** Who reads which frames; the other kinds are none of Raft's business. */
  readonly #frameHandlers: { readonly [K in FrameKind]?: (frame: Frame) => void } = {
    forward: ({ from, payload }) => this.#parts.queue.onForward(from, payload),
    'forward-refused': ({ from, payload }) => this.#parts.queue.onRefusal(from, payload),
    'snapshot-request': (frame) => this.#parts.snapshots.onRequest(frame),
    'snapshot-chunk': (frame) => this.#parts.snapshots.onPiece(frame),
    'repair-request': ({ from, payload }) => this.#parts.repair.onRequest(from, payload),
    'repair-answer': ({ from, payload }) => this.#parts.repair.onAnswer(from, payload),
  };

  handleFrame(frame: Frame): boolean {
    const handle = this.#frameHandlers[frame.kind];
    if (handle === undefined) return false;
    if (this.#driver !== undefined && !this.#over) tolerate(() => handle(frame));
    return true;
  }

  submit(command: Uint8Array, deadlineMs: number, done: (outcome: SubmitOutcome<Result>) => void): void {
    if (this.#over) done({ ok: false, error: new ParleyError('shutting_down') });
    else this.#parts.queue.submit(command, deadlineMs, done);
  }

  readBarrier(deadlineMs: number, done: SettleWait): void {
    this.#parts.waits.readBarrier(deadlineMs, done);
  }

  waitForIndex(index: LogIndex, deadlineMs: number, done: SettleWait): void {
    this.#parts.waits.waitForIndex(index, deadlineMs, done);
  }

  changeMembership(planned: PlannedChange, deadlineMs: number, done: SettleWait): void {
    if (this.#over) done(new ParleyError('shutting_down'));
    else if (this.#node === undefined || !this.#leads) done(new ParleyError('not_leader'));
    else this.#parts.membership.propose(planned, deadlineMs, done);
  }

  compact(): Promise<void> {
    if (this.#over || this.#driver === undefined) return Promise.reject(new ParleyError('shutting_down'));
    if (this.#driver.installing) return Promise.reject(new ParleyError('behind', 'A snapshot is being installed.'));
    return this.#parts.compactor.compactNow();
  }

  transferLeadership(to: NodeName): void {
    const peer = this.#ports.directory.peerOf(to);
    if (peer !== undefined && peer !== this.#config.peer && this.#leads) {
      this.#driver?.input((node) => node.transferLeader(peer));
    }
  }

  // ---------------------------------------------------------------- what the core does

  #beforeReady(diskIsFree: boolean): void {
    this.#parts.waits.flush();
    this.#parts.queue.flush(diskIsFree);
  }

  #onLeaderChange(leader: NodeName | null, term: Term): void {
    if (this.#leads) this.#parts.stamps.begin(this.#ports.state.lastStampMs);
    this.#parts.waits.onLeaderChange();
    this.#parts.queue.route(leader, term);
  }

  #onBatch({ index, term, stampMs, items }: CommittedBatch, outcome: BatchOutcome<Result, Event>, bytes: number): void {
    this.#parts.compactor.applied(index, bytes);
    this.#events.onApplied?.({ index, term, stampMs, events: outcome.events });
    this.#parts.queue.applied(index, items, outcome.results);
  }

  #onInstalled(index: LogIndex): void {
    this.#parts.membership.reload();
    this.#parts.waits.applied(this.appliedIndex);
    this.#events.onInstalled?.(index);
  }

  // ---------------------------------------------------------------- questions

  get #leads(): boolean {
    return this.#parts.leader.leads;
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
    return { leader: this.#parts.leader.name, term, commitIndex: commit };
  }

  /** Null before log and state agree. */
  status(): RaftPeerStatus | null {
    const { state } = this.#ports;
    if (this.#node === undefined) return null;
    return {
      ...this.#node.status(),
      leaderName: this.#parts.leader.name,
      stateIndex: state.appliedIndex,
      durableIndex: state.durableIndex,
      stampMs: state.lastStampMs,
      waiting: this.#parts.queue.waitingCount,
      installing: this.#parts.snapshots.receiving,
      repairOutlook: this.#parts.repair.outlook,
    };
  }

  explain(): Explanation {
    return this.#core.explain();
  }

  leaderlessMs(): number {
    return this.#parts.leader.leaderlessMs();
  }
}
