import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, describe, expect, it } from 'vitest';
import { EMPTY_CONF_STATE, type LogIndex, type PeerId, type Term } from '../../consensus/types.ts';
import type { ClusterId, NodeName, StampMs } from '../../protocol/ids.ts';
import { foundingDirectory, LoopTransport, PeerCluster, type PeerClusterOptions } from '../../testing/peer-cluster.ts';
import { encodeListCommand, ListMachine, type ListEvent, type ListResult } from '../../testing/sim/list-machine.ts';
import { waitUntil } from '../../testing/wait-until.ts';
import type { Done, LogStore, LogWrite } from '../ports.ts';
import { MemoryLogStore } from '../store/memory-log-store.ts';
import { MemoryStateStore } from '../../testing/store/memory-state-store.ts';
import { systemClock } from '../system-clock.ts';
import { RaftNode } from './raft-node.ts';

const CLUSTER = `C${'a'.repeat(26)}` as ClusterId;
const HONEST = { forgetsTransactions: false };

let cluster: PeerCluster | undefined;
const start = async (options?: PeerClusterOptions): Promise<PeerCluster> =>
  (cluster = await PeerCluster.start(options));
afterEach(async () => {
  await cluster?.close();
  cluster = undefined;
});

const codeOf = (error: unknown): unknown => (error as { code?: unknown }).code;

describe('commands', () => {
  it('are taken on every node, and each is answered where it was asked', async () => {
    const world = await start();
    const asked = world.names.flatMap((name) => Array.from({ length: 50 }, (_, i) => ({ name, txn: `${name}-${i}` })));
    const results = await Promise.all(asked.map(({ name, txn }) => world.append(name, txn)));
    expect(results.map(({ txn }) => txn)).toEqual(asked.map(({ txn }) => txn));
    expect(new Set(results.map(({ seq }) => seq)).size).toBe(150);
    await world.equal();
    // Group commit: far fewer entries than commands.
    expect(world.running[0]!.store.log.lastIndex()).toBeLessThan(150);
  });

  it('are applied once, although most of what is forwarded is lost and all is sent again', async () => {
    const world = await start({ settings: { forwardRetryMs: 20, forwardRetryMsMax: 40 } });
    const [follower] = await world.followers();
    let frames = 0;
    world.loses = (_from, _to, kind) => kind === 'forward' && (frames += 1) % 3 !== 0;
    const results = await Promise.all(Array.from({ length: 20 }, (_, i) => world.append(follower!.name, `t${i}`)));
    expect(results.map(({ seq }) => seq).toSorted((a, b) => a - b)).toEqual(
      Array.from({ length: 20 }, (_, i) => i + 1),
    );
    expect(frames).toBeGreaterThan(2);
  });

  it('that wait on a follower go on to the next leader when theirs dies', async () => {
    const world = await start();
    const leader = await world.leader();
    const [follower] = await world.followers();
    world.loses = (from) => from === leader.name;
    const waiting = world.append(follower!.name, 'waits');
    await world.kill(leader.name);
    expect((await waiting).seq).toBe(1);
  });

  it('are refused when too many wait', async () => {
    const world = await start({ settings: { waitingItemsMax: 10 } });
    const leader = await world.leader();
    world.loses = () => true;
    const outcomes = Promise.allSettled(Array.from({ length: 15 }, (_, i) => world.append(leader.name, `t${i}`, 300)));
    const codes = (await outcomes).map((outcome) => (outcome.status === 'rejected' ? codeOf(outcome.reason) : 'ok'));
    expect(codes.filter((code) => code === 'overloaded').length).toBe(5);
    expect(codes.filter((code) => code === 'deadline_exceeded').length).toBe(10);
  });
});

describe('a leader without followers', () => {
  it('takes only so much into its log, and the rest when they are back', async () => {
    const world = await start({ settings: { batchItemsMax: 1, uncommittedBytesMax: 500, electionTicks: 200 } });
    const leader = await world.leader();
    await world.append(leader.name, 'before');
    const before = leader.store.log.lastIndex();
    world.loses = () => true;
    const waiting = world.appendMany(leader.name, 't', 100);
    await waitUntil(() => leader.store.log.lastIndex() > before + 3);
    await delay(100);
    expect(leader.store.log.lastIndex()).toBeLessThan(before + 30);
    expect(leader.raft.status()?.waiting).toBe(100);
    world.loses = () => false;
    await waiting;
    await world.equal();
  });
});

describe('reads', () => {
  it('show what was acknowledged anywhere before they were asked for', async () => {
    const world = await start();
    await world.leader();
    for (const [i, writer] of world.names.entries()) {
      await world.append(writer, `w${i}`);
      const reader = world.peer(world.names[(i + 1) % 3]!);
      await reader.raft.readBarrier(5_000);
      expect(reader.store.state.get(`r/a/${i + 1}`)).toBeDefined();
    }
  });

  it('are not answered by a leader that is cut off', async () => {
    const world = await start();
    const leader = await world.leader();
    world.loses = (from, to) => from === leader.name || to === leader.name;
    const code = await leader.raft.readBarrier(1_000).catch(codeOf);
    expect(['no_leader', 'deadline_exceeded']).toContain(code);
  });
});

describe('a node that stops', () => {
  it('hands leadership over first, and acknowledges nothing afterwards', async () => {
    const world = await start();
    const leader = await world.leader();
    await world.appendMany(leader.name, 'before', 10);
    const outcomes = world.running.map(({ name }) => world.appendMany(name, `during-${name}`, 20));
    await leader.raft.stop({ transferLeadership: true });
    await Promise.all(outcomes);
    for (const { raft, name } of world.running) {
      if (name !== leader.name) expect([leader.name, null]).not.toContain(raft.view().leader);
    }
    expect(await world.append(leader.name, 'late').catch(codeOf)).toBe('shutting_down');
    expect(await leader.raft.readBarrier(100).catch(codeOf)).toBe('shutting_down');
  });

  it('gives up what it cannot finish in time', async () => {
    const world = await start({ settings: { transferMs: 50, drainMs: 50 } });
    const leader = await world.leader();
    world.loses = () => true;
    const waiting = world.append(leader.name, 'stuck').catch(codeOf);
    await leader.raft.stop({ transferLeadership: true });
    expect(await waiting).toBe('shutting_down');
  });

  it('comes back with all it had', async () => {
    const world = await start();
    const [follower] = await world.followers();
    await world.appendMany(follower!.name, 'a', 20);
    await world.kill(follower!.name);
    const leader = await world.leader();
    await world.appendMany(leader.name, 'b', 20);
    const back = await world.startNode(follower!.name);
    await world.equal();
    // A new start counts its commands anew: their results must not be taken for those of the earlier one.
    expect(await world.append(back.name, 'c')).toMatchObject({ txn: 'c', seq: 41 });
  });
});

describe('a failure', () => {
  it('of the state machine ends the node, which acknowledges nothing more', async () => {
    const machine = (name: NodeName): ListMachine => (name === 'n1' ? new Failing() : new ListMachine(HONEST));
    const world = await start({ machine });
    await world.leader();
    const broken = world.peer('n1' as NodeName);
    const waiting = world.append(broken.name, 'poison').catch(codeOf);
    await waitUntil(() => broken.fatal.length > 0);
    expect(broken.fatal).toEqual([new Error('broken')]);
    expect(await waiting).toBe('shutting_down');
    await world.append('n2' as NodeName, 'goes on');
  });

  it('of a leader’s disk to answer makes it hand over', async () => {
    const gates = new Map<NodeName, GatedLog>();
    const logOf = (name: NodeName, log: LogStore): LogStore => {
      const gated = new GatedLog(log);
      gates.set(name, gated);
      return gated.store;
    };
    const world = await start({ logOf, settings: { diskStallMs: 100 } });
    const leader = await world.leader();
    await world.append(leader.name, 'before');
    gates.get(leader.name)!.isStuck = true;
    const waiting = world.append(leader.name, 'stuck');
    await waitUntil(() => world.running.some(({ name, raft }) => raft.view().leader === name && name !== leader.name));
    gates.get(leader.name)!.release();
    expect((await waiting).seq).toBe(2);
    await world.equal();
  });
});

describe('a transfer of leadership', () => {
  it('to a node that does not take over is given up, and what came meanwhile is done', async () => {
    const world = await start();
    const leader = await world.leader();
    const [heir] = await world.followers();
    await world.append(leader.name, 'before');
    const { term } = leader.raft.view();
    // It acknowledges everything, but never hears that it is to take over.
    world.loses = (from, to, kind) => kind === 'raft' && from === leader.name && to === heir!.name && isHandingOver();
    const isHandingOver = (): boolean => leader.raft.explain().notCommitting?.kind === 'transfer-in-progress';
    leader.raft.transferLeadership(heir!.name);
    expect(isHandingOver()).toBe(true);
    const waiting = world.append(leader.name, 'meanwhile');
    expect((await waiting).seq).toBe(2);
    expect(isHandingOver()).toBe(false);
    expect(leader.raft.view()).toMatchObject({ leader: leader.name, term });
  });
});

describe('signs of death', () => {
  it('are looked for on the leader alone, and lead to the next one', async () => {
    const world = await start();
    const leader = await world.leader();
    const watched = (name: NodeName): NodeName | null => (name === leader.name ? null : leader.name);
    await waitUntil(() => world.running.every(({ name, transport }) => transport.watched === watched(name)));
    const { term } = leader.raft.view();
    await world.kill(leader.name);
    for (const { transport } of world.running) transport.hint(leader.name);
    const next = await world.leader();
    expect(next.raft.view().term).toBe(term + 1);
  });

  it('that one node acts upon are told to the others', async () => {
    const world = await start();
    const leader = await world.leader();
    const [first, second] = await world.followers();
    expect(second!.transport.suspected).toEqual([]);
    // The leader lives, and everybody but the first knows it.
    first!.transport.hint(leader.name);
    await waitUntil(() => second!.transport.suspected.length > 0);
    expect(second!.transport.suspected[0]).toBe(leader.name);
    expect(leader.transport.suspected).toEqual([]);
    expect((await world.leader()).name).toBe(leader.name);
  });
});

describe('a start', () => {
  it('tells no status before a log that a crash left behind its state is restarted', async () => {
    const log = new MemoryLogStore();
    const state = new MemoryStateStore();
    const gated = new GatedLog(log);
    gated.isStuck = true;
    const metadata = {
      index: 9 as LogIndex,
      term: 2 as Term,
      confState: { ...EMPTY_CONF_STATE, voters: [1 as PeerId] },
    };
    const header = {
      format: 1 as const,
      clusterId: CLUSTER,
      metadata,
      chainHash: new Uint8Array(32),
      stampMs: 5 as StampMs,
    };
    const install = await state.beginInstall({ ...header, stateHash: state.hash().hash });
    await install.finish();
    const raft = new RaftNode<ListResult, ListEvent>(
      {
        clock: systemClock,
        log: gated.store,
        state,
        transport: new LoopTransport('n1' as NodeName, () => {}),
        directory: foundingDirectory(),
        machine: new ListMachine(HONEST),
        random: Math.random,
      },
      { self: 'n1' as NodeName, peer: 1 as PeerId, boot: 1, clusterId: CLUSTER, foundingVoters: [1 as PeerId] },
      {
        onFatal: (error) => {
          throw error;
        },
      },
    );
    const started = raft.start();
    expect(raft.status()).toBeNull();
    expect(raft.view()).toMatchObject({ leader: null, term: 0 });
    const early = raft.submit(encodeListCommand({ room: 'a', txn: 'early' }), 10_000);
    await new Promise((resolve) => {
      setImmediate(resolve);
    });
    gated.release();
    await started;
    expect(raft.status()).toMatchObject({ stateIndex: 9, firstIndex: 10 });
    expect(await early).toMatchObject({ seq: 1 });
    await raft.stop({ transferLeadership: false });
  });
});

class Failing extends ListMachine {
  constructor() {
    super(HONEST);
  }
  override apply(): never {
    throw new Error('broken');
  }
}

/** A log that can be kept from telling that its writes are done. */
class GatedLog {
  isStuck = false;
  readonly store: LogStore;
  readonly #held: Done[] = [];

  constructor(log: LogStore) {
    const append = (write: LogWrite, done: Done): void => {
      log.append(write, () => {
        if (this.isStuck) this.#held.push(done);
        else done();
      });
    };
    this.store = new Proxy(log, {
      get: (target, key) => {
        if (key === 'append') return append;
        const value: unknown = Reflect.get(target, key, target);
        return typeof value === 'function' ? (value as () => unknown).bind(target) : value;
      },
    });
  }

  release(): void {
    this.isStuck = false;
    for (const done of this.#held.splice(0)) done();
  }
}
