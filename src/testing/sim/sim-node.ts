import type { RaftEvent } from '../../consensus/events.ts';
import type { Message } from '../../consensus/message.ts';
import { EMPTY_CONF_STATE, type ConfState, type LogIndex, type PeerId } from '../../consensus/types.ts';
import type { MemberDirectory } from '../../node/membership/member-directory.ts';
import { foundingPeers } from '../../node/peer-directory.ts';
import type { AppliedPosition, LogWrite, MemberVerb } from '../../node/ports.ts';
import type { CoreView } from '../../node/raft/raft-driver.ts';
import { withStart } from '../../node/rollback/lineage.ts';
import type { RaftPeer } from '../../node/raft/raft-peer.ts';
import type { ClusterId, NodeName } from '../../protocol/ids.ts';
import type { Application } from './application.ts';
import type { LogImage } from './log-image.ts';
import { NodeDisks, type DiskCondition, type DiskNote } from './node-disks.ts';
import type { Prng } from './prng.ts';
import type { DiskError, SimDisk } from './sim-disk.ts';
import { nameOfNumber, numberOfName, type SimHost } from './sim-host.ts';
import { SimLogStore } from './sim-log-store.ts';
import type { Packet, SimNetwork } from './sim-network.ts';
import { SimProcess } from './sim-process.ts';
import { SimStateStore } from './sim-state-store.ts';
import type { StateImage } from './state-image.ts';
import { insist, Violation } from './violation.ts';
import type { VirtualTime } from './virtual-time.ts';
import type { WorldTraits } from './world-traits.ts';

/** Sees all that a node does, before anybody else does. */
export interface Witness {
  /** Its Raft peer is about to start. */
  booted(node: SimNode): void;
  accepting(node: SimNode, write: LogWrite): void;
  accepted(node: SimNode, write: LogWrite): void;
  /** `change` alters what is durable in the node's log. */
  durable(node: SimNode, change: () => void): void;
  sending(node: SimNode, message: Message): void;
  received(node: SimNode, message: Message): void;
  viewed(node: SimNode, view: CoreView): void;
  applied(node: SimNode, position: AppliedPosition, image: StateImage): void;
  installed(node: SimNode, image: StateImage): void;
  /** A snapshot that it sends has a flipped bit from now on. */
  snapshotSpoiled(index: LogIndex): void;
  /** A snapshot that it received is not the one that was announced. */
  snapshotRefused(node: SimNode, index: LogIndex): void;
  raftEvent(node: SimNode, event: RaftEvent): void;
  note(node: SimNode, what: NodeNote, a?: number, b?: number): void;
}

export type NodeNote =
  | 'crash'
  | 'torn'
  | 'lost'
  | 'disk-error'
  | 'installed'
  | 'compacted'
  | 'leader'
  | 'stalled'
  | DiskNote
  | 'joined'
  | 'wiped'
  | 'refused'
  | 'crash-in-step';

export interface SimNodeEnv {
  readonly time: VirtualTime;
  readonly host: SimHost;
  readonly network: SimNetwork;
  /** Numbers of all machines, and of those that found the cluster. */
  readonly hosts: readonly number[];
  readonly founders: readonly number[];
  readonly traits: WorldTraits;
  readonly application: Application;
  readonly prng: { readonly core: Prng; readonly disk: Prng; readonly state: Prng };
  readonly witness: Witness;
  readonly fail: (violation: Violation) => void;
  /** A promise was resolved: what waits for it has to run before anything else. */
  readonly settlePromises: () => void;
  /** The process has ended because of its disk; whoever supervises it starts it again. */
  readonly onEnded: () => void;
}

/** One simulated node: disks that survive, and the process that runs on them until it is killed. */
export class SimNode {
  readonly #env: SimNodeEnv;
  readonly disks: NodeDisks;
  #boots = 0;
  #process: SimProcess | undefined;
  #lastView: CoreView | undefined;
  /** Dies after so many more calls to its disk and network, in the middle of whatever it does. */
  #stepsUntilCrash = Number.POSITIVE_INFINITY;
  #afterStepCrash = (): void => {};

  constructor(env: SimNodeEnv) {
    this.#env = env;
    const { time, prng, traits, witness } = env;
    const options = {
      time,
      prng: prng.disk,
      syncMs: traits.syncMs,
      stallChance: 0.01,
      stallMs: 60,
      onDurable: (change: () => void) => witness.durable(this, change),
      onTorn: (kind: 'torn' | 'lost') => witness.note(this, kind),
    };
    this.disks = new NodeDisks(options, prng.state);
  }

  // ---------------------------------------------------------------- what others may see

  get name(): NodeName {
    return this.#env.host.name;
  }
  get number(): number {
    return this.#env.host.number;
  }
  get host(): SimHost {
    return this.#env.host;
  }
  get condition(): DiskCondition {
    return this.disks.condition;
  }
  get isSound(): boolean {
    return this.disks.isSound;
  }
  /** Whose disk this is; undefined for nobody's. */
  get peerId(): PeerId | undefined {
    return this.disks.identity.manifest?.peerId;
  }
  get clusterId(): ClusterId | undefined {
    return this.disks.identity.manifest?.clusterId;
  }
  /** What the running process sees of its log. */
  get log(): LogImage {
    return this.#process?.log.image ?? this.disks.log.durable;
  }
  /** What a crash would leave of it, at least. */
  get durable(): LogImage {
    return this.disks.log.durable;
  }
  get disk(): SimDisk {
    return this.disks.log;
  }
  get peer(): RaftPeer<unknown, unknown> | undefined {
    return this.#process?.peer;
  }
  /** A snapshot is about to replace its log and its state. */
  get isInstalling(): boolean {
    return this.#process?.peer?.installing ?? false;
  }
  get state(): SimStateStore | undefined {
    return this.#process?.state;
  }
  get directory(): MemberDirectory | undefined {
    return this.#process?.directory;
  }
  /** The highest index that is applied here, running or not. */
  get appliedIndex(): LogIndex {
    return this.#process?.state.appliedIndex ?? this.disks.state.durable.index;
  }
  /** The membership as of the last entry that is applied here. */
  get confState(): ConfState {
    const { confState, index } = this.#process?.state.position ?? this.disks.state.durable;
    return index === 0 ? this.foundingConfState : confState;
  }
  /** The same, as a crash would leave it at least. */
  get durableConfState(): ConfState {
    const { confState, index } = this.disks.state.durable;
    return index === 0 ? this.foundingConfState : confState;
  }
  get foundingConfState(): ConfState {
    return { ...EMPTY_CONF_STATE, voters: foundingPeers(this.#founders).map(({ peerId }) => peerId) };
  }
  get #founders(): NodeName[] {
    return this.#env.founders.map(nameOfNumber);
  }
  /** A snapshot was accepted that the log does not begin with yet. */
  get installing(): boolean {
    return this.#process?.peer?.installing ?? false;
  }
  get leads(): boolean {
    return this.#process?.peer?.coreView?.role === 'leader';
  }
  get watched(): string | null {
    return this.#process?.transport.watched ?? null;
  }

  // ---------------------------------------------------------------- life

  boot(): void {
    const { host } = this.#env;
    host.boot();
    this.#stepsUntilCrash = Number.POSITIVE_INFINITY;
    this.disks.inspect((what, lastIndex) => this.#env.witness.note(this, what, lastIndex));
    // A damaged node stays up and says why; nothing of it takes part.
    if (this.disks.isLost) return;
    if (this.disks.log.isFull) {
      // Every start writes a little.
      this.#endByDisk('ENOSPC');
      return;
    }
    this.#boots += 1;
    this.disks.identity.lineage = withStart(this.disks.identity.lineage, this.#boots);
    this.#process = this.#buildProcess(host.epoch);
    const process = this.#process;
    host.soon(() => process.start());
  }

  #buildProcess(epoch: number): SimProcess {
    const { host, traits, prng, witness } = this.#env;
    const isAlive = (): boolean => host.epoch === epoch && host.isUp;
    return new SimProcess({
      ...this.#env,
      peers: [...new Set([...this.#founders, host.name])],
      bootId: this.#boots,
      identity: this.disks.identity,
      log: this.#openLog(isAlive),
      state: this.#openState(isAlive),
      settings: traits.settings,
      turnMs: traits.turnMs,
      prng: prng.core,
      isAlive,
      onDisk: (act) => this.#onStateDisk(act, isAlive),
      onSending: (message) => {
        insist(
          !this.disks.isOldCopy,
          'old-copy',
          () => `${this.name} sends ${message.type}, from an old copy of its disk`,
        );
        witness.sending(this, message);
        this.#step();
      },
      onReceived: (message) => witness.received(this, message),
      onFrameSent: () => this.#step(),
      onJoined: (peer) => {
        witness.note(this, 'joined', peer);
        witness.booted(this);
      },
      onInstalled: (index) => witness.note(this, 'installed', index),
      onLeaderChange: ({ term, leader }) =>
        witness.note(this, 'leader', term, leader === null ? 0 : numberOfName(leader)),
      onStall: () => witness.note(this, 'stalled'),
      onRefused: () => {
        insist(this.disks.isOldCopy, 'sound-refused', () => `${this.name} takes itself for an old copy`);
        this.disks.refuse();
        witness.note(this, 'refused');
      },
      onRaftEvent: (event) => witness.raftEvent(this, event),
      onFatal: (error) => this.uncaught(error),
    });
  }

  #openLog(isAlive: () => boolean): SimLogStore {
    const { host, witness } = this.#env;
    return new SimLogStore({
      disk: this.disks.log,
      isAlive,
      intoProcess: (callback) => {
        if (!isAlive()) return;
        host.soon(() => {
          this.#step();
          if (isAlive()) callback();
        });
      },
      onAccepting: (write) => witness.accepting(this, write),
      onAccepted: (write) => {
        witness.accepted(this, write);
        this.#step();
      },
      onCompacted: () => {
        witness.note(this, 'compacted', this.log.firstIndex);
        this.#step();
      },
      onDiskError: (error) => this.#endByDisk(error),
    });
  }

  #openState(isAlive: () => boolean): SimStateStore {
    const { witness } = this.#env;
    return new SimStateStore({
      disk: this.disks.state,
      isAlive,
      hashOf: ({ hashText }) => hashText,
      onDisk: (act) => this.#onStateDisk(act, isAlive),
      onBegin: () => {
        if (isAlive()) this.look();
      },
      onCommitted: (position, image) => {
        witness.applied(this, position, image);
        this.#step();
      },
      onInstalled: (image) => {
        this.look();
        witness.installed(this, image);
        this.#step();
      },
      onSpoiled: (index) => witness.snapshotSpoiled(index),
      onRefused: (index) => witness.snapshotRefused(this, index),
    });
  }

  #onStateDisk<T>(act: () => T, isAlive: () => boolean): Promise<T> {
    const { host, time, prng, settlePromises } = this.#env;
    return new Promise((resolve, reject) => {
      time.after(prng.state.latency(1, 0.05, 40), () => {
        if (!isAlive()) return;
        if (this.disks.log.isFull) {
          this.#endByDisk('ENOSPC');
          return;
        }
        try {
          const result = act();
          host.soon(() => {
            resolve(result);
            settlePromises();
          });
        } catch (error) {
          reject(error);
          settlePromises();
        }
      });
    });
  }

  /** One more call of the process to what lies outside of it: the places at which it may die. */
  #step(): void {
    this.#stepsUntilCrash -= 1;
    if (this.#stepsUntilCrash > 0 || !this.#env.host.isUp) return;
    this.#env.witness.note(this, 'crash-in-step');
    this.crash();
    this.#afterStepCrash();
  }

  #endByDisk(error: DiskError): void {
    const { witness, onEnded } = this.#env;
    witness.note(this, 'disk-error', error === 'EIO' ? 1 : 2);
    this.crash();
    onEnded();
  }

  /** Holds what the core says now against the promises. */
  look(): void {
    const view = this.#process?.peer?.coreView;
    if (view === undefined || view === this.#lastView) return;
    this.#lastView = view;
    this.#env.witness.viewed(this, view);
  }

  /** The process cannot go on, though nothing was done to it. */
  uncaught(error: unknown): void {
    this.#env.fail(asViolation(this.name, error));
  }

  crash(): void {
    this.#env.witness.note(this, 'crash');
    this.#env.host.crash();
    this.disks.crash();
    this.#process = undefined;
    this.#lastView = undefined;
    this.#stepsUntilCrash = Number.POSITIVE_INFINITY;
  }

  crashAfterSteps(count: number, afterwards: () => void): void {
    this.#stepsUntilCrash = count;
    this.#afterStepCrash = afterwards;
  }

  doNotCrash(): void {
    this.#stepsUntilCrash = Number.POSITIVE_INFINITY;
  }

  // ---------------------------------------------------------------- disks

  /** Only while the process is down. */
  wipe(): void {
    this.disks.wipe();
    this.#env.witness.note(this, 'wiped');
  }

  syncSomeState(): void {
    this.disks.state.syncSome();
  }

  // ---------------------------------------------------------------- from outside

  receive(packet: Packet): void {
    this.#process?.receive(packet);
  }

  hint(about: SimHost): void {
    this.#process?.transport.hint(about.name);
  }

  /** Undefined when there is no process to ask. */
  changeMembers(verb: MemberVerb, name: NodeName): Promise<void> | undefined {
    return this.#process?.changeMembers(verb, name);
  }
}

function asViolation(node: string, error: unknown): Violation {
  if (error instanceof Violation) return error;
  const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
  return new Violation('fatal', `${node}: ${text}`, { cause: error });
}
