import { randomBytes } from 'node:crypto';
import { encodeCommand } from '../protocol/command-codec.ts';
import { ParleyError } from '../protocol/errors.ts';
import { assembleClusterView, assembleStatus, leadership } from './cluster-status.ts';
import { ClusterClock } from './cluster-clock.ts';
import { Contact } from './contact.ts';
import { EventLoopLag } from './event-loop-lag.ts';
import { NodeInfoExchange } from './node-info.ts';
import type { NodeParts } from './node-parts.ts';
import { RunningMember, type Raft } from './running-member.ts';
import { Signals } from './signals.ts';
import { StateHashes } from './state-hashes.ts';
import { Standing } from './rollback/standing.ts';
import { DerivedSeal } from './node-seal.ts';
import { NodeHealth } from './node-health.ts';
import { recomputeHash } from './store/recompute-hash.ts';
import { SpaceGuard } from './disk/space-guard.ts';
import type { DiagnosisJson } from '../protocol/http/diagnosis.ts';
import type { NodeSighting } from './cluster-status.ts';
import type { NodeInfo } from './node-info.ts';
import type { AppliedEvents, BlobPort, ChatNode, Frame, KeyRingView, MemberVerb, NodeMeasures } from './ports.ts';
import { tableOf } from './peer-directory.ts';
import { diagnose } from './diagnosis/diagnose.ts';
import { measureNode } from './metrics/measure-node.ts';
import { RaftCounters } from './metrics/raft-counters.ts';
import { ClusterAdmin } from './membership/cluster-admin.ts';
import { KnownMembers } from './membership/known-members.ts';
import { MEMBERS_ROW, decodeMemberTable, isVoter } from './membership/member-table.ts';
import type { MemberTable } from './membership/member-table.ts';
import type { IntactStore, Manifest } from './store/node-store.ts';
import type { LogIndex } from '../consensus/types.ts';
import type { StateReader } from '../chat/ports.ts';
import type { CommandKind, CommandOf, CommandResult } from '../protocol/commands.ts';
import type { ClusterJson, CompactJson, DiskKeysJson, StateHashesJson, StatusJson } from '../protocol/http/schemas.ts';
import type { ClusterId, NodeName, StampMs } from '../protocol/ids.ts';

/** How long `status` waits for the other nodes. */
const STATUS_WAIT_MS = 600;

/**
 * One node: its store, its Raft peer and what it tells others about itself, behind the port that the API sees. It is
 * up as soon as it is built; it serves once the cluster is founded and its store is sound.
 */
export class ParleyNode implements ChatNode {
  readonly name: NodeName;
  readonly version: string;
  readonly registration: ClusterJson['registration'];
  readonly challengeKey: Uint8Array;
  readonly seal: DerivedSeal;
  readonly signals: Signals;
  readonly #parts: NodeParts;
  readonly #contact: Contact | null;
  readonly #admin: ClusterAdmin;
  readonly #infos: NodeInfoExchange;
  readonly #clusterClock: ClusterClock;
  readonly #lag = new EventLoopLag();
  readonly #hashes: StateHashes;
  readonly #known: KnownMembers;
  readonly #standing: Standing | null;
  readonly #space: SpaceGuard;
  readonly #health: NodeHealth;
  readonly #counters = new RaftCounters();
  readonly #startedAtMs: number;
  readonly #listeners = new Set<(applied: AppliedEvents) => void>();
  readonly #replacedListeners = new Set<() => void>();
  #member: RunningMember | null = null;
  #loadSource: () => { sockets: number; messagesPerSecond: number } = () => ({ sockets: 0, messagesPerSecond: 0 });
  #lagMs = 0;
  #leasesAreAgreed = false;
  #stopping = false;

  constructor(parts: NodeParts) {
    const { config, secret, store, transport, clock } = parts;
    this.#parts = parts;
    this.signals = new Signals(transport);
    this.name = config.name;
    this.version = config.version;
    this.registration = config.registration;
    this.challengeKey = secret.derive('session-challenge');
    this.seal = new DerivedSeal(secret);
    this.#startedAtMs = clock.monotonicMs();
    this.#known = new KnownMembers(config, store, parts.directory);
    this.#clusterClock = new ClusterClock(clock, () => this.#known.otherVoters());
    this.#infos = new NodeInfoExchange({
      transport,
      clock,
      self: () => this.#describe(),
      onTold: (node, { wallMs }) => {
        this.#clusterClock.heard(node, wallMs);
        this.#compareReads();
      },
    });
    this.#standing = store.kind === 'damaged' ? null : this.#buildStanding(store);
    this.#contact =
      store.kind === 'damaged' || this.#standing === null
        ? null
        : new Contact(config.name, config.peers, {
            transport,
            clock,
            store,
            randomBytes: (length) => new Uint8Array(randomBytes(length)),
            identity: parts.identity.public,
            table: () => (store.manifest === undefined ? null : parts.directory.table),
            onTable: (table) => this.#learn(table),
            standing: this.#standing,
            isKnown: (node) => parts.directory.identityOf(node) !== null,
            isMember: (node, identity) => parts.directory.identityOf(node) === identity,
            knowsNobody: () => store.state.appliedIndex === 0,
            isPeer: (node, peer) => parts.directory.nameOf(peer) === node,
            onJoined: (manifest) => this.#join(manifest),
            onFatal: parts.onFatal,
          });
    this.#admin = this.#buildAdmin();
    this.#space = this.#buildSpaceGuard();
    this.#health = new NodeHealth({
      store,
      members: this.#known,
      space: this.#space,
      standing: this.#standing,
      raftStatus: () => this.#raft?.status(),
      contactProblem: () => this.#contact?.problem ?? null,
    });
    this.#hashes = new StateHashes(() => (store.kind === 'damaged' ? { index: 0, hash: '' } : store.state.hash()));
    transport.onFrame((frame) => this.#route(frame));
    transport.onNamesake((boot) => this.#standing?.meetNamesake(config.name, boot));
  }

  #buildSpaceGuard(): SpaceGuard {
    const { config, store, logger } = this.#parts;
    return new SpaceGuard({
      ...this.#parts,
      self: config.name,
      dir: store.dir,
      reserveBytes: config.diskReserveBytes,
      followers: () => (this.raftView().leader === this.name ? (this.#raft?.status()?.progress ?? null) : null),
      leaderlessMs: () => this.leaderlessMs(),
      hasRoom: (node) => this.#infos.isFresh(node) && this.#infos.last(node)?.diskLow === false,
      transferLeadership: (to) => this.#raft?.transferLeadership(to),
      onChange: (level, freeBytes) => logger.warn({ level, freeBytes }, 'room on the disk'),
    });
  }

  #buildStanding(store: IntactStore): Standing {
    const { directory, logger, onFatal } = this.#parts;
    return new Standing({
      store,
      confState: () => this.#known.confState(),
      isMember: (peer) => directory.table.members.some((member) => member.peer === peer),
      onRefused: (problem) => {
        logger.error({ problem }, 'this node takes no part any more');
        void this.#raft?.stop({ transferLeadership: false });
        this.#contact?.announce();
      },
      onFatal,
    });
  }

  /** Leases rest on what all voters promise: while one of them is unknown, or does otherwise, none is trusted. */
  #compareReads(): void {
    this.#leasesAreAgreed = this.#known.otherVoters().every((node) => this.#infos.last(node)?.reads === 'lease');
  }

  /** A table from before this node was let in would make it forget itself. */
  #learn(table: MemberTable): void {
    const own = this.#parts.store.manifest?.peerId;
    if (own !== undefined && own < table.nextPeer) this.#parts.directory.hear(table);
  }

  #buildAdmin(): ClusterAdmin {
    const { clock, directory, logger } = this.#parts;
    return new ClusterAdmin({
      self: this.name,
      clock,
      status: () => this.#raft?.status() ?? null,
      table: () => directory.table,
      leader: () => leadership(this.raftView(), this.#freshSightings()).leader,
      refuse: () => void this.#serving(),
      candidate: (name) => this.#contact?.candidate(name) ?? null,
      urlOf: (node) => this.#infos.last(node)?.api ?? null,
      changeMembership: (planned, deadlineMs) => this.#serving().changeMembership(planned, deadlineMs),
      transferLeadership: (to) => this.#raft?.transferLeadership(to),
      onError: (error) => logger.warn({ error }, 'a replacement could not be completed; it is tried again'),
    });
  }

  start(): void {
    const { store, logger } = this.#parts;
    this.#space.start();
    this.#infos.start();
    if (store.kind === 'damaged') logger.error({ damage: store.damage }, 'data is damaged: this node does not vote');
    else if (store.manifest !== undefined) {
      if (store.repair !== undefined)
        logger.error({ damage: store.repair }, 'data was lost: the other nodes repair this one');
      this.#join(store.manifest);
    }
    this.#contact?.start();
  }

  /** Hands leadership over, then takes no further part. Store and transport stay open. */
  async stop(): Promise<void> {
    this.#stopping = true;
    this.#space.stop();
    this.#contact?.stop();
    this.#admin.stop();
    await this.#member?.stop();
    // The others remember how far this node came.
    this.#contact?.announce();
    this.#infos.stop();
    this.#lag.stop();
  }

  get clusterId(): ClusterId | null {
    return this.#parts.store.manifest?.clusterId ?? null;
  }

  get reader(): StateReader {
    const { store } = this.#parts;
    this.#health.refuseUnlessWhole();
    if (store.kind === 'damaged') throw new ParleyError('damaged', store.damage.reason);
    return store.state;
  }

  get blobs(): BlobPort {
    return this.#serving().blobs;
  }

  get stampMs(): StampMs {
    return this.#raft?.stampMs ?? (0 as StampMs);
  }

  async submit<K extends CommandKind>(command: CommandOf<K>, deadlineMs: number): Promise<CommandResult<K>> {
    return this.#counters.watch(async () => {
      this.#space.refuseIfLow();
      const result = await this.#serving().raft.submit(encodeCommand(command), deadlineMs);
      return result as CommandResult<K>;
    });
  }

  readBarrier(deadlineMs: number): Promise<void> {
    return this.#serving().raft.readBarrier(deadlineMs);
  }

  waitForIndex(index: number, deadlineMs: number): Promise<void> {
    return this.#serving().raft.waitForIndex(index as LogIndex, deadlineMs);
  }

  onApplied(listener: (applied: AppliedEvents) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  onReplaced(listener: () => void): () => void {
    this.#replacedListeners.add(listener);
    return () => this.#replacedListeners.delete(listener);
  }

  leaderlessMs(): number {
    return this.#raft?.leaderlessMs() ?? Number.POSITIVE_INFINITY;
  }

  raftView(): { leader: NodeName | null; term: number; commitIndex: number } {
    return this.#raft?.view() ?? { leader: null, term: 0, commitIndex: 0 };
  }

  clusterView(): ClusterJson {
    return assembleClusterView(
      { name: this.name, clusterId: this.clusterId, registration: this.registration },
      this.raftView(),
      this.#freshSightings(),
    );
  }

  async status(): Promise<StatusJson> {
    const others = this.#known.nodes().flatMap(({ id }) => (id === this.name ? [] : [id]));
    const answered = await this.#infos.ask(others, STATUS_WAIT_MS);
    return assembleStatus(
      this.clusterId,
      { ...this.raftView(), voters: this.#known.confState().voters.length },
      this.#sightings((node) => answered.has(node)),
    );
  }

  async changeMembers(verb: MemberVerb, name: NodeName): Promise<void> {
    await this.#admin.changeMembers(verb, name);
  }

  async transferLeadership(to: NodeName | null): Promise<NodeName> {
    return this.#admin.transferLeadership(to);
  }

  keyRing(): KeyRingView {
    const row = this.#member?.ring.epoch ?? null;
    return {
      epoch: row?.epoch ?? null,
      cause: row?.cause ?? null,
      since: row?.at ?? null,
      ageMs: row === null ? null : Math.max(0, this.#clusterClock.nowMs() - row.at),
      nextInMs: this.#member?.ring.nextInMs ?? null,
      nodes: this.#freshSightings().map(({ id, up, info }) => ({ id, up, epoch: info?.keyEpoch ?? null })),
    };
  }

  async rotateKeys(): Promise<void> {
    this.#admin.refuseUnlessLeading();
    await this.#serving().ring.rotate('asked');
  }

  async stateHashes(rows: boolean): Promise<StateHashesJson> {
    const { store } = this.#parts;
    if (store.kind === 'damaged') throw new ParleyError('damaged', store.damage.reason);
    if (!rows) return { hashes: [...this.#hashes.list()], rows: null };
    const { index, hash, recomputed, rows: count } = await recomputeHash(store.state);
    return { hashes: [...this.#hashes.list()], rows: { index, hash, recomputed, count } };
  }

  diagnosis(): DiagnosisJson {
    const { config, transport, directory, surroundings } = this.#parts;
    const status = this.#raft?.status() ?? null;
    return diagnose({
      info: this.#describe(),
      clusterId: this.clusterId,
      raft: status === null ? null : { status, explanation: this.#raft!.explain() },
      confState: this.#known.confState(),
      members: this.#known.nodes().map(({ id, voter }) => {
        const api = id === this.name ? config.advertiseUrl : (this.#infos.last(id)?.api ?? null);
        return { id, voter, api };
      }),
      directory,
      isConnected: transport.isConnected,
      surroundings: surroundings(),
    });
  }

  measures(): Promise<NodeMeasures> {
    return measureNode({
      parts: this.#parts,
      raft: this.#raft?.status() ?? null,
      leaderlessMs: this.leaderlessMs(),
      counters: this.#counters,
      known: this.#known,
      space: this.#space,
      health: this.#health,
      eventLoopLagMs: this.#lagMs,
    });
  }

  async compact(): Promise<CompactJson> {
    await this.#serving().raft.compact();
    const store = this.#soundStore();
    return { durableIndex: store.state.durableIndex, firstIndex: store.log.firstIndex() };
  }

  diskKeys(): DiskKeysJson {
    const { retiring, ...status } = this.#soundStore().keys.status;
    return { ...status, retiring: [...retiring] };
  }

  async rotateDiskKeys(): Promise<DiskKeysJson> {
    await this.#soundStore().keys.rotate();
    return this.diskKeys();
  }

  #soundStore(): IntactStore {
    const { store } = this.#parts;
    if (store.kind === 'damaged') throw new ParleyError('damaged', store.damage.reason);
    return store;
  }

  readiness(): ReturnType<ChatNode['readiness']> {
    const problem = this.#health.problem;
    if (problem !== null) return { ready: false, reason: problem };
    if (this.raftView().leader === null) return { ready: false, reason: 'No leader serves right now.' };
    return { ready: true };
  }

  isAdminToken(token: string): boolean {
    return this.#parts.secret.isAdminToken(token);
  }

  setLoadSource(source: () => { readonly sockets: number; readonly messagesPerSecond: number }): void {
    this.#loadSource = source;
  }

  get #raft(): Raft | null {
    return this.#member?.raft ?? null;
  }

  #serving(): RunningMember {
    if (this.#stopping) throw new ParleyError('shutting_down');
    this.#health.refuseUnlessWhole();
    if (this.#member !== null) return this.#member;
    throw new ParleyError('no_leader', this.#health.problem ?? 'This node has just started.');
  }

  #join(manifest: Manifest): void {
    const { store, transport, directory, logger } = this.#parts;
    if (store.kind === 'damaged' || this.#stopping) return;
    transport.bindTo(manifest.clusterId);
    directory.reset(tableOf(manifest));
    const stored = store.state.get(MEMBERS_ROW);
    if (stored !== undefined) directory.learn(decodeMemberTable(stored));
    const standing = this.#standing!;
    standing.begin(manifest.peerId);
    if (standing.problem !== null) {
      logger.error({ problem: standing.problem }, 'this node takes no part');
      return;
    }
    this.#member = new RunningMember({
      parts: this.#parts,
      ...{ store, manifest, standing },
      known: this.#known,
      space: this.#space,
      counters: this.#counters,
      clusterMs: () => this.#clusterClock.nowMs(),
      leasesAreAgreed: () => this.#leasesAreAgreed,
      onMet: (node) => this.#contact?.tell(node),
      onApplied: (applied) => {
        this.#hashes.applied(applied.index);
        for (const listener of this.#listeners) listener(applied);
      },
      onReplaced: () => {
        for (const listener of this.#replacedListeners) listener();
      },
      onMembers: () => this.#onMembers(),
      submit: (command, deadlineMs) => this.submit(command, deadlineMs),
      readBarrier: (deadlineMs) => this.readBarrier(deadlineMs),
    });
    this.#member.start();
    this.#admin.start();
  }

  #onMembers(): void {
    const { directory, logger } = this.#parts;
    logger.info({ members: directory.table.members }, 'members changed');
    if (this.#known.wasRemoved()) logger.warn({}, 'this node was removed from the cluster: it can be stopped');
    this.#contact?.announce();
    this.#compareReads();
    // The change is part of a transaction that is not over yet.
    queueMicrotask(() => this.#member?.ring.look());
  }

  #route(frame: Frame): void {
    if (frame.kind === 'hello') this.#contact?.receive(frame);
    else if (frame.kind === 'node-info') this.#infos.receive(frame.from, frame.payload);
    else if (frame.kind === 'blob') this.#member?.blobs.handleFrame(frame);
    else if (frame.kind === 'signal') this.signals.receive(frame);
    else if (frame.kind === 'ring') this.#member?.ring.receive(frame);
    else if (!this.#space.refuses(frame)) this.#raft?.handleFrame(frame);
  }

  #freshSightings(): NodeSighting[] {
    return this.#sightings((node) => this.#infos.isFresh(node));
  }

  #sightings(isUp: (node: NodeName) => boolean): NodeSighting[] {
    return this.#known
      .nodes()
      .map(({ id, voter }) =>
        id === this.name
          ? { id, voter, up: true, info: this.#describe() }
          : { id, voter, up: isUp(id), info: this.#infos.last(id) },
      );
  }

  #describe(): NodeInfo {
    const { config, store, clock, natsPid } = this.#parts;
    const load = this.#loadSource();
    const raft = this.#raft?.status() ?? null;
    const hash = store.kind === 'damaged' ? null : store.state.hash();
    this.#lagMs = this.#lag.sampleMs();
    return {
      id: config.name,
      role: this.#health.role,
      voter: store.manifest !== undefined && isVoter(this.#known.confState(), store.manifest.peerId),
      term: raft?.hardState.term ?? null,
      lastIndex: raft?.lastIndex ?? null,
      commitIndex: raft?.hardState.commit ?? null,
      appliedIndex: raft?.stateIndex ?? null,
      api: config.advertiseUrl,
      pid: process.pid,
      natsPid: natsPid(),
      verifiedAgoMs: store.kind === 'damaged' ? null : store.scrubber.verifiedAgoMs,
      version: config.version,
      uptimeMs: Math.round(clock.monotonicMs() - this.#startedAtMs),
      sockets: load.sockets,
      reads: config.reads,
      keyEpoch: this.#parts.ring.current?.epoch ?? null,
      messagesPerSecond: load.messagesPerSecond,
      eventLoopLagMs: this.#lagMs,
      wallMs: clock.wallMs(),
      stateHash: hash?.hash ?? null,
      stateHashIndex: hash?.index ?? null,
      problem: this.#health.problem,
      diskFreeBytes: this.#space.freeBytes,
      diskLow: this.#space.isLow,
      leader: raft?.leaderName ?? null,
    };
  }
}
