import { describe, expect, it } from 'vitest';
import { Cluster } from '../testing/consensus/cluster.ts';
import { bytes, change, explicitly, statusOf, text, three } from '../testing/consensus/three-peers.ts';
import { MessageType, type Message } from './message.ts';

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

  it('forgets reads that came before its first commit when another peer takes over', () => {
    const cluster = three();
    cluster.reaches = ({ type }) => type !== MessageType.app;
    cluster.elect(2);
    read(cluster, 2, 'early');
    cluster.settle();
    cluster.heal();
    cluster.elect(3);
    cluster.elect(2);
    cluster.tick(2);
    expect(answers(cluster, 2)).toEqual([]);
    read(cluster, 2, 'again');
    cluster.settle();
    expect(answers(cluster, 2).map(([name]) => name)).toEqual(['again']);
  });

  it('forgets reads that no majority confirmed before another peer took over', () => {
    const cluster = three();
    cluster.isolate(1);
    read(cluster, 1, 'of the old leader');
    cluster.settle();
    cluster.elect(2);
    cluster.peer(2).raw.propose(bytes('newer'));
    cluster.settle();
    cluster.heal();
    cluster.tick(3, [2]);
    expect(cluster.peer(1).raw.basicStatus().leader).toBe(2);
    cluster.elect(1);
    cluster.tick(3, [1]);
    expect(answers(cluster, 1)).toEqual([]);
  });

  it('is not answered alone by a leader that removed itself and left one voter', () => {
    const cluster = new Cluster({ voters: [1, 2] });
    cluster.elect(1);
    cluster.peer(1).raw.proposeConfChange(change(['remove', 1]));
    cluster.settle();
    expect(statusOf(cluster, 1)).toMatchObject({ role: 'leader', confState: { voters: [2] } });
    cluster.isolate(1);
    cluster.elect(2);
    cluster.peer(2).raw.propose(bytes('newer'));
    cluster.settle();
    read(cluster, 1, 'stale');
    cluster.tick(2, [1]);
    expect(answers(cluster, 1)).toEqual([]);
  });

  it('is answered when those whose confirmation it waits for are removed', () => {
    const cluster = new Cluster({ voters: [1, 2] });
    cluster.elect(1);
    cluster.reaches = ({ type }) => type !== MessageType.heartbeatResp;
    read(cluster, 1, 'waits');
    cluster.settle();
    expect(answers(cluster, 1)).toEqual([]);
    cluster.peer(1).raw.proposeConfChange(change(['remove', 2]));
    cluster.tick(2);
    expect(statusOf(cluster, 1).confState.voters).toEqual([1]);
    expect(answers(cluster, 1)).toEqual([['waits', 2]]);
  });

  it('is answered by the only voter at once', () => {
    const cluster = new Cluster({ voters: [1], learners: [2] });
    cluster.elect(1);
    cluster.isolate(2);
    read(cluster, 1, 'r');
    cluster.settle();
    expect(answers(cluster, 1)).toEqual([['r', 2]]);
  });

  it('needs both majorities while the membership is joint', () => {
    const cluster = new Cluster({ voters: [1, 2, 3], spare: [4, 5] });
    cluster.elect(1);
    const moved = explicitly(change(['add-voter', 4], ['add-voter', 5], ['remove', 2], ['remove', 3]));
    cluster.peer(1).raw.proposeConfChange(moved);
    cluster.tick(3);
    cluster.isolate(4, 5);
    read(cluster, 1, 'r');
    cluster.tick(3);
    expect(answers(cluster, 1)).toEqual([]);
    cluster.isolate(2, 5);
    cluster.tick(2);
    expect(answers(cluster, 1)).toHaveLength(1);
  });

  it('bounds how many wait', () => {
    const cluster = three();
    cluster.isolate(1);
    for (let count = 0; count < 5000; count += 1) read(cluster, 1, 'r');
    const { events } = cluster.peer(1);
    expect(events.filter((event) => event.kind === 'message-ignored')).toHaveLength(5000 - 4096);
    expect(events.at(-1)).toMatchObject({ reason: 'too-many-reads' });
  });
});
