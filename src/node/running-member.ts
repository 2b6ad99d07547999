import type { CommandOf, CommandKind, CommandResult } from '../protocol/commands.ts';
import type { PlacedEvent } from '../protocol/events.ts';
import type { NodeName } from '../protocol/ids.ts';
import { nodeRandom } from '../crypto/node-random.ts';
import { BlobKeeper } from './blobs/blob-keeper.ts';
import { ChatMachine } from './chat-machine.ts';
import { commandOrigin } from './command-origin.ts';
import type { SpaceGuard } from './disk/space-guard.ts';
import { removedBy, type PlannedChange } from './membership/change-rules.ts';
import type { KnownMembers } from './membership/known-members.ts';
import { isMajority } from './membership/member-table.ts';
import type { RaftCounters } from './metrics/raft-counters.ts';
import type { NodeParts } from './node-parts.ts';
import type { AppliedEvents } from './ports.ts';
import { RingKeeper } from './ring/ring-keeper.ts';
import { RaftNode } from './raft/raft-node.ts';
import type { RaftSettings } from './raft/raft-settings.ts';
import { REPAIR_NEWS } from './repair/repair-news.ts';
import { RaftGate } from './rollback/raft-gate.ts';
import type { Standing } from './rollback/standing.ts';
import type { IntactStore, Manifest } from './store/node-store.ts';
import { Sweeper } from './sweeper.ts';

export type Raft = RaftNode<CommandResult, PlacedEvent>;

export interface RunningMemberEnv {
  readonly parts: NodeParts;
  readonly store: IntactStore;
  readonly manifest: Manifest;
  readonly standing: Standing;
  readonly known: KnownMembers;
  readonly space: SpaceGuard;
  readonly counters: RaftCounters;
  /** The median of the voters' clocks. */
  readonly clusterMs: () => number;
  readonly leasesAreAgreed: () => boolean;
  /** Another process of a node has come into reach. */
  readonly onMet: (node: NodeName) => void;
  readonly onApplied: (applied: AppliedEvents) => void;
  /** The state was replaced by a snapshot. */
  readonly onReplaced: () => void;
  readonly onMembers: () => void;
  readonly readBarrier: (deadlineMs: number) => Promise<void>;
  readonly submit: <K extends CommandKind>(command: CommandOf<K>, deadlineMs: number) => Promise<CommandResult<K>>;
}

/** What runs in a node once it is a member of its cluster: its Raft peer, the files it keeps, and the sweeper. */
export class RunningMember {
  readonly raft: Raft;
  readonly blobs: BlobKeeper;
  readonly ring: RingKeeper;
  readonly #env: RunningMemberEnv;
  readonly #machine: ChatMachine;
  readonly #sweeper: Sweeper;

  constructor(env: RunningMemberEnv) {
    this.#env = env;
    this.blobs = this.#buildBlobs();
    env.store.keys.attach('blobs', (before) => this.blobs.reseal(before));
    this.#machine = new ChatMachine(env.manifest.clusterId, { onBlobs: (touched) => this.blobs.touched(touched) });
    this.raft = this.#buildRaft();
    this.#sweeper = this.#buildSweeper();
    this.ring = this.#buildRing();
  }

  #buildRing(): RingKeeper {
    const { parts, store, manifest, clusterMs, submit } = this.#env;
    const { config, identity, ring, transport, clock, directory, logger } = parts;
    return new RingKeeper({
      ...{ self: config.name, cluster: manifest.clusterId, identity, keys: ring, transport, clock },
      random: nodeRandom,
      reader: store.state,
      rotateEveryMs: config.keyRotationMs,
      isLeader: () => this.raft.view().leader === config.name,
      stampMs: clusterMs,
      members: () => directory.table.members,
      propose: submit,
      onError: (error) => logger.warn({ error }, 'a new key could not be brought into the log; it is tried again'),
    });
  }

  /** Whoever is taken out leaves the ring with the same entry of the log. */
  changeMembership(planned: PlannedChange, deadlineMs: number): Promise<void> {
    const gone = removedBy(planned, this.#env.parts.directory.table).flatMap(({ identity }) => identity ?? []);
    const ringKey = gone.length === 0 ? null : this.ring.sealForAllBut(new Set(gone));
    return this.raft.changeMembership({ ...planned, ringKey }, deadlineMs);
  }

  #buildBlobs(): BlobKeeper {
    const { parts, store, known, space, readBarrier } = this.#env;
    const { config, transport, directory, clock, logger } = parts;
    return new BlobKeeper({
      ...{ self: config.name, dataDir: store.dir, seal: store.seals.of('blobs'), transport, clock, logger },
      reader: () => store.state,
      others: () => known.nodes().flatMap(({ id }) => (id === config.name ? [] : [id])),
      isMajority: (nodes) => isMajority(known.confState(), (peer) => nodes.has(directory.nameOf(peer)!)),
      readBarrier,
      room: space,
    });
  }

  #buildRaft(): Raft {
    const { parts, store, manifest, standing, space, clusterMs, leasesAreAgreed, onMet } = this.#env;
    const { config, transport, directory, clock } = parts;
    const gate = new RaftGate(transport, standing, { onMet, withholds: (message) => space.withholds(message) });
    return new RaftNode(
      {
        ...{ clock, directory, clusterMs, leasesAreAgreed },
        log: store.log,
        state: store.state,
        transport: gate,
        machine: this.#machine,
        random: Math.random,
      },
      {
        self: config.name,
        peer: manifest.peerId,
        boot: commandOrigin(store.bootId, manifest.peerId),
        clusterId: manifest.clusterId,
        foundingVoters: manifest.peers.map((peer) => peer.peerId),
        settings: { reads: config.reads, ...logAge(config.logAgeMsMax) },
      },
      this.#raftEvents(),
    );
  }

  #raftEvents(): ConstructorParameters<typeof RaftNode<CommandResult, PlacedEvent>>[2] {
    const { parts, counters, onApplied, onReplaced, onMembers } = this.#env;
    const { logger, onFatal } = parts;
    return {
      onFatal,
      onApplied,
      onMembers,
      onInstalled: (index) => {
        this.#machine.forget();
        this.blobs.scan();
        counters.snapshots.installed += 1;
        logger.info({ index }, 'state replaced by a snapshot');
        onReplaced();
      },
      onLeaderChange: (view) => {
        counters.leaderChanges += 1;
        logger.info({ ...view }, 'leader changed');
      },
      onSnapshotFailed: (reason) => {
        counters.snapshots.failed += 1;
        logger.warn({ reason }, 'a snapshot failed');
      },
      onStall: (lateMs) => logger.warn({ lateMs }, 'the event loop was held up'),
      onRaftEvent: (event) => {
        counters.take(event);
        const news = REPAIR_NEWS[event.kind];
        if (news !== undefined) logger.info({ event }, news);
        logger.debug({ event }, 'raft');
      },
    };
  }

  #buildSweeper(): Sweeper {
    const { parts, store, submit } = this.#env;
    const { config, clock, logger } = parts;
    return new Sweeper({
      clock,
      reader: store.state,
      isLeader: () => this.raft.view().leader === config.name,
      propose: submit,
      onError: (error) => logger.warn({ error }, 'sweeping failed; it is tried again'),
    });
  }

  start(): void {
    const { parts, store, manifest } = this.#env;
    const { config, logger, onFatal } = parts;
    store.scrubber.start();
    logger.info({ clusterId: manifest.clusterId, peer: manifest.peerId }, 'member of the cluster');
    if (config.reads === 'lease') logger.info({}, 'reads from leases: failover by hints is off');
    this.raft.start().catch(onFatal);
    this.blobs.start();
    this.#sweeper.start();
    this.ring.start();
  }

  /** Hands leadership over, then takes no further part. */
  async stop(): Promise<void> {
    this.#sweeper.stop();
    this.ring.stop();
    await this.blobs.stop();
    await this.raft.stop({ transferLeadership: true });
  }
}

/** Looked for so often that little is left far beyond its time. */
const AGE_CHECKS = 12;

function logAge(msMax: number): Pick<RaftSettings, 'compactAgeMs' | 'compactAgeCheckMs'> {
  return { compactAgeMs: msMax, compactAgeCheckMs: msMax / AGE_CHECKS };
}
