import { strict as assert } from 'node:assert';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Message } from '../consensus/message.ts';
import type { PeerId } from '../consensus/types.ts';
import { commandOrigin } from '../node/command-origin.ts';
import type { MemberDirectory } from '../node/membership/member-directory.ts';
import { directoryOf } from '../node/peer-directory.ts';
import type { Frame, FrameKind, LogStore, Transport } from '../node/ports.ts';
import { decodeMessages, encodeMessages } from '../node/raft/message-codec.ts';
import { RaftNode } from '../node/raft/raft-node.ts';
import type { RaftSettings } from '../node/raft/raft-settings.ts';
import type { StateMachine } from '../node/raft/state-machine.ts';
import type { IntactStore } from '../node/store/node-store.ts';
import { openNodeStore } from '../node/store/open-node-store.ts';
import { systemClock } from '../node/system-clock.ts';
import type { NodeName } from '../protocol/ids.ts';
import { encodeListCommand, ListMachine, type ListEvent, type ListResult } from './sim/list-machine.ts';
import { TEST_WRAPPING_KEY } from './store/test-keys.ts';
import { makeTemporaryFolder, SILENT, TEST_FOUNDING } from './store/temporary-store.ts';
import { waitUntil } from './wait-until.ts';

const { clusterId: CLUSTER, peers: PEERS } = TEST_FOUNDING;
const NAMES: readonly NodeName[] = PEERS.map(({ name }) => name);
/** Of the three peers, as founded. */
export const foundingDirectory = (): MemberDirectory => directoryOf(PEERS);
const DIRECTORY = foundingDirectory();
const DEADLINE_MS = 10_000;
/** Elections within tenths of a second: tests wait for several of them. */
const QUICK: Partial<RaftSettings> = { tickMs: 10, heartbeatTicks: 2, electionTicks: 15 };

type Kind = FrameKind | 'raft';
export type Loses = (from: NodeName, to: NodeName, kind: Kind) => boolean;

export interface PeerClusterOptions {
  readonly settings?: Partial<RaftSettings>;
  readonly machine?: (node: NodeName) => StateMachine<ListResult, ListEvent>;
  readonly leasesAreAgreed?: () => boolean;
  /** Puts something between a node and its log. */
  readonly logOf?: (node: NodeName, log: LogStore) => LogStore;
  readonly onSnapshotFailed?: ((reason: string) => void) | undefined;
}

export interface RunningPeer {
  readonly name: NodeName;
  readonly raft: RaftNode<ListResult, ListEvent>;
  readonly store: IntactStore;
  readonly transport: LoopTransport;
  readonly fatal: unknown[];
  installs: number;
}

/** Three peers in one process: the real driver on real LevelDB stores, with function calls for a network. */
export class PeerCluster {
  readonly #dir: string;
  readonly #options: PeerClusterOptions;
  readonly #running = new Map<NodeName, RunningPeer>();
  /** Decides about every frame. */
  loses: Loses = () => false;

  private constructor(dir: string, options: PeerClusterOptions) {
    this.#dir = dir;
    this.#options = options;
  }

  static async start(options: PeerClusterOptions = {}): Promise<PeerCluster> {
    const cluster = new PeerCluster(await makeTemporaryFolder(), options);
    for (const name of NAMES) await cluster.startNode(name);
    return cluster;
  }

  /** The data directory of a node. */
  folderOf(name: NodeName): string {
    return join(this.#dir, name);
  }

  get names(): readonly NodeName[] {
    return NAMES;
  }

  get running(): readonly RunningPeer[] {
    return [...this.#running.values()];
  }

  peer(name: NodeName): RunningPeer {
    const running = this.#running.get(name);
    assert(running !== undefined, `${name} is down`);
    return running;
  }

  /** Waits until all that run agree on a leader that is one of them. */
  async leader(): Promise<RunningPeer> {
    await waitUntil(() => {
      const [first, ...others] = this.running.map(({ raft }) => raft.view().leader);
      return (
        first !== null && first !== undefined && this.#running.has(first) && others.every((name) => name === first)
      );
    });
    return this.peer(this.running[0]!.raft.view().leader!);
  }

  async followers(): Promise<readonly RunningPeer[]> {
    const leader = await this.leader();
    return this.running.filter((peer) => peer !== leader);
  }

  async startNode(name: NodeName): Promise<RunningPeer> {
    const store = await this.#openStore(name);
    const transport = new LoopTransport(name, (to, deliver, kind) => this.#carry(name, to, deliver, kind));
    const fatal: unknown[] = [];
    const { settings, machine, logOf, leasesAreAgreed, onSnapshotFailed } = this.#options;
    const running: RunningPeer = {
      name,
      store,
      transport,
      fatal,
      installs: 0,
      raft: new RaftNode(
        {
          clock: systemClock,
          log: logOf?.(name, store.log) ?? store.log,
          state: store.state,
          transport,
          directory: foundingDirectory(),
          machine: machine?.(name) ?? new ListMachine({ forgetsTransactions: false }),
          random: Math.random,
          leasesAreAgreed,
        },
        {
          self: name,
          peer: DIRECTORY.peerOf(name)!,
          boot: commandOrigin(store.bootId, DIRECTORY.peerOf(name)!),
          clusterId: CLUSTER,
          foundingVoters: PEERS.map(({ peerId }) => peerId),
          settings: { ...QUICK, ...settings },
        },
        {
          onFatal: (error) => fatal.push(error),
          onInstalled: () => (running.installs += 1),
          onSnapshotFailed: (reason) => onSnapshotFailed?.(reason),
        },
      ),
    };
    transport.onFrame((frame) => void running.raft.handleFrame(frame));
    for (const other of this.running) other.transport.restarted(name);
    this.#running.set(name, running);
    await running.raft.start();
    return running;
  }

  async #openStore(name: NodeName): Promise<IntactStore> {
    const onFatal = (error: unknown): void => void this.#running.get(name)?.fatal.push(error);
    const place = { dir: join(this.#dir, name), nodeName: name, wrappingKey: TEST_WRAPPING_KEY };
    const options = { ...place, logger: SILENT, onFatal };
    const store = await openNodeStore(options);
    assert(store.kind === 'intact', 'the store cannot be repaired');
    if (store.manifest === undefined) {
      await store.recordFounding(TEST_FOUNDING);
      await store.join();
    }
    return store;
  }

  /** Ends a node without a word to the others. */
  async kill(name: NodeName): Promise<void> {
    const { raft, store, transport } = this.peer(name);
    this.#running.delete(name);
    transport.isOpen = false;
    await raft.stop({ transferLeadership: false });
    await store.close();
  }

  #carry(from: NodeName, to: NodeName, deliver: (receiver: LoopTransport) => void, kind: Kind): void {
    if (this.loses(from, to, kind)) return;
    setImmediate(() => {
      const receiver = this.#running.get(to)?.transport;
      if (receiver?.isOpen === true) deliver(receiver);
    });
  }

  /** Through one node; it settles when that node has applied it. */
  append(name: NodeName, txn: string, deadlineMs = DEADLINE_MS): Promise<ListResult> {
    return this.peer(name).raft.submit(encodeListCommand({ room: 'a', txn }), deadlineMs);
  }

  async appendMany(name: NodeName, prefix: string, count: number): Promise<void> {
    await Promise.all(Array.from({ length: count }, (_, i) => this.append(name, `${prefix}${i}`)));
  }

  /** Waits until all that run hold the same state, with all of the leader's log applied. */
  async equal(): Promise<void> {
    await waitUntil(() => {
      const states = this.running.map(({ store }) => store.state.hash());
      const lasts = this.running.map(({ store }) => store.log.lastIndex());
      return states.every(({ hash, index }, i) => hash === states[0]!.hash && index === lasts[i] && index === lasts[0]);
    });
  }

  async close(): Promise<void> {
    for (const name of [...this.#running.keys()]) await this.kill(name);
    await rm(this.#dir, { recursive: true, force: true });
  }
}

type Carry = (to: NodeName, deliver: (receiver: LoopTransport) => void, kind: Kind) => void;

/** Frames as function calls, through the codec of the real transport. */
export class LoopTransport implements Transport {
  readonly #self: NodeName;
  readonly #carry: Carry;
  #onRaft: (message: Message, from: NodeName) => void = () => {};
  #onFrame: (frame: Frame) => void = () => {};
  #onHint: (node: NodeName) => void = () => {};
  #onRestart: (node: NodeName) => void = () => {};
  watched: NodeName | null = null;
  readonly suspected: NodeName[] = [];
  isOpen = true;

  constructor(self: NodeName, carry: Carry) {
    this.#self = self;
    this.#carry = carry;
  }

  sendRaft(messages: readonly Message[]): void {
    const byReceiver = new Map<PeerId, Message[]>();
    for (const message of messages) {
      const group = byReceiver.get(message.to);
      if (group === undefined) byReceiver.set(message.to, [message]);
      else group.push(message);
    }
    for (const [peer, group] of byReceiver) {
      const bytes = encodeMessages(group);
      const deliver = (receiver: LoopTransport): void => {
        for (const message of decodeMessages(bytes)) receiver.#onRaft(message, this.#self);
      };
      if (this.isOpen) this.#carry(DIRECTORY.nameOf(peer)!, deliver, 'raft');
    }
  }

  send(to: NodeName, kind: FrameKind, payload: Uint8Array): void {
    const frame: Frame = { from: this.#self, boot: 0, identity: null, kind, payload };
    if (this.isOpen) this.#carry(to, (receiver) => receiver.#onFrame(frame), kind);
  }

  broadcast(kind: FrameKind, payload: Uint8Array): void {
    for (const name of NAMES) if (name !== this.#self) this.send(name, kind, payload);
  }

  onRaft(handler: (message: Message, from: NodeName) => void): void {
    this.#onRaft = handler;
  }
  onFrame(handler: (frame: Frame) => void): void {
    this.#onFrame = handler;
  }
  onHint(handler: (node: NodeName) => void): void {
    this.#onHint = handler;
  }
  onRestart(handler: (node: NodeName) => void): void {
    this.#onRestart = handler;
  }
  restarted(node: NodeName): void {
    this.#onRestart(node);
  }
  watch(node: NodeName | null): void {
    this.watched = node;
  }
  suspect(node: NodeName): void {
    this.suspected.push(node);
  }
  hint(node: NodeName): void {
    this.#onHint(node);
  }
  close(): Promise<void> {
    this.isOpen = false;
    return Promise.resolve();
  }
}
