import { randomBytes } from 'node:crypto';
import { applyBatch } from '../chat/apply.ts';
import { createApplyContext } from '../chat/apply-context.ts';
import { findExpired } from '../chat/queries-sweep.ts';
import { encodeCommand } from '../protocol/command-codec.ts';
import { clusterIdOf } from '../protocol/derive-ids.ts';
import { ParleyError } from '../protocol/errors.ts';
import { makeTxnId } from '../protocol/txn-id.ts';
import { BlobKeeper } from '../node/blobs/blob-keeper.ts';
import { ClusterSecret } from '../node/cluster-secret.ts';
import { DerivedSeal } from '../node/node-seal.ts';
import { systemClock } from '../node/system-clock.ts';
import { newCounters } from '../node/transport/transport-counters.ts';
import { LocalSignals } from './local-signals.ts';
import { MemoryState } from './memory-state.ts';
import type { ApplyContext } from '../chat/apply-context.ts';
import type { AppliedEvents, ChatNode, MemberVerb } from '../node/ports.ts';
import type { CommandKind, CommandOf, CommandResult } from '../protocol/commands.ts';
import type { ClusterJson, StatusJson } from '../protocol/http/schemas.ts';
import type { ClusterId, NodeName, StampMs } from '../protocol/ids.ts';
import { singleSeal } from './store/test-keys.ts';

export interface LocalNodeOptions {
  readonly name?: string;
  /** Another one than all other nodes of tests are in. */
  readonly clusterId?: ClusterId;
  readonly registration?: ChatNode['registration'];
  /** The advertised URL, known when the API listens. */
  readonly url?: () => string | null;
  /** Where the other node that is said to be up can be reached. */
  readonly neighbourUrl?: () => string | null;
  /** The first leader stamp; each entry is one millisecond later, and `advance` adds more. */
  readonly startMs?: number;
  readonly adminToken?: string;
  /** Where it keeps files; without it, it takes none. */
  readonly dataDir?: string;
}

interface Waiting {
  readonly command: Uint8Array;
  readonly settle: (result: CommandResult) => void;
  readonly fail: (error: ParleyError) => void;
}

/** So many commands go into one entry, as under load. */
const COMMANDS_PER_ENTRY_MAX = 64;

/**
 * A cluster of one node without log and disk: commands are applied by the real state machine, whatever arrives in
 * one turn of the event loop as one entry. The seams that tests need are the last methods.
 */
export class LocalChatNode implements ChatNode {
  readonly name: NodeName;
  readonly version = '0.0.0-test';
  readonly clusterId: ClusterId | null;
  readonly registration: ChatNode['registration'];
  readonly challengeKey = new Uint8Array(32).fill(7);
  readonly seal = new DerivedSeal(new ClusterSecret(new Uint8Array(32).fill(8)));
  readonly signals: LocalSignals;
  readonly #options: LocalNodeOptions;
  readonly #context: ApplyContext;
  readonly #state = new MemoryState();
  readonly #listeners = new Set<(applied: AppliedEvents) => void>();
  readonly #replacedListeners = new Set<() => void>();
  readonly #indexWaiters = new Set<() => void>();
  readonly #blobs: BlobKeeper | null;
  #queue: Waiting[] = [];
  #stampMs: number;
  #leaderlessMs = 0;
  #held = false;
  #load: () => { readonly sockets: number; readonly messagesPerSecond: number } = () => ({
    sockets: 0,
    messagesPerSecond: 0,
  });

  constructor(options: LocalNodeOptions = {}) {
    this.#options = options;
    this.name = (options.name ?? 'n1') as NodeName;
    this.signals = new LocalSignals(this.name);
    this.registration = options.registration ?? 'open';
    this.clusterId = options.clusterId ?? clusterIdOf(new Uint8Array(16).fill(1));
    this.#context = createApplyContext(this.clusterId);
    this.#stampMs = options.startMs ?? Date.now();
    this.#blobs = options.dataDir === undefined ? null : this.#buildBlobs(options.dataDir);
  }

  #buildBlobs(dataDir: string): BlobKeeper {
    return new BlobKeeper({
      seal: singleSeal(),
      self: this.name,
      dataDir,
      transport: { send: () => {}, broadcast: () => {} },
      clock: systemClock,
      reader: () => this.#state,
      others: () => [],
      isMajority: () => this.hasMajority,
      readBarrier: () => this.readBarrier(),
      room: { has: () => true, take: () => true },
      logger: { warn: () => {} },
    });
  }

  get blobs(): BlobKeeper {
    if (this.#blobs === null) throw new Error('This test node was given no place for files.');
    return this.#blobs;
  }

  get reader(): MemoryState {
    return this.#state;
  }

  get stampMs(): StampMs {
    return this.#stampMs as StampMs;
  }

  submit<K extends CommandKind>(command: CommandOf<K>, deadlineMs: number): Promise<CommandResult<K>> {
    const bytes = encodeCommand(command);
    return new Promise((resolve, reject) => {
      if (this.#leaderlessMs > 0) {
        reject(new ParleyError('no_leader'));
        return;
      }
      const timer = setTimeout(() => reject(new ParleyError('deadline_exceeded')), deadlineMs);
      if (this.#queue.length === 0 && !this.#held) setImmediate(() => this.#apply());
      this.#queue.push({
        command: bytes,
        settle: (result) => {
          clearTimeout(timer);
          resolve(result as CommandResult<K>);
        },
        fail: (error) => {
          clearTimeout(timer);
          reject(error);
        },
      });
    });
  }

  readBarrier(): Promise<void> {
    return this.#leaderlessMs > 0 ? Promise.reject(new ParleyError('no_leader')) : Promise.resolve();
  }

  waitForIndex(index: number, deadlineMs: number): Promise<void> {
    if (this.#state.appliedIndex >= index) return Promise.resolve();
    return new Promise((resolve, reject) => {
      const stop = (): void => {
        clearTimeout(timer);
        this.#indexWaiters.delete(check);
      };
      const check = (): void => {
        if (this.#state.appliedIndex < index) return;
        stop();
        resolve();
      };
      const timer = setTimeout(() => {
        stop();
        reject(new ParleyError('behind'));
      }, deadlineMs);
      this.#indexWaiters.add(check);
    });
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
    return this.#leaderlessMs;
  }

  raftView(): { leader: NodeName | null; term: number; commitIndex: number } {
    return { leader: this.#leaderlessMs > 0 ? null : this.name, term: 1, commitIndex: this.#state.appliedIndex };
  }

  clusterView(): ClusterJson {
    const { leader, term } = this.raftView();
    const load = { ...this.#load(), eventLoopLagMs: 0 };
    const nodes = [
      { id: this.name, url: this.#options.url?.() ?? null, up: true, load },
      { id: 'n2', url: this.#options.neighbourUrl?.() ?? null, up: true, load: null },
      { id: 'n3', url: null, up: false, load: null },
    ];
    return { clusterId: this.clusterId, node: this.name, leader, term, registration: this.registration, nodes };
  }

  status(): Promise<StatusJson> {
    const { leader, term, commitIndex } = this.raftView();
    return Promise.resolve({
      clusterId: this.clusterId,
      healthy: leader !== null,
      leader,
      term,
      commitIndex,
      quorum: { voters: 1, needed: 1, faultTolerance: 0 },
      nodes: [],
    });
  }

  changeMembers(_verb: MemberVerb, name: NodeName): Promise<void> {
    return Promise.reject(new ParleyError('no_such_node', `${name} is no member of this cluster.`));
  }

  keyRing(): ReturnType<ChatNode['keyRing']> {
    return { epoch: null, cause: null, since: null, ageMs: null, nextInMs: null, nodes: [] };
  }

  rotateKeys(): Promise<void> {
    return Promise.reject(new ParleyError('no_leader', 'A node alone shares no key.'));
  }

  transferLeadership(to: NodeName | null): Promise<NodeName> {
    if (to === null || to === this.name) return Promise.resolve(this.name);
    return Promise.reject(new ParleyError('no_such_node', `${to} is no member of this cluster.`));
  }

  stateHashes(): ReturnType<ChatNode['stateHashes']> {
    return Promise.resolve({ hashes: [], rows: null });
  }

  diagnosis(): ReturnType<ChatNode['diagnosis']> {
    const view = this.raftView();
    return {
      node: this.name,
      version: this.version,
      clusterId: this.clusterId,
      wallMs: Date.now(),
      uptimeMs: 0,
      reads: 'quorum',
      role: 'leader',
      ...view,
      appliedIndex: this.reader.appliedIndex,
      problem: null,
      noLeader: null,
      notCommitting: null,
      members: [{ id: this.name, voter: true, api: this.#options.url?.() ?? null, heard: null, behind: null }],
      changingMembers: false,
      eventLoopLagMs: 0,
      disk: null,
      natsPid: null,
      connected: true,
      files: [],
      certificateExpiresMs: null,
      wrappingKey: 'file',
    };
  }

  measures(): ReturnType<ChatNode['measures']> {
    const { appliedIndex } = this.reader;
    return Promise.resolve({
      role: 'leader',
      raft: {
        term: 1,
        commitIndex: appliedIndex,
        appliedIndex,
        firstIndex: 1,
        lastIndex: appliedIndex,
        commandsWaiting: this.waitingCount,
        followers: [],
      },
      leaderlessMs: this.#leaderlessMs,
      voters: 1,
      campaigns: { 'pre-election': 0, election: 0, transfer: 0 },
      leaderChanges: 0,
      snapshots: { sent: 0, installed: 0, failed: 0 },
      commands: new Map(),
      disk: { logBytes: 0, stateBytes: 0, freeBytes: null, isLow: false, isDamaged: false, verifiedAgoMs: null },
      transport: { ...newCounters(), isConnected: true },
      eventLoopLagMs: 0,
    });
  }

  compact(): ReturnType<ChatNode['compact']> {
    return Promise.resolve({ durableIndex: this.reader.appliedIndex, firstIndex: 1 });
  }

  diskKeys(): ReturnType<ChatNode['diskKeys']> {
    return { generation: 1, ageMs: 0, sealedRows: 0, retiring: [], resealing: null, wrappedBy: '00' };
  }

  rotateDiskKeys(): ReturnType<ChatNode['rotateDiskKeys']> {
    return Promise.resolve({ ...this.diskKeys(), generation: 2, retiring: [1] });
  }

  readiness(): ReturnType<ChatNode['readiness']> {
    return this.#leaderlessMs > 0 ? { ready: false, reason: 'No leader serves right now.' } : { ready: true };
  }

  isAdminToken(token: string): boolean {
    return token === (this.#options.adminToken ?? 'admin');
  }

  setLoadSource(source: () => { readonly sockets: number; readonly messagesPerSecond: number }): void {
    this.#load = source;
  }

  // ------------------------------------------------------------ seams for tests

  /** Whether files on this node's disk count as stored. */
  hasMajority = true;

  /** Lets the leader's time pass; the next entry carries it. */
  advance(ms: number): void {
    this.#stampMs += ms;
  }

  /** As the leader's sweeper does. @returns how much was removed */
  async sweep(): Promise<number> {
    const keys = await findExpired(this.#state, this.stampMs, 1_000);
    const txnId = makeTxnId(this.#stampMs, new Uint8Array(randomBytes(10)));
    const result = await this.submit({ kind: 'state.sweep', actor: null, txnId, body: { keys } }, 1_000);
    return result.ok ? result.value.removed : 0;
  }

  /** 0: the leader is back. */
  loseLeader(forMs: number): void {
    this.#leaderlessMs = forMs;
    if (forMs > 0) for (const { fail } of this.#queue.splice(0)) fail(new ParleyError('no_leader'));
  }

  get waitingCount(): number {
    return this.#queue.length;
  }

  /** Commands wait until `release`. */
  hold(): void {
    this.#held = true;
  }

  release(): void {
    this.#held = false;
    this.#apply();
  }

  /** As after a snapshot: what `change` does is applied, but nobody hears of its events. */
  async replaceState(change: () => Promise<unknown>): Promise<void> {
    const listeners = [...this.#listeners];
    this.#listeners.clear();
    await change();
    for (const listener of listeners) this.#listeners.add(listener);
    for (const listener of this.#replacedListeners) listener();
  }

  #apply(): void {
    if (this.#held) return;
    const entry = this.#queue.splice(0, COMMANDS_PER_ENTRY_MAX);
    if (entry.length === 0) return;
    if (this.#queue.length > 0) setImmediate(() => this.#apply());
    const index = this.#state.appliedIndex + 1;
    this.#stampMs += 1;
    const stampMs = this.stampMs;
    const commands = entry.map(({ command }) => command);
    const { results, events, blobs } = applyBatch(this.#state, { index, stampMs, commands }, this.#context);
    this.#state.appliedIndex = index;
    this.#blobs?.touched(blobs);
    for (const listener of this.#listeners) listener({ index, stampMs, events });
    entry.forEach(({ settle }, i) => settle(results[i]!));
    for (const check of this.#indexWaiters) check();
  }
}
