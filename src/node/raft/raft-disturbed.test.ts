import { strict as assert } from 'node:assert';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, describe, expect, it } from 'vitest';
import { ParleyError } from '../../protocol/errors.ts';
import type { NodeName } from '../../protocol/ids.ts';
import { PeerCluster } from '../../testing/peer-cluster.ts';
import { itemKey, lengthKey, readNumber, readText } from '../../testing/sim/list-machine.ts';
import { Prng } from '../../testing/sim/prng.ts';
import { waitUntil } from '../../testing/wait-until.ts';
import type { RaftSettings } from './raft-settings.ts';

/** Random disturbances of the driver on real stores; the simulator does the same to simulated ones, and far more. */

const DISTURBANCES = 25;
const OUTSTANDING_MAX = 40;

/** Small bounds meet their ends often. */
const drawSettings = (prng: Prng): Partial<RaftSettings> => ({
  batchItemsMax: prng.pick([1, 4, 64]),
  batchesPerWriteMax: prng.pick([1, 4]),
  compactEntries: prng.pick([5, 20, 60]),
  compactCheckMs: prng.pick([5, 20]),
  tailEntries: prng.pick([0, 3, 10]),
  snapshotChunkBytesMax: prng.pick([256, 2_048, 262_144]),
  snapshotRetryMs: 20,
  snapshotIdleMs: prng.pick([60, 300]),
  forwardRetryMs: 30,
  readRetryMs: 30,
  diskStallMs: 200,
  applyItemsPerSlice: prng.pick([1, 256]),
  transferMs: 200,
  drainMs: 200,
});

/** People who write and read through whatever node is up, and remember what they were told. */
class People {
  readonly #world: PeerCluster;
  readonly #prng: Prng;
  readonly seqOf = new Map<string, number>();
  readonly problems: unknown[] = [];
  outstanding = 0;
  #invoked = 0;
  #lastSeq = 0;

  constructor(world: PeerCluster, prng: Prng) {
    this.#world = world;
    this.#prng = prng;
  }

  async act(isOver: () => boolean): Promise<void> {
    while (!isOver()) {
      if (this.outstanding < OUTSTANDING_MAX) void this.#write(`t${(this.#invoked += 1)}`).catch(this.#complain);
      if (this.#prng.chance(0.2)) void this.#read().catch(this.#complain);
      await delay(this.#prng.below(4));
    }
  }

  readonly #complain = (problem: unknown): void => void this.problems.push(problem);

  async #write(txn: string): Promise<void> {
    this.outstanding += 1;
    const before = this.#lastSeq;
    while (!this.seqOf.has(txn)) {
      const seq = await this.#attempt(txn);
      if (seq === undefined) continue;
      assert(seq > before, `${txn} is at ${seq}, though ${before} was acknowledged before it was sent`);
      this.seqOf.set(txn, seq);
      this.#lastSeq = Math.max(this.#lastSeq, seq);
    }
    this.outstanding -= 1;
  }

  async #attempt(txn: string): Promise<number | undefined> {
    const { running } = this.#world;
    if (running.length > 0) {
      try {
        const result = await this.#world.append(this.#prng.pick(running).name, txn, 1_500);
        assert(result.txn === txn, `${result.txn} answers ${txn}`);
        return result.seq;
      } catch (error) {
        if (!(error instanceof ParleyError)) throw error;
      }
    }
    await delay(this.#prng.below(30));
    return undefined;
  }

  async #read(): Promise<void> {
    const { running } = this.#world;
    if (running.length === 0) return;
    const { raft, store } = this.#prng.pick(running);
    const least = this.#lastSeq;
    try {
      await raft.readBarrier(1_000);
    } catch (error) {
      if (error instanceof ParleyError) return;
      throw error;
    }
    const shown = readNumber(store.state.get(lengthKey('a')));
    assert(shown >= least, `a read shows ${shown} of at least ${least}`);
  }
}

/** Kills, restarts, cuts and loses; `heal` repairs all of it. */
class Disturber {
  readonly #world: PeerCluster;
  readonly #prng: Prng;
  readonly #cut = new Set<string>();
  readonly #down = new Set<NodeName>();
  readonly failures: unknown[] = [];
  #lossChance = 0;

  constructor(world: PeerCluster, prng: Prng) {
    this.#world = world;
    this.#prng = prng;
    world.loses = (from, to) => this.#cut.has(`${from} ${to}`) || prng.chance(this.#lossChance);
  }

  async disturb(): Promise<void> {
    const prng = this.#prng;
    const [one, other] = [prng.pick(this.#world.names), prng.pick(this.#world.names)];
    const disturbance = prng.pick<() => void | Promise<void>>([
      () => this.#end(one),
      () => this.#end(one),
      () => this.#startAll(),
      () => this.#startAll(),
      () => void this.#cut.add(`${one} ${other}`),
      () => void this.#cut.add(`${one} ${other}`).add(`${other} ${one}`),
      () => this.#cut.clear(),
      () => void (this.#lossChance = prng.pick([0, 0.05, 0.3])),
      () => this.#world.running.forEach(({ raft }) => raft.transferLeadership(other)),
    ]);
    await disturbance();
  }

  async heal(): Promise<void> {
    this.#cut.clear();
    this.#lossChance = 0;
    await this.#startAll();
  }

  async #end(name: NodeName): Promise<void> {
    if (this.#down.has(name) || this.#down.size > 1) return;
    this.#down.add(name);
    const { raft, fatal } = this.#world.peer(name);
    if (this.#prng.chance(0.4)) await raft.stop({ transferLeadership: true });
    await this.#world.kill(name);
    this.failures.push(...fatal);
  }

  async #startAll(): Promise<void> {
    for (const name of this.#down) await this.#world.startNode(name);
    this.#down.clear();
  }
}

let world: PeerCluster | undefined;
afterEach(async () => {
  await world?.close();
  world = undefined;
});

describe('three nodes on LevelDB', () => {
  it.each([1, 2, 3])(
    'keep what they acknowledge, whatever happens to two of them (seed %i)',
    async (seed) => {
      const prng = new Prng(seed, 1);
      const cluster = (world = await PeerCluster.start({ settings: drawSettings(prng) }));
      const people = new People(cluster, prng);
      const disturber = new Disturber(cluster, prng);
      let isOver = false;
      const acting = people.act(() => isOver);
      for (let i = 0; i < DISTURBANCES; i += 1) {
        await delay(30 + prng.below(150));
        await disturber.disturb();
      }
      isOver = true;
      await disturber.heal();
      await acting;
      await waitUntil(() => people.outstanding === 0 || people.problems.length > 0);
      expect(people.problems).toEqual([]);
      await cluster.equal();
      expect(people.seqOf.size).toBeGreaterThan(50);
      const { state } = cluster.running[0]!.store;
      for (const [txn, seq] of people.seqOf) expect(readText(state.get(itemKey('a', seq)))).toBe(txn);
      expect([...disturber.failures, ...cluster.running.flatMap(({ fatal }) => fatal)]).toEqual([]);
    },
    60_000,
  );
});
