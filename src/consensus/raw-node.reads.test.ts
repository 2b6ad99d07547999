import { describe, expect, it } from 'vitest';
import { bytes, id, text, three } from '../testing/consensus/three-peers.ts';
import { MessageType, type Message } from './message.ts';
import { NO_PEER } from './types.ts';
import type { Cluster } from '../testing/consensus/cluster.ts';

const sent = (cluster: Cluster, type: MessageType): Message[] => cluster.network.filter((one) => one.type === type);

describe('linearizable reads', () => {
  const read = (cluster: Cluster, peer: number, name: string): void => cluster.peer(peer).raw.readIndex(bytes(name));
  const answers = (cluster: Cluster, peer: number): [string, number][] =>
    cluster.peer(peer).readStates.map(({ context, index }) => [text(context), index]);

  it('answers leader and followers with an index that covers everything acknowledged', () => {
    const cluster = three();
    cluster.peer(1).raw.propose(bytes('a'));
    cluster.settle();
    read(cluster, 1, 'at leader');
    read(cluster, 2, 'at follower');
    cluster.settle();
    expect(answers(cluster, 1)).toEqual([['at leader', 3]]);
    expect(answers(cluster, 2)).toEqual([['at follower', 3]]);
  });

  it('asks the others once for any number of reads', () => {
    const cluster = three();
    for (let count = 0; count < 50; count += 1) read(cluster, 1, `r${count}`);
    cluster.network.push(...cluster.peer(1).work());
    expect(sent(cluster, MessageType.heartbeat)).toHaveLength(2);
    cluster.settle();
    expect(answers(cluster, 1)).toHaveLength(50);
  });

  it('does not answer while no majority confirms, and does after it has healed', () => {
    const cluster = three();
    cluster.isolate(1);
    read(cluster, 1, 'r');
    cluster.settle();
    expect(answers(cluster, 1)).toEqual([]);
    cluster.heal();
    cluster.tick(1, [1]);
    expect(answers(cluster, 1)).toEqual([['r', 2]]);
  });

  it('is not misled by answers to an earlier round', () => {
    const cluster = three();
    cluster.tick(1, [1]);
    read(cluster, 1, 'first');
    cluster.network.push(...cluster.peer(1).work());
    const early = cluster.network;
    cluster.network = [];
    read(cluster, 1, 'second');
    cluster.peer(1).work();
    for (const message of early) cluster.peer(message.to).raw.step(message);
    cluster.settle();
    expect(answers(cluster, 1)).toEqual([['first', 2]]);
  });

  it('waits until the leader has committed an entry of its own term', () => {
    const cluster = three();
    cluster.isolate(1);
    cluster.peer(2).raw.campaign();
    cluster.reaches = ({ type, from, to }) => from !== 1 && to !== 1 && type !== MessageType.app;
    cluster.settle();
    expect(cluster.peer(2).raw.basicStatus().role).toBe('leader');
    read(cluster, 2, 'early');
    cluster.settle();
    expect(answers(cluster, 2)).toEqual([]);
    cluster.heal();
    cluster.tick(2, [2]);
    expect(answers(cluster, 2)).toEqual([['early', 3]]);
  });

  describe('from a lease', () => {
    const leased = { readOnlyOption: 'lease', checkQuorum: true, preVote: true } as const;

    const answersAtOnce = (cluster: Cluster): boolean => {
      const before = cluster.peer(1).readStates.length;
      read(cluster, 1, 'r');
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

    it('is honoured by a peer that restarted', () => {
      const cluster = three(leased);
      cluster.tick(1);
      cluster.peer(2).restart();
      cluster.isolate(1);
      cluster.peer(3).raw.campaign();
      cluster.settle();
      expect(cluster.leaders.map((peer) => peer.id)).toEqual([1]);
    });
  });
});
