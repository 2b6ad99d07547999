import { strict as assert } from 'node:assert';
import { readdir } from 'node:fs/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { makeMessage, MessageType, type Message } from '../../consensus/message.ts';
import {
  EMPTY_BYTES,
  EMPTY_CONF_STATE,
  EntryType,
  type LogIndex,
  type PeerId,
  type Term,
} from '../../consensus/types.ts';
import type { ClusterId, NodeName, StampMs } from '../../protocol/ids.ts';
import { Prng } from '../../testing/sim/prng.ts';
import { SingleStore } from '../../testing/store/single-stores.ts';
import { waitUntil } from '../../testing/wait-until.ts';
import type { LevelStateStore } from '../store/level-state-store.ts';
import { MemoryLogStore } from '../store/memory-log-store.ts';
import { MemoryStateStore } from '../store/memory-state-store.ts';
import { DEFAULT_RAFT_SETTINGS, type RaftSettings } from './raft-settings.ts';
import { decodeDescription, decodePiece, decodeRequest, encodeDescription, headerOf } from './snapshot-frames.ts';
import { SnapshotReceiver, type StagedSnapshot } from './snapshot-receiver.ts';
import { SnapshotSender } from './snapshot-sender.ts';

const CLUSTER = `C${'a'.repeat(26)}` as ClusterId;
const FOLLOWER = 'n1' as NodeName;
const TERM = 3 as Term;
const PIECE_BYTES = 4_096;
const settings: RaftSettings = { ...DEFAULT_RAFT_SETTINGS, snapshotChunkBytesMax: PIECE_BYTES };

type Arrives = () => boolean;

/** A node that leads, with a state in memory. */
class Leader {
  readonly state = new MemoryStateStore();
  readonly reports: string[] = [];
  readonly sender: SnapshotSender;
  readonly name: NodeName;

  constructor(number: number, rows: number, world: World) {
    this.name = `n${number}` as NodeName;
    const log = new MemoryLogStore();
    for (let at = 1; at <= rows; at += 1) {
      const index = at as LogIndex;
      log.append({ entries: [{ index, term: TERM, type: EntryType.normal, data: EMPTY_BYTES }] }, () => {});
      const transaction = this.state.begin();
      transaction.put(`row/${index}`, new Uint8Array(300).fill(number));
      transaction.commit({ index, term: TERM, stampMs: index as number as StampMs });
    }
    this.sender = new SnapshotSender({
      boot: number,
      clusterId: CLUSTER,
      settings,
      log,
      state: this.state,
      monotonicMs: () => world.nowMs,
      send: (_to, _kind, payload) => world.carry(() => world.receiver.onPiece(this.name, world.spoil(payload))),
      reportSnapshot: (_peer, ok) => this.reports.push(ok ? 'ok' : 'failed'),
      matchOf: () => undefined,
      onFatal: (error) => world.fatal.push(error),
    });
  }

  snap(term: Term = TERM): Message {
    const metadata = { index: this.state.appliedIndex, term: TERM, confState: EMPTY_CONF_STATE };
    const fields = { to: 1 as PeerId, from: 2 as PeerId, term, snapshot: { metadata, data: EMPTY_BYTES } };
    const message = this.sender.prepare(makeMessage(MessageType.snap, fields));
    assert(message !== undefined);
    return message;
  }
}

/** A follower with a state on disk, leaders, and a network between them. */
class World {
  nowMs = 0;
  arrives: Arrives = () => true;
  /** What becomes of a piece on its way. */
  spoil: (payload: Uint8Array) => Uint8Array = (payload) => payload;
  /** Whether the core still wants the snapshot when it has come. */
  coreWants = true;
  commitIndex = 0;
  term = TERM;
  readonly stepped: Message[] = [];
  readonly fatal: unknown[] = [];
  readonly leaders = new Map<NodeName, Leader>();
  readonly receiver: SnapshotReceiver;
  readonly state: LevelStateStore;
  taken: StagedSnapshot | undefined;

  constructor(state: LevelStateStore) {
    this.state = state;
    this.receiver = new SnapshotReceiver({
      clusterId: CLUSTER,
      settings,
      state,
      monotonicMs: () => this.nowMs,
      send: (to, _kind, payload) => this.carry(() => this.leaders.get(to)?.sender.onRequest(FOLLOWER, payload)),
      commitIndex: () => this.commitIndex as LogIndex,
      term: () => this.term,
      stepSnapshot: (message) => {
        this.stepped.push(message);
        if (this.coreWants && message.snapshot) this.taken = this.receiver.take(message.snapshot.metadata);
      },
      onFatal: (error) => this.fatal.push(error),
    });
  }

  leader(number: number, rows: number): Leader {
    const leader = new Leader(number, rows, this);
    this.leaders.set(leader.name, leader);
    return leader;
  }

  carry(deliver: () => void): void {
    if (this.arrives()) setImmediate(deliver);
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

const foldersOf = async (dir: string): Promise<readonly string[]> =>
  (await readdir(dir)).filter((name) => /^state-\d+$/.test(name));

let store: SingleStore<LevelStateStore>;
let world: World;
beforeEach(async () => {
  store = await SingleStore.state();
  world = new World(store.store);
});
afterEach(async () => {
  await new Promise<void>((resolve) => world.receiver.stop(resolve));
  for (const { sender } of world.leaders.values()) sender.closeAll();
  await store.remove();
});

describe('a snapshot on its way', () => {
  it('changes nothing before all of it is there, then everything at once', async () => {
    const leader = world.leader(2, 100);
    const message = leader.snap();
    world.receiver.onSnap(message, leader.name);
    await world.until(() => world.taken !== undefined);
    expect(world.stepped).toEqual([message]);
    expect(world.state.appliedIndex).toBe(0);
    await world.install();
    expect(world.state.appliedIndex).toBe(100);
    expect(world.state.lastStampMs).toBe(100);
    expect(world.state.hash()).toEqual(leader.state.hash());
    await world.until(() => leader.reports.length === 1);
    expect(leader.reports).toEqual(['ok']);
    expect(world.receiver.receiving).toBe(false);
  });

  it.each([1, 2, 3])('arrives although half of its pieces and questions are lost (seed %i)', async (seed) => {
    const prng = new Prng(seed, 1);
    const leader = world.leader(2, 100);
    world.receiver.onSnap(leader.snap(), leader.name);
    world.arrives = () => prng.chance(0.5);
    await world.install();
    expect(world.state.hash()).toEqual(leader.state.hash());
  });

  it('begins anew with the next leader, whatever the old one still sends', async () => {
    const [old, next] = [world.leader(2, 100), world.leader(3, 120)];
    let pieces = 0;
    world.arrives = () => (pieces += 1) < 10;
    world.receiver.onSnap(old.snap(), old.name);
    await world.until(() => pieces >= 10);
    world.term = (TERM + 1) as Term;
    world.arrives = () => true;
    world.receiver.onSnap(next.snap(world.term), next.name);
    // A description of long ago must not interrupt the one that counts.
    const late = old.snap();
    world.receiver.onSnap(late, old.name);
    expect(world.stepped).toEqual([late]);
    await world.install();
    expect(world.state.hash()).toEqual(next.state.hash());
    await world.until(() => old.reports.length === 1);
    expect(old.reports).toEqual(['failed']);
  });

  it('is the same one when its description comes twice', async () => {
    const leader = world.leader(2, 100);
    const message = leader.snap();
    world.receiver.onSnap(message, leader.name);
    world.receiver.onSnap(message, leader.name);
    await world.install();
    world.receiver.onSnap(message, leader.name);
    expect(world.state.appliedIndex).toBe(100);
  });

  it('is thrown away when the core has caught up otherwise', async () => {
    const leader = world.leader(2, 100);
    world.coreWants = false;
    world.receiver.onSnap(leader.snap(), leader.name);
    await world.until(() => leader.reports.length === 1);
    expect(leader.reports).toEqual(['failed']);
    expect(world.state.appliedIndex).toBe(0);
    expect(world.receiver.receiving).toBe(false);
  });

  it('is not fetched at all when it holds nothing new', () => {
    const leader = world.leader(2, 100);
    world.commitIndex = 100;
    const message = leader.snap();
    world.receiver.onSnap(message, leader.name);
    expect(world.stepped).toEqual([message]);
    expect(world.receiver.receiving).toBe(false);
  });

  it('is given up when its leader is gone, or has closed it', async () => {
    const leader = world.leader(2, 100);
    world.receiver.onSnap(leader.snap(), leader.name);
    leader.sender.closeAll();
    await world.until(() => !world.receiver.receiving);
    world.receiver.onSnap(leader.snap(), leader.name);
    world.arrives = () => false;
    await world.until(() => !world.receiver.receiving);
    expect(world.stepped).toEqual([]);
  });

  it('leaves the store at rest when the node stops, wherever it was', async () => {
    const leader = world.leader(2, 100);
    let steps = 0;
    for (const wanted of [1, 2, 3, 5, 8]) {
      steps = 0;
      world.arrives = () => (steps += 1) <= wanted;
      world.receiver.onSnap(leader.snap(), leader.name);
      if (wanted > 1) await world.until(() => steps >= wanted);
      await new Promise<void>((resolve) => world.receiver.stop(resolve));
      expect(world.receiver.receiving).toBe(false);
      expect(await foldersOf(store.dir)).toEqual(['state-1']);
    }
  });

  it('that is being installed is so when the store is closed', async () => {
    const leader = world.leader(2, 100);
    world.receiver.onSnap(leader.snap(), leader.name);
    await world.until(() => world.taken !== undefined);
    void world.taken!.finish();
    await new Promise<void>((resolve) => world.receiver.stop(resolve));
    const reopened = await store.reopen();
    expect(reopened.appliedIndex).toBe(100);
    expect(await foldersOf(store.dir)).toEqual(['state-2']);
  });

  it('of another cluster is refused, and what nobody can read', () => {
    const leader = world.leader(2, 10);
    const message = leader.snap();
    const { metadata } = message.snapshot!;
    const description = decodeDescription(message.snapshot!.data);
    const { id } = description;
    const header = { ...headerOf(description, metadata), clusterId: `C${'b'.repeat(26)}` as ClusterId };
    world.receiver.onSnap({ ...message, snapshot: { metadata, data: encodeDescription(id, header) } }, leader.name);
    expect(world.receiver.receiving).toBe(false);
    const broken = { ...message, snapshot: { metadata, data: new Uint8Array(3) } };
    expect(() => world.receiver.onSnap(broken, leader.name)).toThrow('malformed');
    expect(() => decodePiece(new Uint8Array(3))).toThrow('malformed');
    expect(() => decodeRequest(new Uint8Array(3))).toThrow('malformed');
    expect(world.receiver.receiving).toBe(false);
  });

  it.each<[what: string, where: (bytes: number) => number]>([
    // The length of its first row stands at the beginning of the stream.
    ['what cannot be rows', (bytes) => bytes - PIECE_BYTES],
    ['other rows than the leader has', (bytes) => bytes - 10],
  ])('refuses %s, tells the leader, and takes the next one', async (_, where) => {
    const leader = world.leader(2, 100);
    let pieces = 0;
    world.spoil = (payload) => {
      pieces += 1;
      if (pieces !== 1) return payload;
      const spoiled = Uint8Array.from(payload);
      const at = where(payload.length);
      spoiled.fill(0xff, at, at + 8);
      return spoiled;
    };
    const before = await foldersOf(store.dir);
    world.receiver.onSnap(leader.snap(), leader.name);
    await world.until(() => leader.reports.length === 1);
    expect(leader.reports).toEqual(['failed']);
    expect(world.stepped).toEqual([]);
    await world.until(() => !world.receiver.receiving);
    await waitUntil(async () => (await foldersOf(store.dir)).length === before.length);

    world.receiver.onSnap(leader.snap(), leader.name);
    await world.install();
    expect(world.state.hash().hash).toBe(leader.state.hash().hash);
  });
});
