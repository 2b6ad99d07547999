import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Term } from '../../consensus/types.ts';
import type { NodeName } from '../../protocol/ids.ts';
import { Prng } from '../../testing/sim/prng.ts';
import { PIECE_BYTES, SNAPSHOT_SETTINGS, SnapshotWorld, stateFoldersOf, TERM } from '../../testing/snapshot-world.ts';
import { runSource } from '../../testing/source-program.ts';
import { SingleStore } from '../../testing/store/single-stores.ts';
import { waitUntil } from '../../testing/wait-until.ts';
import type { StateSnapshotHeader } from '../ports.ts';
import type { LevelStateStore } from '../store/level-state-store.ts';
import { decodeDescription, decodeRequest, encodeDescription, headerOf } from './snapshot-frames.ts';
import { decodePiece } from './snapshot-piece.ts';

let store: SingleStore<LevelStateStore>;
let world: SnapshotWorld;
beforeEach(async () => {
  store = await SingleStore.state();
  world = new SnapshotWorld(store.store);
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

  it('is received into no more memory than the window, however large it is', async () => {
    const leader = world.leader(2, 200);
    const rooms = new Set<ArrayBufferLike>();
    const beginInstall = world.state.beginInstall.bind(world.state);
    world.state.beginInstall = async (header) => {
      const install = await beginInstall(header);
      const write = install.write.bind(install);
      install.write = (chunk) => {
        rooms.add(chunk.buffer);
        return write(chunk);
      };
      return install;
    };
    world.receiver.onSnap(leader.snap(), leader.name);
    await world.install();
    expect(world.state.hash()).toEqual(leader.state.hash());
    expect(rooms.size).toBe(SNAPSHOT_SETTINGS.snapshotWindowPieces);
  });

  it.each([1, 2, 3])('arrives although half of its pieces and questions are lost (seed %i)', async (seed) => {
    const prng = new Prng(seed, 1);
    const leader = world.leader(2, 100);
    world.receiver.onSnap(leader.snap(), leader.name);
    world.arrives = () => prng.chance(0.5);
    await world.install();
    expect(world.state.hash()).toEqual(leader.state.hash());
  });

  it.each([1, 2, 3])('arrives although frames come twice and in any order (seed %i)', async (seed) => {
    const prng = new Prng(seed, 1);
    const leader = world.leader(2, 200);
    world.hops = () => Array.from({ length: 1 + prng.below(2) }, () => 1 + prng.below(30));
    world.receiver.onSnap(leader.snap(), leader.name);
    await world.install();
    expect(world.state.hash()).toEqual(leader.state.hash());
  });

  it('arrives although nothing of it arrived at first, not even the word of it', async () => {
    const leader = world.leader(2, 100);
    world.arrives = () => false;
    leader.snap();
    await world.until(() => world.nowMs > 1_000);
    world.arrives = () => true;
    await world.install();
    expect(world.state.hash()).toEqual(leader.state.hash());
  });

  it('ends the node, and not by a promise that nobody looks after, where the core fails over it', async () => {
    const leader = world.leader(2, 20);
    const failure = new Error('an invariant of the core');
    world.stepSnapshot = () => {
      throw failure;
    };
    world.receiver.onSnap(leader.snap(), leader.name);
    await waitUntil(() => world.fatal.length > 0);
    expect(world.fatal).toEqual([failure]);
  });

  it('gives way to a newer one of the same leader', async () => {
    const leader = world.leader(2, 100);
    let pieces = 0;
    world.arrives = () => (pieces += 1) < 10;
    world.receiver.onSnap(leader.snap(), leader.name);
    await world.until(() => pieces >= 10);
    leader.grow(20);
    world.arrives = () => true;
    world.receiver.onSnap(leader.snap(), leader.name);
    await world.install();
    expect(world.state.appliedIndex).toBe(120);
    expect(world.state.hash()).toEqual(leader.state.hash());
    expect(await stateFoldersOf(store.dir)).toHaveLength(1);
  });

  it('takes no piece of an earlier one of the same leader that comes late', async () => {
    const leader = world.leader(2, 100);
    const late: Uint8Array[] = [];
    world.spoil = (payload) => {
      late.push(Uint8Array.from(payload));
      return payload;
    };
    world.arrives = () => late.length < 4;
    world.receiver.onSnap(leader.snap(), leader.name);
    await world.until(() => late.length >= 4);
    leader.grow(20);
    world.arrives = () => true;
    world.spoil = (payload) => {
      for (const piece of late) world.receiver.onPiece(leader.name, piece);
      return payload;
    };
    world.receiver.onSnap(leader.snap(), leader.name);
    await world.install();
    expect(world.refusals).toEqual([]);
    expect(world.state.hash()).toEqual(leader.state.hash());
  });

  it('goes on for as long as the node itself is slow', async () => {
    const leader = world.leader(2, 100);
    world.receiver.onSnap(leader.snap(), leader.name);
    await world.until(() => world.taken !== undefined);
    // Far longer than the leader waits for somebody of whom it hears nothing.
    const from = world.nowMs;
    await world.until(() => world.nowMs - from > 3 * SNAPSHOT_SETTINGS.snapshotIdleMs);
    expect(leader.reports).toEqual([]);
    await world.install();
    await world.until(() => leader.reports.length === 1);
    expect(leader.reports).toEqual(['ok']);
  });

  it('is given up at once when its leader starts anew', async () => {
    const leader = world.leader(2, 100);
    let pieces = 0;
    world.arrives = () => (pieces += 1) < 10;
    world.receiver.onSnap(leader.snap(), leader.name);
    await world.until(() => pieces >= 10);
    world.receiver.onPeerRestarted('n3' as NodeName);
    expect(world.receiver.receiving).toBe(true);
    world.receiver.onPeerRestarted(leader.name);
    expect(world.receiver.receiving).toBe(false);
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
    expect(world.stepped).toContain(late);
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
      world.nowMs += SNAPSHOT_SETTINGS.snapshotPauseMsMax;
      world.arrives = () => (steps += 1) <= wanted;
      world.receiver.onSnap(leader.snap(), leader.name);
      if (wanted > 1) await world.until(() => steps >= wanted);
      await new Promise<void>((resolve) => world.receiver.stop(resolve));
      expect(world.receiver.receiving).toBe(false);
      expect(await stateFoldersOf(store.dir)).toEqual(['state-1']);
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
    expect(await stateFoldersOf(store.dir)).toEqual(['state-2']);
  });

  it.each<[what: string, other: Partial<Record<'clusterId' | 'format', unknown>>, why: string]>([
    ['of another cluster', { clusterId: `C${'b'.repeat(26)}` }, `it is of cluster C${'b'.repeat(26)}`],
    ['in a form of the future', { format: 2 }, 'its format is 2, and this program knows only 1'],
  ])('%s is refused; the log says why, and the leader hears of it', async (_, other, why) => {
    const leader = world.leader(2, 10);
    const message = leader.snap();
    const { metadata } = message.snapshot!;
    const description = decodeDescription(message.snapshot!.data);
    const header = { ...headerOf(description, metadata), ...other } as StateSnapshotHeader;
    const data = encodeDescription(description.id, header);
    world.receiver.onSnap({ ...message, snapshot: { metadata, data } }, leader.name);
    expect(world.receiver.receiving).toBe(false);
    expect(world.refusals).toEqual([expect.stringContaining(why)]);
    await world.until(() => leader.reports.length === 1);
    expect(leader.reports).toEqual(['failed']);
  });

  it('that nobody can read is dropped', () => {
    const leader = world.leader(2, 10);
    const message = leader.snap();
    const broken = { ...message, snapshot: { ...message.snapshot!, data: new Uint8Array(3) } };
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
    const before = await stateFoldersOf(store.dir);
    world.receiver.onSnap(leader.snap(), leader.name);
    await world.until(() => leader.reports.length === 1);
    expect(leader.reports).toEqual(['failed']);
    expect(world.stepped).toEqual([]);
    await world.until(() => !world.receiver.receiving);
    expect(world.refusals).toEqual([expect.stringContaining('damaged')]);
    await waitUntil(async () => (await stateFoldersOf(store.dir)).length === before.length);

    world.nowMs += SNAPSHOT_SETTINGS.snapshotPauseMs;
    world.receiver.onSnap(leader.snap(), leader.name);
    await world.install();
    expect(world.state.hash().hash).toBe(leader.state.hash().hash);
  });

  it('is not fetched again once it was refused, but its leader told again, who may not have heard', async () => {
    const leader = world.leader(2, 100);
    world.spoil = (payload) => {
      const spoiled = Uint8Array.from(payload);
      spoiled.fill(0xff, payload.length - 10);
      return spoiled;
    };
    world.arrives = () => world.refusals.length === 0;
    const message = leader.snap();
    world.receiver.onSnap(message, leader.name);
    await world.until(() => world.refusals.length > 0);
    expect(leader.reports).toEqual([]);

    world.arrives = () => true;
    world.receiver.onSnap(message, leader.name);
    expect(world.receiver.receiving).toBe(false);
    await world.until(() => leader.reports.length === 1);
    expect([leader.reports, world.refusals.length]).toEqual([['failed'], 1]);
  });

  it('is refused when there is no room for it, which harms nothing that is there', async () => {
    const { code, stdout, stderr } = await runSource('src/testing/store/full-disk.ts', [], { fileBytesMax: 2_097_152 });
    expect([code, stderr]).toEqual([0, '']);
    expect(JSON.parse(stdout)).toEqual({
      reports: ['failed'],
      refusals: ['The snapshot of n2 is refused: There is no space left on the disk for a snapshot.'],
      folders: ['state-1'],
      receiving: false,
      appliedIndex: 40,
    });
  });
});
