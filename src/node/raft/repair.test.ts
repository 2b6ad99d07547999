import { readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { PeerCluster } from '../../testing/peer-cluster.ts';
import { filesOf, flipBit } from '../../testing/store/store-images.ts';
import { waitUntil } from '../../testing/wait-until.ts';
import type { RunningPeer } from '../../testing/peer-cluster.ts';
import type { NodeName } from '../../protocol/ids.ts';

/** The real driver on real stores, one of which loses what it holds: its leader brings it back. */

let cluster: PeerCluster;
beforeEach(async () => {
  cluster = await PeerCluster.start();
});
afterEach(() => cluster.close());

const folderOf = (name: NodeName): string => cluster.folderOf(name);

const loseLog = (name: NodeName): Promise<void> => rm(join(folderOf(name), 'log'), { recursive: true });

async function loseState(name: NodeName): Promise<void> {
  const folder = folderOf(name);
  const states = (await readdir(folder)).filter((entry) => /^state-\d+$/.test(entry));
  for (const state of states) await rename(join(folder, state), join(folder, `lost-${state}`));
}

async function loseBoth(name: NodeName): Promise<void> {
  await loseLog(name);
  await loseState(name);
}

async function flipInLog(name: NodeName): Promise<void> {
  const folder = folderOf(name);
  const files = (await filesOf(folder)).filter(({ path }) => /^log\/\d+\.(log|ldb)$/.test(path));
  const largest = files.toSorted((a, b) => b.bytes - a.bytes)[0]!;
  await flipBit(join(folder, largest.path), largest.bytes * 4);
}

const isRepairing = ({ raft }: RunningPeer): boolean => raft.status()?.isRepairing === true;
const isWhole = (peer: RunningPeer): boolean => peer.raft.status()?.isRepairing === false;

async function follower(): Promise<NodeName> {
  return (await cluster.followers())[0]!.name;
}

describe('a peer whose disk is damaged', () => {
  it.each([
    ['its log', loseLog],
    ['its state', loseState],
    ['a bit of its log', flipInLog],
    ['log and state', loseBoth],
  ])('heals itself from its leader: it lost %s', async (_, damage) => {
    const name = await follower();
    await cluster.appendMany(name, 'before', 50);
    await cluster.equal();
    await cluster.kill(name);
    await damage(name);
    const peer = await cluster.startNode(name);
    await waitUntil(() => isWhole(peer));
    await cluster.appendMany(name, 'after', 5);
    await cluster.equal();
    expect(peer.fatal).toEqual([]);
    // And is as good as any other: with its help alone there is a majority.
    const other = cluster.running.find((running) => running !== peer)!.name;
    await cluster.kill(other);
    await cluster.append(name, 'with two of three');
    await cluster.equal();
  });

  it('heals itself from a snapshot where the log of its leader does not reach back', async () => {
    await cluster.close();
    cluster = await PeerCluster.start({ settings: { tailEntries: 2, tailBytes: 1 } });
    const name = await follower();
    for (let round = 0; round < 10; round += 1) await cluster.append(name, `x${round}`);
    await cluster.equal();
    await cluster.kill(name);
    await loseBoth(name);
    const leader = await cluster.leader();
    await leader.raft.compact();
    expect(leader.store.log.firstIndex()).toBeGreaterThan(5);
    const peer = await cluster.startNode(name);
    await waitUntil(() => isWhole(peer) && peer.installs === 1);
    await cluster.append(name, 'after');
    await cluster.equal();
  });

  it('stays without vote for a leader that lacks what it acknowledged, and has one for a leader that has it', async () => {
    const leader = await cluster.leader();
    const [keeper, behind] = (await cluster.followers()).map((peer) => peer.name) as [NodeName, NodeName];
    await cluster.append(leader.name, 'everybody has this');
    await cluster.equal();
    await cluster.kill(behind);
    await cluster.append(leader.name, 'not the one that is down');
    await cluster.equal();
    await cluster.kill(keeper);
    await loseBoth(keeper);
    await cluster.kill(leader.name);

    const damaged = await cluster.startNode(keeper);
    const candidate = await cluster.startNode(behind);
    let asked = 0;
    cluster.loses = (from, to) => {
      if (from === behind && to === keeper) asked += 1;
      return false;
    };
    // Each of these is a candidacy, or was on its way to one.
    await waitUntil(() => asked > 20);
    expect([damaged, candidate].map(({ raft }) => raft.view().leader)).toEqual([null, null]);
    expect(isRepairing(damaged)).toBe(true);

    await cluster.startNode(leader.name);
    // Or the damaged one, once it has been brought what it acknowledged.
    expect((await cluster.leader()).name).not.toBe(behind);
    await waitUntil(() => isWhole(damaged));
    await cluster.append(behind, 'after');
    await cluster.equal();
  });

  it('lets one that has everything lead, while the old leader is gone', async () => {
    const leader = await cluster.leader();
    const [sound, broken] = (await cluster.followers()).map((peer) => peer.name) as [NodeName, NodeName];
    await cluster.appendMany(leader.name, 'x', 20);
    await cluster.equal();
    await cluster.kill(broken);
    await loseBoth(broken);
    await cluster.kill(leader.name);
    const peer = await cluster.startNode(broken);
    expect((await cluster.leader()).name).toBe(sound);
    await waitUntil(() => isWhole(peer));
    await cluster.append(broken, 'after');
    await cluster.equal();
  });

  it('is repaired while more is written, and across its own restarts', async () => {
    const name = await follower();
    await cluster.appendMany(name, 'before', 50);
    await cluster.kill(name);
    await loseBoth(name);
    cluster.loses = (from, to, kind) => kind === 'raft' && (from === name || to === name);
    const others = cluster.running.map((peer) => peer.name);
    for (let start = 0; start < 3; start += 1) {
      await cluster.startNode(name);
      await cluster.appendMany(others[0]!, `${start}-`, 5);
      expect(isRepairing(cluster.peer(name))).toBe(true);
      await cluster.kill(name);
    }
    const peer = await cluster.startNode(name);
    cluster.loses = () => false;
    await waitUntil(() => isWhole(peer));
    await cluster.equal();
  });
});
