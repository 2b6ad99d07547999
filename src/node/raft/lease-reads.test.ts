import { stat } from 'node:fs';
import { afterEach, describe, expect, it } from 'vitest';
import { PeerCluster, type PeerClusterOptions, type RunningPeer } from '../../testing/peer-cluster.ts';
import { waitUntil } from '../../testing/wait-until.ts';

let cluster: PeerCluster | undefined;
afterEach(async () => {
  await cluster?.close();
  cluster = undefined;
});

/** Leases of about a second, on a machine that may be busy. */
const SETTINGS = { tickMs: 10, electionTicks: 150, reads: 'lease' } as const;
const start = async (options: PeerClusterOptions): Promise<{ world: PeerCluster; leader: RunningPeer }> => {
  const world = (cluster = await PeerCluster.start({ ...options, settings: { ...SETTINGS, ...options.settings } }));
  const leader = await world.leader();
  await world.append(leader.name, 'first');
  return { world, leader };
};

const outcomeOf = (read: Promise<void>): Promise<string> =>
  read.then(
    () => 'read',
    (error: unknown) => (error as { code: string }).code,
  );

/** What becomes of a read of a leader that reaches nobody from now on, but was heard by all just before. */
async function readAlone(world: PeerCluster, leader: RunningPeer, before = (): void => {}): Promise<string> {
  world.loses = () => false;
  await waitUntil(async () => (await outcomeOf(leader.raft.readBarrier(1_000))) === 'read');
  // Whatever comes next is read before the clocks are looked at.
  await new Promise<void>((resolve) => stat('.', () => resolve()));
  world.loses = () => true;
  before();
  return outcomeOf(leader.raft.readBarrier(200));
}

const block = (): void => void Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 300);

describe('a leader with a lease', { timeout: 60_000 }, () => {
  it('reads without asking anybody', async () => {
    const { world, leader } = await start({});
    let outcome = '';
    await waitUntil(async () => (outcome = await readAlone(world, leader)) === 'read');
    expect(outcome).toBe('read');
  });

  it('asks, right after its event loop was held up', async () => {
    const { world, leader } = await start({});
    await waitUntil(async () => (await readAlone(world, leader)) === 'read');
    for (let i = 0; i < 3; i += 1) expect(await readAlone(world, leader, block)).not.toBe('read');
    world.loses = () => false;
    expect(await outcomeOf(leader.raft.readBarrier(10_000))).toBe('read');
  });

  it('asks, as long as it is not certain that all others keep the promise', async () => {
    let areAgreed = true;
    const { world, leader } = await start({ leasesAreAgreed: () => areAgreed });
    await waitUntil(async () => (await readAlone(world, leader)) === 'read');
    areAgreed = false;
    expect(await readAlone(world, leader)).not.toBe('read');
  });

  it('is followed by nodes that take no hints', async () => {
    const { world, leader } = await start({});
    const { term } = leader.raft.view();
    const [follower] = await world.followers();
    follower!.transport.hint(leader.name);
    expect(await outcomeOf(follower!.raft.readBarrier(5_000))).toBe('read');
    expect(follower!.raft.view()).toMatchObject({ leader: leader.name, term });
  });
});

it('a leader without a lease always asks', async () => {
  const { world, leader } = await start({ settings: { reads: 'quorum' } });
  for (let i = 0; i < 3; i += 1) expect(await readAlone(world, leader)).not.toBe('read');
});
