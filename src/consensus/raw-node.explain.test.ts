import { describe, expect, it } from 'vitest';
import { Cluster } from '../testing/consensus/cluster.ts';
import type { ClusterPeer } from '../testing/consensus/cluster-peer.ts';
import { at, bytes, change, entriesOf, id, inTerm, statusOf, tell, three } from '../testing/consensus/three-peers.ts';
import { SNAPSHOT_TEMPORARILY_UNAVAILABLE } from './log-storage.ts';
import { MessageType } from './message.ts';
import type { LaggingPeer, NoLeaderReason, NotCommittingReason } from './status.ts';

const whyNoLeader = ({ raw }: ClusterPeer): NoLeaderReason | undefined => raw.explain().noLeader;
const whyNotCommitting = ({ raw }: ClusterPeer): NotCommittingReason | undefined => raw.explain().notCommitting;

describe('a peer without leader explains', () => {
  it('that it is no member, that it is a learner, or for how long it waits', () => {
    const cluster = new Cluster({ voters: [1, 2, 3], learners: [4], spare: [5] });
    expect(whyNoLeader(cluster.peer(5))).toEqual({ kind: 'not-a-member' });
    expect(whyNoLeader(cluster.peer(4))).toEqual({ kind: 'learner' });
    const waiting = cluster.peer(1);
    waiting.raw.overrideElectionTimeout(10);
    waiting.raw.tick();
    expect(whyNoLeader(waiting)).toEqual({ kind: 'waiting-for-timeout', ticksLeft: 9 });
    cluster.elect(2);
    expect(whyNoLeader(waiting)).toBeUndefined();
    expect(whyNotCommitting(waiting)).toEqual({ kind: 'not-leader', leader: 2 });
  });

  it('whose votes it lacks', () => {
    const cluster = new Cluster({ voters: [1, 2, 3, 4] });
    const { raw } = cluster.peer(1);
    cluster.isolate(1);
    raw.campaign();
    cluster.settle();
    raw.step(tell(MessageType.voteResp, { from: 3, to: 1, term: 1 }));
    raw.step(tell(MessageType.voteResp, { from: 4, to: 1, term: 1 }, { reject: true }));
    expect(whyNoLeader(cluster.peer(1))).toEqual({
      kind: 'votes-missing',
      granted: [1, 3],
      refused: [4],
      silent: [2],
    });
    expect(whyNotCommitting(cluster.peer(1))).toEqual({ kind: 'no-leader' });
  });

  it('that it waits for a committed change to be applied', () => {
    const cluster = new Cluster({ voters: [1, 2, 3], spare: [4], peer: { asyncStorageWrites: true } });
    cluster.elect(1);
    const peer = cluster.peer(2);
    peer.executeApply = () => {
      peer.applyWork.length = 0;
      return [];
    };
    cluster.peer(1).raw.proposeConfChange(change(['add-voter', 4]));
    cluster.tick(2, [1]);
    cluster.isolate(1);
    cluster.tick(20, [2]);
    expect(whyNoLeader(peer)).toEqual({ kind: 'campaign-refused', reason: 'unapplied-conf-change' });
    expect(peer.raw.explain().unapplied).toBe(1);
  });

  it('that a snapshot is being installed', () => {
    const cluster = new Cluster({ voters: [1, 2, 3], peer: { asyncStorageWrites: true } });
    const peer = cluster.peer(2);
    const metadata = { index: at(9), term: inTerm(1), confState: statusOf(cluster, 2).confState };
    const snapshot = { metadata, data: bytes('[]') };
    peer.raw.step(tell(MessageType.snap, { from: 1, to: 2, term: 1 }, { snapshot }));
    peer.work();
    peer.raw.step(tell(MessageType.vote, { from: 3, to: 2, term: 2 }, { index: at(9), logTerm: inTerm(1) }));
    expect(whyNoLeader(peer)).toEqual({ kind: 'campaign-refused', reason: 'not-promotable' });
    peer.executeAppend();
    expect(whyNoLeader(peer)).toMatchObject({ kind: 'waiting-for-timeout' });
  });
});

describe('a leader that commits nothing explains', () => {
  const lagging = (peer: ClusterPeer): Record<number, LaggingPeer['waitingFor']> => {
    const reason = whyNotCommitting(peer);
    if (reason?.kind !== 'majority-behind') throw new Error(`it says ${JSON.stringify(reason)}`);
    return Object.fromEntries(reason.lagging.map((one) => [one.id, one.waitingFor]));
  };

  it('that there is nothing to commit', () => {
    expect(whyNotCommitting(three().peer(1))).toBeUndefined();
  });

  it('whose acknowledgements it waits for: its own disk’s, and those of voters that were sent something', () => {
    const cluster = three({ asyncStorageWrites: true });
    const leader = cluster.peer(1);
    leader.raw.propose(bytes('x'));
    leader.work();
    expect(whyNotCommitting(leader)).toEqual({
      kind: 'majority-behind',
      lagging: [
        { id: 1, match: 2, waitingFor: 'own-disk' },
        { id: 2, match: 2, waitingFor: 'acknowledgement' },
        { id: 3, match: 2, waitingFor: 'acknowledgement' },
      ],
    });
    leader.executeAppend();
    expect(lagging(leader)).toEqual({ 2: 'acknowledgement', 3: 'acknowledgement' });
  });

  it('who is probed, whose window is full, and who is silent', () => {
    const cluster = new Cluster({ voters: [1, 2, 3, 4], peer: { checkQuorum: true, maxInflightMessages: 1 } });
    cluster.elect(1);
    const leader = cluster.peer(1);
    cluster.isolate(1, 2, 3);
    cluster.tick(20, [1]);
    cluster.isolate(1);
    leader.raw.reportUnreachable(id(2));
    leader.raw.step(tell(MessageType.heartbeatResp, { from: 2, to: 1, term: 1 }));
    leader.raw.step(tell(MessageType.heartbeatResp, { from: 3, to: 1, term: 1 }));
    leader.raw.propose(bytes('x'));
    cluster.settle();
    expect(lagging(leader)).toEqual({ 2: 'probe-answer', 3: 'inflight-window', 4: 'contact' });
  });

  it('who needs a snapshot, sent or still to be made', () => {
    const cluster = three();
    const leader = cluster.peer(1);
    cluster.isolate(3);
    for (let count = 0; count < 5; count += 1) leader.raw.propose(bytes('m'));
    cluster.settle();
    leader.disk.compact(at(5));
    cluster.isolate(1);
    const made = leader.disk.snapshot.bind(leader.disk);
    leader.disk.snapshot = () => SNAPSHOT_TEMPORARILY_UNAVAILABLE as never;
    leader.raw.reportUnreachable(id(3));
    leader.raw.propose(bytes('x'));
    leader.work();
    expect(statusOf(cluster, 1).progress.at(-1)).toMatchObject({ state: 'probe' });
    expect(lagging(leader)).toMatchObject({ 3: 'snapshot' });
    leader.disk.snapshot = made;
    leader.raw.step(tell(MessageType.heartbeatResp, { from: 3, to: 1, term: 1 }));
    expect(statusOf(cluster, 1).progress.at(-1)).toMatchObject({ state: 'snapshot' });
    expect(lagging(leader)).toMatchObject({ 3: 'snapshot' });
  });

  it('that it lacks an entry of its own term to commit older ones with', () => {
    const cluster = three();
    cluster.isolate(1);
    cluster
      .peer(2)
      .raw.step(
        tell(
          MessageType.app,
          { from: 1, to: 2, term: 1 },
          { index: at(2), logTerm: inTerm(1), entries: entriesOf(3, 1) },
        ),
      );
    cluster.peer(2).raw.campaign();
    cluster.reaches = ({ from, to, type }) => from !== 1 && to !== 1 && type !== MessageType.app;
    cluster.settle();
    const lag = (peer: number): unknown => ({ id: peer, match: 0, waitingFor: 'contact' });
    expect(whyNotCommitting(cluster.peer(2))).toEqual({
      kind: 'no-entry-of-this-term-committed',
      lagging: [lag(1), lag(3)],
    });
  });

  it('that it hands leadership over', () => {
    const cluster = three();
    cluster.reaches = ({ type }) => type !== MessageType.timeoutNow;
    cluster.peer(1).raw.transferLeader(id(2));
    cluster.settle();
    expect(whyNotCommitting(cluster.peer(1))).toEqual({ kind: 'transfer-in-progress', to: 2 });
  });

  it('that it was removed', () => {
    const cluster = three();
    cluster.peer(1).raw.proposeConfChange(change(['remove', 1]));
    cluster.settle();
    expect(whyNotCommitting(cluster.peer(1))).toEqual({ kind: 'leader-not-a-member' });
  });

  it('that the state machine is behind', () => {
    const cluster = three({ asyncStorageWrites: true, maxUncommittedBytes: 10 });
    const leader = cluster.peer(1);
    leader.executeApply = () => {
      leader.applyWork.length = 0;
      return [];
    };
    leader.raw.propose(new Uint8Array(12));
    cluster.settle();
    expect(leader.raw.propose(bytes('x'))).toEqual({ kind: 'dropped', reason: 'uncommitted-bytes-full' });
    expect(leader.raw.explain()).toMatchObject({
      notCommitting: { kind: 'state-machine-behind', bytes: 12 },
      unapplied: 1,
    });
  });
});
