import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, describe, expect, it } from 'vitest';
import { PeerCluster } from '../../testing/peer-cluster.ts';
import { waitUntil } from '../../testing/wait-until.ts';
import type { RaftSettings } from './raft-settings.ts';

/** One command an entry, and a log that is compacted at every opportunity. */
const SHORT_LOG: Partial<RaftSettings> = { batchItemsMax: 1, compactEntries: 20, tailEntries: 5, compactCheckMs: 10 };

let cluster: PeerCluster | undefined;
const start = async (settings: Partial<RaftSettings>): Promise<PeerCluster> =>
  (cluster = await PeerCluster.start({ settings: { ...SHORT_LOG, ...settings } }));
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

  it('may go away in the middle, again and again, and hurts nobody', async () => {
    const world = await start({ snapshotIdleMs: 100 });
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
