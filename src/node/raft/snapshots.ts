import type { RawNode } from '../../consensus/raw-node.ts';
import type { Message } from '../../consensus/message.ts';
import { maxIndex, type LogIndex, type PeerId, type Snapshot } from '../../consensus/types.ts';
import type { NodeName } from '../../protocol/ids.ts';
import type { Frame } from '../ports.ts';
import type { RaftDriver } from './raft-driver.ts';
import type { RaftPeerConfig, RaftPorts } from './raft-peer-types.ts';
import type { RaftSettings } from './raft-settings.ts';
import { SnapshotReceiver, type StagedSnapshot } from './snapshot-receiver.ts';
import { SnapshotSender } from './snapshot-sender.ts';

export interface SnapshotsEnv {
  readonly ports: Pick<RaftPorts<unknown, unknown>, 'clock' | 'directory' | 'log' | 'state' | 'transport'>;
  readonly config: Pick<RaftPeerConfig, 'boot' | 'clusterId'>;
  readonly settings: RaftSettings;
  readonly core: () => RawNode;
  /** Undefined before the peer has begun. */
  readonly driver: () => RaftDriver | undefined;
  /** A state that this node asked for is there. */
  readonly onFetched: (staged: StagedSnapshot) => void;
  /** Told, in a sentence, why a snapshot to or from another node came to nothing. */
  readonly onFailed: (reason: string) => void;
  readonly onFatal: (error: unknown) => void;
}

/** What one peer sends as leader, and what it receives as follower: both sides of taking state in place of log. */
export class Snapshots {
  readonly #sender: SnapshotSender;
  readonly #receiver: SnapshotReceiver;

  constructor(env: SnapshotsEnv) {
    const { config, settings, core, driver, onFetched, onFailed, onFatal } = env;
    const { clock, directory, log, state, transport } = env.ports;
    const monotonicMs = (): number => clock.monotonicMs();
    const common = { clusterId: config.clusterId, settings, state, monotonicMs, onFailed, onFatal };
    this.#sender = new SnapshotSender({
      ...common,
      boot: config.boot,
      log,
      send: (to, kind, payload) => transport.send(to, kind, payload),
      sendRaft: (messages) => transport.sendRaft(messages),
      nameOf: (peer) => directory.nameOf(peer),
      reportSnapshot: (peer, ok) => driver()?.input((node) => node.reportSnapshot(peer, ok)),
      matchOf: (peer) =>
        core()
          .status()
          .progress.find(({ id }) => id === peer)?.match,
    });
    this.#receiver = new SnapshotReceiver({
      ...common,
      send: (to, kind, payload) => transport.send(to, kind, payload),
      commitIndex: () => maxIndex(driver()!.view.commit, state.appliedIndex),
      term: () => driver()!.view.term,
      stepSnapshot: (message) => driver()?.inputNow((node) => void node.step(message)),
      onFetched,
    });
  }

  /** The log after this index must stay; undefined when nobody needs it. */
  get pinnedIndex(): LogIndex | undefined {
    return this.#sender.pinnedIndex;
  }

  get receiving(): boolean {
    return this.#receiver.receiving;
  }

  /** Describes the state in a `MsgSnap` that is about to leave; undefined when it must not. */
  prepare(message: Message): Message | undefined {
    return this.#sender.prepare(message);
  }

  /** Opens the state for a peer that has lost its own, or a part of its log; undefined when it has to wait. */
  offer(peer: PeerId): Snapshot | undefined {
    return this.#sender.offer(peer);
  }

  /** Fetches a state that another node has offered. @throws ParleyError `bad_request` */
  fetch(snapshot: Snapshot, from: NodeName): void {
    this.#receiver.fetch(snapshot, from);
  }

  /** A `MsgSnap` has come. @throws ParleyError `bad_request` */
  onSnap(message: Message, from: NodeName): void {
    this.#receiver.onSnap(message, from);
  }

  /** @throws ParleyError `bad_request` */
  onRequest({ from, payload }: Frame): void {
    this.#sender.onRequest(from, payload);
  }

  /** @throws ParleyError `bad_request` */
  onPiece({ from, payload }: Frame): void {
    this.#receiver.onPiece(from, payload);
  }

  /** Another process of a node takes part; `peer` is undefined for one that is no member. */
  onRestart(name: NodeName, peer: PeerId | undefined): void {
    if (peer !== undefined) this.#sender.onPeerRestarted(peer);
    this.#receiver.onPeerRestarted(name);
  }

  /** The core has accepted the snapshot of this message: what was staged for it. */
  take({ snapshot }: Message): StagedSnapshot | undefined {
    if (snapshot === undefined) return undefined;
    // What this node streamed to others when it led is a view of the state that is about to go.
    this.#sender.closeAll();
    return this.#receiver.take(snapshot.metadata);
  }

  /** `bytesBehind` tells how many bytes of log lie after an index. */
  onTick(bytesBehind: (index: LogIndex) => number): void {
    this.#sender.onTick(bytesBehind);
    this.#receiver.onTick();
  }

  /** Calls `done` once the store is at rest, so that it may be closed. */
  stop(done: () => void): void {
    this.#sender.closeAll();
    this.#receiver.stop(done);
  }
}
