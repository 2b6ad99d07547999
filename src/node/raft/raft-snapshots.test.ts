import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, describe, expect, it } from 'vitest';
import { ConfChangeKind, ConfChangeTransition, type ConfState, type PeerId } from '../../consensus/types.ts';
import { ParleyError } from '../../protocol/errors.ts';
import type { NodeName } from '../../protocol/ids.ts';
import type { PlannedChange } from '../membership/change-rules.ts';
import { decodeMemberTable, MEMBERS_ROW } from '../membership/member-table.ts';
import { foundingDirectory, PeerCluster } from '../../testing/peer-cluster.ts';
import { waitUntil } from '../../testing/wait-until.ts';
import type { RaftSettings } from './raft-settings.ts';

/** One command an entry, and a log that is compacted at every opportunity. */
const SHORT_LOG: Partial<RaftSettings> = { batchItemsMax: 1, compactEntries: 20, tailEntries: 5, compactCheckMs: 10 };

let cluster: PeerCluster | undefined;
const start = async (settings: Partial<RaftSettings>, onSnapshotFailed?: (reason: string) => void) =>
  (cluster = await PeerCluster.start({ settings: { ...SHORT_LOG, ...settings }, onSnapshotFailed }));
afterEach(async () => {
  await cluster?.close();
  cluster = undefined;
});

const failuresOf = (world: PeerCluster): readonly unknown[] => world.running.flatMap(({ fatal }) => fatal);

/** Kills a follower, and brings the others so far that only a snapshot helps it. */
async function leaveBehind(world: PeerCluster, commands: number) {
  const [lost] = await world.followers();
  const last = lost!.store.log.lastIndex();
  await world.kill(lost!.name);
  const leader = await world.leader();
  await world.appendMany(leader.name, 'missed', commands);
  await waitUntil(() => leader.store.log.firstIndex() > last + 1);
  return { lost: lost!.name, leader };
}

describe('a follower that was away too long', () => {
  it('gets a snapshot, though much of it is lost on the way, while writing goes on', async () => {
    const world = await start({ snapshotChunkBytesMax: 512, snapshotRetryMs: 10 });
    const { lost, leader } = await leaveBehind(world, 300);
    let frames = 0;
    world.loses = (_from, _to, kind) => kind.startsWith('snapshot') && (frames += 1) % 4 === 0;
    const back = await world.startNode(lost);
    await world.appendMany(leader.name, 'meanwhile', 100);
    await world.equal();
    expect(back.installs).toBeGreaterThan(0);
    // What was asked on it while it was behind is answered by what the snapshot holds.
    expect(await world.append(lost, 'missed7')).toMatchObject({ txn: 'missed7' });
  });

  it('needs no second one, although the leader has written and compacted on when it is there', async () => {
    const world = await start({});
    const { lost, leader } = await leaveBehind(world, 100);
    let isSlow = true;
    const back = await world.startNode(lost);
    world.loses = (from, to, kind) => isSlow && [from, to].includes(lost) && kind === 'raft' && back.installs > 0;
    await waitUntil(() => back.installs > 0);
    await world.appendMany(leader.name, 'more', 100);
    // Time for many looks at the length of the log.
    await delay(200);
    isSlow = false;
    await world.equal();
    expect(back.installs).toBe(1);
    const compacted = leader.store.log.firstIndex();
    await world.appendMany(leader.name, 'later', 100);
    await waitUntil(() => leader.store.log.firstIndex() > compacted);
  });

  it('gets it from the next leader when the first dies in the middle', async () => {
    const world = await start({ snapshotChunkBytesMax: 512 });
    const { lost, leader } = await leaveBehind(world, 300);
    let pieces = 0;
    world.loses = (from, _to, kind) => from === leader.name && kind === 'snapshot-chunk' && (pieces += 1) > 3;
    const back = await world.startNode(lost);
    await waitUntil(() => pieces > 3);
    expect(back.raft.status()?.installing).toBe(true);
    await world.kill(leader.name);
    await world.leader();
    await world.equal();
    expect(back.installs).toBe(1);
    expect(failuresOf(world)).toEqual([]);
  });

  it('may go away in the middle, again and again, hurts nobody, and is served at once when it is back', async () => {
    // Whoever waited until the leader gives its former process up would wait too long.
    const world = await start({ snapshotIdleMs: 60_000 });
    const { lost } = await leaveBehind(world, 300);
    for (let round = 0; round < 3; round += 1) {
      let asked = false;
      world.loses = (_from, _to, kind) => {
        asked ||= kind === 'snapshot-request';
        return kind === 'snapshot-chunk';
      };
      await world.startNode(lost);
      await waitUntil(() => asked);
      await world.kill(lost);
    }
    world.loses = () => false;
    await world.startNode(lost);
    await world.equal();
    expect(failuresOf(world)).toEqual([]);
  });
});

describe('a snapshot of a joint configuration', () => {
  const CHANGE_MS = 10_000;
  const N4 = 4 as PeerId;

  /** Whoever leads. */
  async function change(world: PeerCluster, planned: PlannedChange): Promise<void> {
    for (;;) {
      const { raft } = await world.leader();
      try {
        await raft.changeMembership(planned, CHANGE_MS);
        return;
      } catch (error) {
        if (!(error instanceof ParleyError && error.code === 'not_leader')) throw error;
      }
    }
  }

  it('carries both sets of voters, and who learns now and who will: its follower goes on from there', async () => {
    const world = await start({});
    const { lost, leader } = await leaveBehind(world, 50);
    const lostPeer = foundingDirectory().peerOf(lost)!;
    // Left by hand only: the configuration stays joint for as long as the test wants.
    const steps = [
      { kind: ConfChangeKind.addLearner, peer: N4 },
      { kind: ConfChangeKind.addLearner, peer: lostPeer },
    ];
    const added = { peer: N4, name: 'n4' as NodeName, incarnation: '12'.repeat(16), identity: null, replaces: null };
    await change(world, { transition: ConfChangeTransition.jointExplicit, steps, added });
    const changedAt = leader.store.state.appliedIndex;
    await world.appendMany(leader.name, 'joint', 50);
    await waitUntil(() => leader.store.log.firstIndex() > changedAt + 1);

    const peers = [1, 2, 3] as PeerId[];
    const joint: ConfState = {
      voters: peers.filter((peer) => peer !== lostPeer),
      learners: [N4],
      votersOutgoing: peers,
      learnersNext: [lostPeer],
      autoLeave: false,
    };
    const back = await world.startNode(lost);
    await world.equal();
    expect(back.installs).toBeGreaterThan(0);
    expect(back.store.state.installedFrom?.metadata.confState).toEqual(joint);
    expect(back.raft.status()?.confState).toEqual(joint);
    expect(decodeMemberTable(back.store.state.get(MEMBERS_ROW)!).members).toContainEqual(added);

    await world.kill(lost);
    const again = await world.startNode(lost);
    expect(again.raft.status()?.confState).toEqual(joint);
    await change(world, { transition: ConfChangeTransition.auto, steps: [], added: null });
    await waitUntil(() => again.store.state.confState.votersOutgoing.length === 0);
    expect(again.raft.status()?.confState).toEqual({
      ...joint,
      learners: [lostPeer, N4],
      votersOutgoing: [],
      learnersNext: [],
    });
    expect(failuresOf(world)).toEqual([]);
  });
});

describe('a busy leader and a slow follower', () => {
  /** A load that does not end before it is told to. */
  function keepWriting(world: PeerCluster, through: NodeName): () => Promise<void> {
    let isOn = true;
    const lane = async (_: unknown, number: number): Promise<void> => {
      for (let n = 0; isOn; n += 1) await world.append(through, `load${number}.${n}`);
    };
    const lanes = Promise.all(Array.from({ length: 4 }, lane));
    // Told by `stop`, if the test gets that far.
    lanes.catch(() => {});
    return async () => {
      isOn = false;
      await lanes;
    };
  }

  it('meet by one snapshot, while the load goes on', async () => {
    const world = await start({ snapshotChunkBytesMax: 2_048, snapshotRetryMs: 5 });
    const { lost, leader } = await leaveBehind(world, 300);
    const begun = leader.store.log.lastIndex();
    const stop = keepWriting(world, leader.name);
    // It takes the follower longer to fetch the state than the leader to write all that it keeps for the tardy.
    const hasMovedOn = (): boolean => leader.store.log.lastIndex() > begun + 100;
    let pieces = 0;
    world.loses = (_from, _to, kind) => kind === 'snapshot-chunk' && (!hasMovedOn() || (pieces += 1) % 4 !== 0);
    const back = await world.startNode(lost);
    await waitUntil(() => back.installs > 0);
    const installed = back.store.state.appliedIndex;
    await waitUntil(() => back.store.state.appliedIndex > installed + 20);
    await waitUntil(() => leader.store.state.appliedIndex - back.store.state.appliedIndex < 50);
    // Then the leader compacts its log again.
    await waitUntil(() => leader.store.log.firstIndex() > installed);
    await stop();
    await world.equal();
    expect(back.installs).toBe(1);
    expect(failuresOf(world)).toEqual([]);
  });

  it('do not meet as long as more is written than the leader may keep: it keeps no more, and says so', async () => {
    const failures: string[] = [];
    const world = await start({ snapshotPinBytesMax: 2_000, snapshotPauseMs: 10, snapshotPauseMsMax: 50 }, (reason) =>
      failures.push(reason),
    );
    const { lost, leader } = await leaveBehind(world, 300);
    world.loses = (_from, _to, kind) => kind === 'snapshot-chunk';
    const stop = keepWriting(world, leader.name);
    const back = await world.startNode(lost);
    await waitUntil(() => failures.filter((reason) => reason.includes('more than 2000 bytes')).length >= 3);
    const compacted = leader.store.log.firstIndex();
    await waitUntil(() => leader.store.log.firstIndex() > compacted);
    expect(back.installs).toBe(0);
    await stop();
    world.loses = () => false;
    await world.equal();
    expect(back.installs).toBeGreaterThan(0);
    expect(failuresOf(world)).toEqual([]);
  });
});
