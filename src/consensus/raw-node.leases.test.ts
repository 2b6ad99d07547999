import { describe, expect, it } from 'vitest';
import { BoundedClock } from '../testing/consensus/bounded-clock.ts';
import { Cluster } from '../testing/consensus/cluster.ts';
import type { PeerOptions } from '../testing/consensus/cluster-peer.ts';
import { seededRandom } from '../testing/consensus/seeded-random.ts';
import { at, bytes, id, tell, three } from '../testing/consensus/three-peers.ts';
import { MessageType, type Message } from './message.ts';
import { NO_PEER } from './types.ts';

describe('reads from a lease', () => {
  const leased = { readOnlyOption: 'lease', checkQuorum: true, preVote: true } as const;

  const answersAtOnce = (cluster: Cluster): boolean => {
    const before = cluster.peer(1).readStates.length;
    cluster.peer(1).raw.readIndex(bytes('r'));
    cluster.peer(1).work();
    return cluster.peer(1).readStates.length > before;
  };

  it('answers at once while it lasts', () => {
    const cluster = three(leased);
    expect(answersAtOnce(cluster)).toBe(false);
    cluster.tick(1);
    expect(answersAtOnce(cluster)).toBe(true);
    cluster.isolate(1);
    cluster.tick(9, [1]);
    expect(answersAtOnce(cluster)).toBe(false);
  });

  it('ends before any other peer can be elected', () => {
    const cluster = three(leased);
    cluster.tick(1);
    cluster.isolate(1);
    for (let ticks = 0; ticks < 30; ticks += 1) {
      cluster.tick(1);
      const other = cluster.leaders.some((peer) => peer.id !== 1);
      expect(other && answersAtOnce(cluster)).toBe(false);
    }
    expect(cluster.leaders.some((peer) => peer.id !== 1)).toBe(true);
  });

  it('is void after the driver says so, until a new round is confirmed', () => {
    const cluster = three(leased);
    cluster.tick(1);
    cluster.peer(1).raw.voidLease();
    expect(answersAtOnce(cluster)).toBe(false);
    cluster.tick(1);
    expect(answersAtOnce(cluster)).toBe(true);
  });

  it('is over for the term once anybody was told to take over', () => {
    const cluster = three(leased);
    cluster.reaches = ({ type }) => type !== MessageType.timeoutNow;
    cluster.peer(1).raw.transferLeader(id(2));
    cluster.tick(12);
    expect(cluster.peer(1).raw.basicStatus()).toMatchObject({ role: 'leader', transferee: NO_PEER });
    expect(answersAtOnce(cluster)).toBe(false);
  });

  it('is void while leadership is handed over', () => {
    const cluster = three(leased);
    cluster.isolate(3);
    cluster.peer(1).raw.propose(bytes('3 lacks this'));
    cluster.tick(1);
    expect(answersAtOnce(cluster)).toBe(true);
    cluster.peer(1).raw.transferLeader(id(3));
    expect(answersAtOnce(cluster)).toBe(false);
  });

  it('is honoured by a peer that restarted', () => {
    const cluster = three(leased);
    cluster.tick(1);
    cluster.peer(2).restart();
    cluster.isolate(1);
    cluster.peer(3).raw.campaign();
    cluster.settle();
    expect(cluster.leaders.map((peer) => peer.id)).toEqual([1]);
  });

  it('is measured from when the heartbeats were sent, however late they are answered', () => {
    const cluster = three(leased);
    const late: Message[] = [];
    cluster.reaches = (message) => {
      if (message.type !== MessageType.heartbeatResp) return true;
      late.push(message);
      return false;
    };
    cluster.tick(1, [1]);
    cluster.tick(5, [1]);
    const first = late.find(({ from }) => from === id(2));
    cluster.peer(1).raw.step(first!);
    expect(answersAtOnce(cluster)).toBe(true);
    cluster.tick(3, [1]);
    expect(answersAtOnce(cluster), 'nine ticks after it was sent').toBe(false);
  });

  it('is shorter by what ticks may come late at the leader and at its followers', () => {
    const lengthWith = (leaseSlackTicks: number): number => {
      const cluster = three({ ...leased, leaseSlackTicks });
      cluster.tick(1);
      cluster.isolate(1);
      for (let ticks = 0; ; ticks += 1) {
        if (!answersAtOnce(cluster)) return ticks;
        cluster.tick(1, [1]);
      }
    };
    // Of nine whole ticks, a tenth is left for drift; each late tick counts at both ends.
    expect([lengthWith(0), lengthWith(1), lengthWith(2)]).toEqual([8, 6, 4]);
  });

  it('is void when the leader steps down, though it leads again', () => {
    const cluster = three(leased);
    cluster.tick(1);
    const { raw } = cluster.peer(1);
    raw.step(tell(MessageType.heartbeat, { from: 3, to: 1, term: 2 }));
    raw.campaign();
    cluster.reaches = ({ type }) => type !== MessageType.heartbeatResp;
    raw.step(tell(MessageType.preVoteResp, { from: 2, to: 1, term: 3 }));
    cluster.peer(1).work();
    raw.step(tell(MessageType.voteResp, { from: 2, to: 1, term: 3 }));
    expect(raw.basicStatus().role).toBe('leader');
    raw.step(tell(MessageType.appResp, { from: 2, to: 1, term: 3 }, { index: raw.basicStatus().lastIndex }));
    cluster.peer(1).work();
    expect(raw.basicStatus().hardState.commit).toBe(raw.basicStatus().lastIndex);
    expect(answersAtOnce(cluster)).toBe(false);
  });

  it('is promised only by peers that would remember it after a crash', () => {
    const cluster = new Cluster({ voters: [1, 2, 3], peer: { ...leased, asyncStorageWrites: true } });
    const peer = cluster.peer(2);
    peer.raw.step(tell(MessageType.heartbeat, { from: 1, to: 2, term: 1 }, { context: new Uint8Array(8) }));
    expect(peer.work()).toEqual([]);
    expect(peer.executeAppend()).toMatchObject([{ type: 'MsgHeartbeatResp' }]);
    peer.restart();
    peer.raw.step(tell(MessageType.vote, { from: 3, to: 2, term: 2 }, { index: at(1) }));
    expect(peer.raw.basicStatus().hardState.term).toBe(1);
  });

  it('is not broken by forgetting the leader', () => {
    const cluster = three(leased);
    cluster.tick(1);
    for (const peer of [2, 3]) cluster.peer(peer).raw.forgetLeader();
    cluster.isolate(1);
    cluster.peer(2).raw.campaign();
    cluster.settle();
    expect(cluster.leaders.map((peer) => peer.id)).toEqual([1]);
  });

  describe('whose clocks differ by a tenth and tick late', () => {
    const UNITS_PER_TICK = 20;
    const electionTicks = 10;

    /**
     * The leader is cut off at some time; the others stand for election as early as they may, on a network without
     * delay. Returns how often the old leader would still answer, and whether another was elected in the end.
     */
    const cutOffLeader = (seed: number, leaseSlackTicks: number): { answered: number; elected: boolean } => {
      const cluster = three({ ...leased, electionTicks, leaseSlackTicks });
      const random = seededRandom(seed);
      const peers = [...cluster.peers.values()];
      const clocks = peers.map(() => {
        const rate = random() < 0.5 ? 0.9 + Math.round(random()) / 10 : 0.9 + random() / 10;
        return new BoundedClock({ rate, phase: random(), lateTicksMax: leaseSlackTicks });
      });
      // Worst are followers that make up for late ticks after the cut, and a leader whose ticks are late from then on.
      const isLate = peers.map((_, place) => [place > 0, place === 0].map((worst) => worst || random() < 0.2));
      const units = 4 * electionTicks * UNITS_PER_TICK;
      const cutAt = Math.floor((6 + random()) * UNITS_PER_TICK);
      let answered = 0;
      for (let unit = 0; unit < units; unit += 1) {
        if (unit === cutAt) cluster.isolate(1);
        for (const [place, { raw }] of peers.entries()) {
          raw.overrideElectionTimeout(electionTicks);
          const lateness = isLate[place]![unit < cutAt ? 0 : 1] ? 0.99 : 0;
          for (let due = clocks[place]!.pass(1 / UNITS_PER_TICK, lateness); due > 0; due -= 1) raw.tick();
          cluster.settle();
        }
        const leads = cluster.peer(1).raw.basicStatus().role === 'leader';
        const mayAnswer = leads && answersAtOnce(cluster);
        if (mayAnswer) answered += 1;
        if (cluster.leaders.some(({ id: leader }) => leader !== id(1))) {
          expect(mayAnswer, `seed ${seed}, ${(unit - cutAt) / UNITS_PER_TICK} ticks after the cut`).toBe(false);
          if (unit > cutAt) return { answered, elected: true };
        }
      }
      return { answered, elected: false };
    };

    for (const slack of [0, 2]) {
      it(`never answer once another was elected (ticks late by up to ${slack})`, () => {
        for (let seed = 1; seed <= 200; seed += 1) {
          const { answered, elected } = cutOffLeader(seed, slack);
          expect(elected).toBe(true);
          expect(answered).toBeGreaterThan(0);
        }
      });
    }
  });

  it('can only be configured where it can be kept', () => {
    const build = (peer: Partial<PeerOptions>) => () => new Cluster({ voters: [1], peer: { ...leased, ...peer } });
    expect(build({ checkQuorum: false })).toThrow('lease reads need checkQuorum');
    expect(build({ hintVotes: true })).toThrow('lease reads exclude hintVotes');
    expect(build({ leaseSlackTicks: 5 })).toThrow('over before it begins');
    expect(build({ leaseSlackTicks: -1 })).toThrow('leaseSlackTicks');
  });
});
