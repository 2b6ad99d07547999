import { strict as assert } from 'node:assert';
import { readdir } from 'node:fs/promises';
import { makeMessage, MessageType, type Message } from '../consensus/message.ts';
import {
  EMPTY_BYTES,
  EMPTY_CONF_STATE,
  EntryType,
  plus,
  type LogIndex,
  type PeerId,
  type Term,
} from '../consensus/types.ts';
import { DEFAULT_RAFT_SETTINGS, type RaftSettings } from '../node/raft/raft-settings.ts';
import { SnapshotReceiver, type StagedSnapshot } from '../node/raft/snapshot-receiver.ts';
import { SnapshotSender } from '../node/raft/snapshot-sender.ts';
import type { LevelStateStore } from '../node/store/level-state-store.ts';
import { MemoryLogStore } from '../node/store/memory-log-store.ts';
import { MemoryStateStore } from './store/memory-state-store.ts';
import type { ClusterId, NodeName, StampMs } from '../protocol/ids.ts';
import { waitUntil } from './wait-until.ts';

const CLUSTER = `C${'a'.repeat(26)}` as ClusterId;
const FOLLOWER = 'n1' as NodeName;
export const TERM = 3 as Term;
export const PIECE_BYTES = 4_096;
export const SNAPSHOT_SETTINGS: RaftSettings = {
  ...DEFAULT_RAFT_SETTINGS,
  snapshotChunkBytesMax: PIECE_BYTES,
  snapshotWindowPieces: 4,
};

type Arrives = () => boolean;

/** A node that leads, with a state in memory. */
export class SnapshotLeader {
  readonly state = new MemoryStateStore();
  readonly reports: string[] = [];
  readonly sender: SnapshotSender;
  readonly name: NodeName;
  readonly log: MemoryLogStore;
  readonly #number: number;

  constructor(number: number, rows: number, world: SnapshotWorld) {
    this.name = `n${number}` as NodeName;
    const log = new MemoryLogStore();
    this.log = log;
    this.#number = number;
    this.grow(rows);
    this.sender = new SnapshotSender({
      boot: number,
      clusterId: CLUSTER,
      settings: SNAPSHOT_SETTINGS,
      log,
      state: this.state,
      monotonicMs: () => world.nowMs,
      send: (_to, _kind, payload) => world.carry(() => world.receiver.onPiece(this.name, world.spoil(payload))),
      sendRaft: ([message]) => world.carry(() => world.receiver.onSnap(message!, this.name)),
      nameOf: () => FOLLOWER,
      onFailed: () => {},
      reportSnapshot: (_peer, ok) => this.reports.push(ok ? 'ok' : 'failed'),
      matchOf: () => undefined,
      onFatal: (error) => world.fatal.push(error),
    });
  }

  grow(rows: number): void {
    for (let row = 0; row < rows; row += 1) {
      const index = plus(this.log.lastIndex(), 1);
      this.log.append({ entries: [{ index, term: TERM, type: EntryType.normal, data: EMPTY_BYTES }] }, () => {});
      const transaction = this.state.begin();
      transaction.put(`row/${index}`, new Uint8Array(300).fill(this.#number));
      transaction.commit({ index, term: TERM, stampMs: index as number as StampMs });
    }
  }

  snap(term: Term = TERM): Message {
    const metadata = { index: this.state.appliedIndex, term: TERM, confState: EMPTY_CONF_STATE };
    const fields = { to: 1 as PeerId, from: 2 as PeerId, term, snapshot: { metadata, data: EMPTY_BYTES } };
    const message = this.sender.prepare(makeMessage(MessageType.snap, fields));
    assert(message !== undefined);
    return message;
  }
}

/** A follower with a state on disk, leaders, and a network between them: no core, so tests say what it wants. */
export class SnapshotWorld {
  nowMs = 0;
  arrives: Arrives = () => true;
  /** How often a frame arrives, and how late (in turns of the event loop) each time. */
  hops: () => readonly number[] = () => [1];
  /** What becomes of a piece on its way. */
  spoil: (payload: Uint8Array) => Uint8Array = (payload) => payload;
  /** Whether the core still wants the snapshot when it has come. */
  coreWants = true;
  commitIndex = 0;
  term = TERM;
  /** What the core does with a snapshot that has come. */
  stepSnapshot = (message: Message): void => {
    this.stepped.push(message);
    if (this.coreWants && message.snapshot) this.taken = this.receiver.take(message.snapshot.metadata) ?? this.taken;
  };
  readonly stepped: Message[] = [];
  readonly refusals: string[] = [];
  readonly fatal: unknown[] = [];
  readonly leaders = new Map<NodeName, SnapshotLeader>();
  readonly receiver: SnapshotReceiver;
  readonly state: LevelStateStore;
  taken: StagedSnapshot | undefined;

  constructor(state: LevelStateStore) {
    this.state = state;
    this.receiver = new SnapshotReceiver({
      clusterId: CLUSTER,
      settings: SNAPSHOT_SETTINGS,
      state,
      monotonicMs: () => this.nowMs,
      send: (to, _kind, payload) => this.carry(() => this.leaders.get(to)?.sender.onRequest(FOLLOWER, payload)),
      commitIndex: () => this.commitIndex as LogIndex,
      term: () => this.term,
      stepSnapshot: (message) => this.stepSnapshot(message),
      onFailed: (reason) => this.refusals.push(reason),
      onFetched: () => {},
      onFatal: (error) => this.fatal.push(error),
    });
  }

  leader(number: number, rows: number): SnapshotLeader {
    const leader = new SnapshotLeader(number, rows, this);
    this.leaders.set(leader.name, leader);
    return leader;
  }

  carry(deliver: () => void): void {
    if (!this.arrives()) return;
    for (const hops of this.hops()) travel(hops, deliver);
  }

  /** Time passes until the condition holds, as slowly as messages travel. */
  async until(condition: () => boolean): Promise<void> {
    await waitUntil(() => {
      this.nowMs += 50;
      this.receiver.onTick();
      for (const { sender } of this.leaders.values()) sender.onTick(() => 0);
      assert.deepEqual(this.fatal, []);
      return condition();
    });
  }

  async install(): Promise<void> {
    await this.until(() => this.taken !== undefined);
    await this.taken!.finish();
    this.taken!.report(true);
  }
}

function travel(hops: number, deliver: () => void): void {
  if (hops === 0) deliver();
  else setImmediate(() => travel(hops - 1, deliver));
}

/** The states in a data directory. */
export const stateFoldersOf = async (dir: string): Promise<readonly string[]> =>
  (await readdir(dir)).filter((name) => /^state-\d+$/.test(name));
