import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { NodeName } from '../../protocol/ids.ts';
import { PeerCluster, type RunningPeer } from '../../testing/peer-cluster.ts';
import { placesOfRecord } from '../../testing/store/sealed-places.ts';
import { flipBit } from '../../testing/store/store-images.ts';
import { waitUntil } from '../../testing/wait-until.ts';

/** The real driver on real stores, all of which are damaged: nobody can lead before they have helped each other. */

const COUNT = 60;

let cluster: PeerCluster;
beforeEach(async () => {
  cluster = await PeerCluster.start();
});
afterEach(() => cluster.close());

const [n1, n2, n3] = ['n1' as NodeName, 'n2' as NodeName, 'n3' as NodeName];

async function loseState(name: NodeName): Promise<void> {
  const folder = cluster.folderOf(name);
  for (const entry of await readdir(folder)) {
    if (/^state-\d+$/.test(entry)) await rm(join(folder, entry), { recursive: true });
  }
}

/** Flips a bit of one command, wherever the log of a node holds it. */
async function damageCommand(name: NodeName, text: string): Promise<void> {
  const folder = cluster.folderOf(name);
  const places = await placesOfRecord(folder, (entries) =>
    entries.some(({ data }) => Buffer.from(data).includes(text)),
  );
  const inLog = places.filter(({ path }) => /^log\/\d+\.(log|ldb)$/.test(path));
  for (const { path, at } of inLog) await flipBit(join(folder, path), 8 * at);
  expect(inLog.length, `${text} in the log of ${name}`).toBe(1);
}

/** One by one: each command is an entry, and a record, of its own. */
async function fill(): Promise<void> {
  const leader = await cluster.leader();
  for (let number = 0; number < COUNT; number += 1) await cluster.append(leader.name, `command-${number}-`);
  await cluster.equal();
}

async function stopAll(): Promise<void> {
  for (const name of cluster.names) await cluster.kill(name);
}

async function startAll(names: readonly NodeName[] = cluster.names): Promise<void> {
  for (const name of names) await cluster.startNode(name);
}

const isRepairing = ({ raft }: RunningPeer): boolean => raft.status()?.isRepairing === true;

/** Everybody is whole, and has every command that was acknowledged, in order and once. */
async function expectWhole(): Promise<void> {
  const leader = await cluster.leader();
  await waitUntil(() => !cluster.running.some(isRepairing));
  await cluster.append(leader.name, 'after');
  await cluster.equal();
  for (const { store, fatal } of cluster.running) {
    expect(fatal).toEqual([]);
    const rows = await store.state.range({ gte: '\0', lt: '\x7f', limit: 10_000 });
    const content = rows.map(([key, value]) => `${key} ${Buffer.from(value).toString('latin1')}`).join('\n');
    for (let number = 0; number < COUNT; number += 1) expect(content).toContain(`command-${number}-`);
  }
}

describe('a cluster whose nodes are all damaged', () => {
  it('heals itself where each log has lost another entry, and each state is lost', async () => {
    await fill();
    await stopAll();
    for (const [place, name] of cluster.names.entries()) {
      await damageCommand(name, `command-${10 + 20 * place}-`);
      await loseState(name);
    }
    await startAll();
    expect(cluster.running.map(({ store }) => store.repair?.part)).toEqual(['log', 'log', 'log']);
    await expectWhole();
  });

  it('heals itself where the logs have several gaps, and nobody has all of any other', async () => {
    await fill();
    await stopAll();
    const gaps: Readonly<Record<string, readonly number[]>> = { n1: [5, 30, 50], n2: [10, 31], n3: [4, 6, 40] };
    for (const name of cluster.names) {
      for (const gap of gaps[name]!) await damageCommand(name, `command-${gap}-`);
      await loseState(name);
    }
    await startAll();
    expect(cluster.running.map(({ store }) => store.repair?.part)).toEqual(['log', 'log', 'log']);
    await expectWhole();
  });

  it('heals itself where a majority is there, with the third one gone', async () => {
    await fill();
    await stopAll();
    await damageCommand(n1, 'command-20-');
    await damageCommand(n2, 'command-40-');
    for (const name of [n1, n2]) await loseState(name);
    await startAll([n1, n2]);
    expect(cluster.running.map(({ store }) => store.repair?.part)).toEqual(['log', 'log']);
    await expectWhole();
  });

  it('says what is missing, elects nobody and goes on asking, where nobody has an entry', async () => {
    await fill();
    await stopAll();
    for (const name of cluster.names) {
      await damageCommand(name, 'command-30-');
      await loseState(name);
    }
    await startAll();
    await waitUntil(() =>
      cluster.running.every(({ raft }) => raft.status()?.repairOutlook?.includes('lacks them, too')),
    );
    for (const { raft } of cluster.running) {
      expect(raft.view().leader).toBeNull();
      expect(raft.explain().noLeader).toEqual({ kind: 'campaign-refused', reason: 'repairing' });
    }
  });
});

describe('a node that lost its state, and has a log that was compacted', () => {
  async function compactAll(): Promise<void> {
    await cluster.close();
    cluster = await PeerCluster.start({ settings: { tailEntries: 20, tailBytes: 1 << 20 } });
    await fill();
    for (const { raft } of cluster.running) await raft.compact();
    expect(cluster.running.every(({ store }) => store.log.firstIndex() > 1)).toBe(true);
    await stopAll();
  }

  it('keeps its log and fetches a state, with its votes and acknowledgements', async () => {
    await compactAll();
    await loseState(n3);
    await startAll();
    const { store } = cluster.peer(n3);
    const first = store.log.firstIndex();
    expect([store.repair?.part, store.log.repair, store.state.appliedIndex]).toEqual(['state', undefined, 0]);
    await expectWhole();
    expect(store.log.firstIndex()).toBe(first);
    // It stands for election, too.
    await cluster.kill(n2);
    await cluster.append(n3, 'with two of three');
  });

  it('votes before it has one: its log is whole', async () => {
    await compactAll();
    await loseState(n2);
    cluster.loses = (_from, _to, kind) => kind.startsWith('repair') || kind.startsWith('snapshot');
    await startAll([n1, n2]);
    expect((await cluster.leader()).name).toBe(n1);
    await cluster.append(n1, 'acknowledged by both');
    expect(isRepairing(cluster.peer(n2))).toBe(true);
    expect(cluster.peer(n2).store.state.appliedIndex).toBe(0);
    cluster.loses = () => false;
    await expectWhole();
  });

  it('is given one without a leader, by a node that cannot lead', async () => {
    await compactAll();
    await cluster.startNode(n1);
    await cluster.startNode(n2);
    const leader = await cluster.leader();
    for (let number = 0; number < 3; number += 1) await cluster.append(leader.name, `late-${number}`);
    await cluster.equal();
    await cluster.kill(n1);
    await cluster.kill(n2);
    // n3 has a state, but lacks the last entries; n2 has all entries and no state.
    await loseState(n2);
    await startAll([n2, n3]);
    await expectWhole();
    expect(await cluster.leader()).toMatchObject({ name: n2 });
  });

  it('goes on from the state of a node that cannot lead, where that has compacted what is missing', async () => {
    await cluster.close();
    cluster = await PeerCluster.start({ settings: { tailEntries: 20, tailBytes: 1 << 20 } });
    await fill();
    await cluster.peer(n1).raft.compact();
    await cluster.kill(n1);
    for (let number = 0; number < 3; number += 1) await cluster.append(n2, `late-${number}`);
    await cluster.equal();
    await cluster.kill(n2);
    await cluster.kill(n3);
    // n1 lacks the last entries, which n3 has; n3 lacks an entry that n1 has in its state only.
    await damageCommand(n3, 'command-30-');
    await loseState(n3);
    await startAll([n1, n3]);
    expect(cluster.peer(n3).store.repair?.part).toBe('log');
    await expectWhole();
    expect(await cluster.leader()).toMatchObject({ name: n3 });
  });

  it('says so where nobody has a state', async () => {
    await compactAll();
    for (const name of cluster.names) await loseState(name);
    await startAll();
    await waitUntil(() =>
      cluster.running.every(({ raft }) => raft.status()?.repairOutlook?.includes('has no state that reaches that far')),
    );
    for (const { raft } of cluster.running) {
      expect(raft.explain().noLeader).toEqual({ kind: 'campaign-refused', reason: 'lacks-state' });
    }
  });
});
