import { describe, expect, it } from 'vitest';
import type { Cluster } from '../testing/consensus/cluster.ts';
import type { ClusterPeer } from '../testing/consensus/cluster-peer.ts';
import {
  appliedTexts,
  at,
  bytes,
  entriesOf,
  id,
  inTerm,
  statusOf,
  tell,
  three,
} from '../testing/consensus/three-peers.ts';
import { SNAPSHOT_TEMPORARILY_UNAVAILABLE } from './log-storage.ts';
import { MessageType, type Message, type MessageFields } from './message.ts';
import type { PeerProgress } from './status.ts';

/** What a leader sends to whom, and when it waits. Peers 2 and 3 exist only in what the test says for them. */

const sentTo = (peer: number, messages: readonly Message[]): Message[] => messages.filter(({ to }) => to === id(peer));

const progressOf = ({ raw }: ClusterPeer, peer: number): PeerProgress =>
  raw.status().progress.find((progress) => progress.id === id(peer))!;

const answer = (leader: ClusterPeer, from: number, fields: MessageFields): void => {
  leader.raw.step(tell(MessageType.appResp, { from, to: 1, term: 1 }, fields));
};

/** The leader of term 1, whose followers have its first entry (index 2). */
const leading = (peer: Parameters<typeof three>[0] = {}): ClusterPeer => three(peer).peer(1);

describe('flow control', () => {
  it('sends ahead within the window of messages, and again as it is freed', () => {
    const leader = leading({ maxInflightMessages: 2, maxBytesPerMessage: 0 });
    for (const word of ['a', 'b', 'c', 'd']) leader.raw.propose(bytes(word));
    expect(sentTo(2, leader.work()).map(({ entries }) => entries.length)).toEqual([1, 1]);
    expect(progressOf(leader, 2)).toMatchObject({ next: 5, inflightMessages: 2, inflightsFull: true, paused: true });
    answer(leader, 2, { index: at(3) });
    expect(sentTo(2, leader.work()).map(({ entries }) => entries.map(({ index }) => index))).toContainEqual([5]);
    expect(progressOf(leader, 2)).toMatchObject({ match: 3, next: 6, inflightMessages: 2 });
  });

  it('sends ahead within the window of bytes', () => {
    const leader = leading({ maxInflightBytes: 100, maxBytesPerMessage: 60 });
    for (let count = 0; count < 5; count += 1) leader.raw.propose(new Uint8Array(50));
    leader.work();
    expect(progressOf(leader, 2)).toMatchObject({ inflightMessages: 2, inflightBytes: 100, inflightsFull: true });
    answer(leader, 2, { index: at(4) });
    leader.work();
    expect(progressOf(leader, 2)).toMatchObject({ match: 4, inflightMessages: 2, inflightBytes: 100 });
  });

  it('finds out by an empty append whether all that filled the window was lost', () => {
    const leader = leading({ maxInflightMessages: 1, maxBytesPerMessage: 0 });
    leader.raw.propose(bytes('lost'));
    leader.raw.propose(bytes('waits'));
    leader.work();
    leader.raw.step(tell(MessageType.heartbeatResp, { from: 2, to: 1, term: 1 }));
    expect(sentTo(2, leader.work())).toMatchObject([{ type: 'MsgApp', index: 3, entries: [] }]);
    answer(leader, 2, { index: at(3), reject: true, rejectHint: at(2), logTerm: inTerm(1) });
    expect(sentTo(2, leader.work())).toMatchObject([{ type: 'MsgApp', index: 2, entries: [{ index: 3 }] }]);
  });

  it('goes back to probing on a rejection, forgets what was under way, and then replicates again', () => {
    const leader = leading({ maxBytesPerMessage: 0 });
    for (const word of ['a', 'b', 'c']) leader.raw.propose(bytes(word));
    leader.work();
    expect(progressOf(leader, 2)).toMatchObject({ state: 'replicate', inflightMessages: 3, next: 6 });

    answer(leader, 2, { index: at(4), reject: true, rejectHint: at(2), logTerm: inTerm(1) });
    expect(progressOf(leader, 2)).toMatchObject({ state: 'probe', inflightMessages: 0, next: 3, paused: true });
    expect(sentTo(2, leader.work())).toMatchObject([{ index: 2, entries: [{ index: 3 }] }]);
    // One probe at a time, and none for rejections that were meant for what was sent before.
    answer(leader, 2, { index: at(5), reject: true, rejectHint: at(2), logTerm: inTerm(1) });
    leader.raw.propose(bytes('d'));
    expect(sentTo(2, leader.work())).toEqual([]);

    answer(leader, 2, { index: at(3) });
    expect(progressOf(leader, 2)).toMatchObject({ state: 'replicate', match: 3 });
    expect(sentTo(2, leader.work()).flatMap(({ entries }) => entries.map(({ index }) => index))).toEqual([4, 5, 6]);
    answer(leader, 2, { index: at(2), reject: true, rejectHint: at(1) });
    expect(progressOf(leader, 2), 'a rejection of what is known to match is old').toMatchObject({ state: 'replicate' });
  });

  it('probes a peer that could not be reached', () => {
    const leader = leading();
    leader.raw.propose(bytes('a'));
    leader.work();
    leader.raw.reportUnreachable(id(2));
    expect(progressOf(leader, 2)).toMatchObject({ state: 'probe', next: 3, inflightMessages: 0 });
    leader.raw.reportUnreachable(id(9));
    leader.raw.step(tell(MessageType.heartbeatResp, { from: 2, to: 1, term: 1 }));
    expect(sentTo(2, leader.work())).toMatchObject([{ type: 'MsgApp', entries: [{ index: 3 }] }]);
  });

  it('probes a peer that lacks nothing too, so that it can be sent ahead again', () => {
    const leader = leading();
    leader.raw.reportUnreachable(id(2));
    leader.raw.step(tell(MessageType.heartbeatResp, { from: 2, to: 1, term: 1 }));
    expect(sentTo(2, leader.work())).toMatchObject([{ type: 'MsgApp', index: 2, entries: [] }]);
    answer(leader, 2, { index: at(2) });
    expect(progressOf(leader, 2)).toMatchObject({ state: 'replicate', match: 2 });
  });

  it('tells a follower by heartbeats to commit no more than it is known to have', () => {
    const leader = leading();
    leader.raw.propose(bytes('a'));
    leader.work();
    answer(leader, 3, { index: at(3) });
    leader.work();
    expect(leader.raw.basicStatus().hardState.commit).toBe(3);
    leader.raw.tick();
    const commits = leader.work().filter(({ type }) => type === MessageType.heartbeat);
    expect(commits.map(({ to, commit }) => [to, commit])).toEqual([
      [2, 2],
      [3, 3],
    ]);
  });

  it('stops when a follower has acknowledged what its leader does not have', () => {
    const leader = leading();
    expect(() => answer(leader, 2, { index: at(9) })).toThrow('2 has entries up to 9, its leader only up to 2');
  });

  it('counts only what it proposed itself against the bound on uncommitted bytes', () => {
    const leader = leading({ maxUncommittedBytes: 20 });
    const { raw } = leader;
    raw.propose(new Uint8Array(15));
    leader.work();
    raw.step(tell(MessageType.heartbeat, { from: 3, to: 1, term: 2 }));
    raw.campaign();
    leader.work();
    raw.step(tell(MessageType.voteResp, { from: 2, to: 1, term: 3 }));
    expect(raw.propose(new Uint8Array(18)).kind).toBe('appended');
    const acknowledge = (index: number): void => {
      raw.step(tell(MessageType.appResp, { from: 2, to: 1, term: 3 }, { index: at(index) }));
      leader.work();
    };
    leader.work();
    acknowledge(4);
    // The entry of term 1 is applied now: it is none of those that this leader has proposed in its term.
    expect(raw.basicStatus()).toMatchObject({ applied: 4, lastIndex: 5 });
    expect(raw.propose(new Uint8Array(15))).toEqual({ kind: 'dropped', reason: 'uncommitted-bytes-full' });
    acknowledge(5);
    expect(raw.propose(new Uint8Array(15)).kind).toBe('appended');
  });
});

describe('snapshots', () => {
  /** Peer 3 needs a snapshot: what it lacks is compacted. The messages to it wait in `sent`. */
  const lagging = (): { cluster: Cluster; leader: ClusterPeer; sent: Message[] } => {
    const cluster = three({ checkQuorum: true });
    cluster.isolate(3);
    for (let count = 0; count < 10; count += 1) cluster.peer(1).raw.propose(bytes(`m${count}`));
    cluster.settle();
    cluster.peer(1).disk.compact(at(10));
    const sent: Message[] = [];
    cluster.transmit = (message, arrives) => {
      if (message.to === id(3)) sent.push(message);
      else if (arrives) cluster.peer(message.to).raw.step(message);
    };
    return { cluster, leader: cluster.peer(1), sent };
  };

  const speak = (leader: ClusterPeer): void => {
    leader.raw.step(tell(MessageType.heartbeatResp, { from: 3, to: 1, term: 1 }));
  };

  const rejected = { index: at(2), reject: true, rejectHint: at(1), logTerm: inTerm(0) };

  it('are sent to who lacks compacted entries and speaks, and to nobody who is silent', () => {
    const { cluster, leader, sent } = lagging();
    cluster.tick(12, [1]);
    expect(progressOf(leader, 3).recentActive).toBe(false);
    leader.raw.reportUnreachable(id(3));
    leader.raw.propose(bytes('x'));
    cluster.settle();
    expect(sent.some(({ type }) => type === MessageType.snap)).toBe(false);
    speak(leader);
    cluster.settle();
    expect(sent.filter(({ type }) => type === MessageType.snap)).toMatchObject([{ to: 3, term: 1 }]);
    expect(progressOf(leader, 3)).toMatchObject({ state: 'snapshot', paused: true });
    sent.length = 0;
    leader.raw.propose(bytes('y'));
    speak(leader);
    cluster.settle();
    expect(sent, 'nothing else as long as it is under way').toEqual([]);
  });

  it('are asked for again when the storage has none at the moment', () => {
    const { cluster, leader, sent } = lagging();
    const made = leader.disk.snapshot.bind(leader.disk);
    leader.disk.snapshot = () => SNAPSHOT_TEMPORARILY_UNAVAILABLE as never;
    leader.raw.reportUnreachable(id(3));
    speak(leader);
    cluster.settle();
    expect(progressOf(leader, 3).state).toBe('probe');
    expect(sent.some(({ type }) => type === MessageType.snap)).toBe(false);
    leader.disk.snapshot = made;
    speak(leader);
    expect(progressOf(leader, 3).state).toBe('snapshot');
  });

  it('that failed are followed by a probe from what matched, those that arrived by one from behind them', () => {
    for (const [ok, next] of [
      [false, 3],
      [true, 13],
    ] as const) {
      const { leader } = lagging();
      leader.raw.reportUnreachable(id(3));
      speak(leader);
      expect(progressOf(leader, 3)).toMatchObject({ state: 'snapshot', pendingSnapshot: 12 });
      leader.raw.reportSnapshot(id(3), ok);
      expect(progressOf(leader, 3)).toMatchObject({ state: 'probe', next, paused: true });
      leader.raw.reportSnapshot(id(3), !ok);
      expect(progressOf(leader, 3), 'a second report says nothing').toMatchObject({ state: 'probe', next });
    }
  });

  it('need not be the one that was sent: what counts is that the log continues what the peer has', () => {
    const { leader } = lagging();
    leader.raw.reportUnreachable(id(3));
    speak(leader);
    answer(leader, 3, { index: at(9) });
    expect(progressOf(leader, 3), 'entry 10 is compacted').toMatchObject({ state: 'snapshot', match: 9 });
    answer(leader, 3, rejected);
    expect(progressOf(leader, 3).state).toBe('snapshot');
    answer(leader, 3, { index: at(11) });
    expect(progressOf(leader, 3)).toMatchObject({ state: 'replicate', match: 11, next: 13 });
  });

  it('are not needed by who has the entries: it learns that they are committed', () => {
    const cluster = three();
    const peer = cluster.peer(2);
    peer.raw.step(
      tell(
        MessageType.app,
        { from: 1, to: 2, term: 1 },
        { index: at(2), logTerm: inTerm(1), entries: entriesOf(3, 1, 1) },
      ),
    );
    const metadata = { index: at(4), term: inTerm(1), confState: statusOf(cluster, 2).confState };
    peer.raw.step(tell(MessageType.snap, { from: 1, to: 2, term: 1 }, { snapshot: { metadata, data: bytes('') } }));
    expect(peer.work()).toMatchObject([{ index: 4 }, { type: 'MsgAppResp', index: 4 }]);
    expect(peer.raw.basicStatus()).toMatchObject({ firstIndex: 2, lastIndex: 4, hardState: { commit: 4 } });
    expect(appliedTexts(cluster, 2)).toHaveLength(2);
  });

  it('that are older than what is committed change nothing', () => {
    const cluster = three();
    cluster.peer(1).raw.propose(bytes('a'));
    cluster.tick(1);
    const peer = cluster.peer(2);
    const metadata = { index: at(2), term: inTerm(1), confState: statusOf(cluster, 2).confState };
    peer.raw.step(tell(MessageType.snap, { from: 1, to: 2, term: 1 }, { snapshot: { metadata, data: bytes('') } }));
    expect(peer.work()).toMatchObject([{ type: 'MsgAppResp', index: 3 }]);
    peer.disk.compact(at(3));
    peer.raw.step(tell(MessageType.snap, { from: 1, to: 2, term: 1 }, { snapshot: { metadata, data: bytes('') } }));
    expect(peer.work()).toMatchObject([{ type: 'MsgAppResp', index: 3 }]);
    expect(appliedTexts(cluster, 2)).toEqual(['a']);
  });

  it('make no difference to a late append of what they cover: it is acknowledged up to the commit index', () => {
    const cluster = three();
    cluster.peer(1).raw.propose(bytes('a'));
    cluster.tick(1);
    const peer = cluster.peer(2);
    peer.disk.compact(at(3));
    const late = { index: at(1), entries: entriesOf(2, 1), commit: at(2) };
    peer.raw.step(tell(MessageType.app, { from: 1, to: 2, term: 1 }, late));
    expect(peer.work()).toMatchObject([{ type: 'MsgAppResp', index: 3, reject: false }]);
  });
});
