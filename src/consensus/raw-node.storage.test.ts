import { describe, expect, it } from 'vitest';
import { Cluster } from '../testing/consensus/cluster.ts';
import type { ClusterPeer } from '../testing/consensus/cluster-peer.ts';
import { at, bytes, change, entriesOf, id, inTerm, statusOf, tell, three } from '../testing/consensus/three-peers.ts';
import { encodeConfChange, entryTypeOf } from './membership/conf-change-codec.ts';
import { MessageType, type Message } from './message.ts';
import type { ConfChange } from './types.ts';

/** Writes go on while messages come in: what has been written of what is no longer wanted must not count. */

const append = (from: number, term: number, fields: Parameters<typeof tell>[2]): Message =>
  tell(MessageType.app, { from, to: 2, term }, { index: at(1), ...fields });

const typesOf = (messages: readonly Message[]): string[] => messages.map(({ type }) => type);

describe('storage', () => {
  /** Peer 2 of three, with writes that wait until the test executes them. */
  const slowDisk = (): ClusterPeer => new Cluster({ voters: [1, 2, 3], peer: { asyncStorageWrites: true } }).peer(2);

  it('does not take the first of two equal writes for the second, with another one between (ABA)', () => {
    const peer = slowDisk();
    peer.raw.step(append(1, 1, { entries: entriesOf(2, 1, 1) }));
    expect(peer.work()).toEqual([]);
    peer.raw.step(append(3, 2, { entries: entriesOf(2, 2, 2) }));
    peer.work();
    peer.raw.step(append(1, 3, { entries: [...entriesOf(2, 1, 1), ...entriesOf(4, 3)], commit: at(4) }));
    peer.work();
    expect(peer.appendWork).toHaveLength(3);

    for (const written of ['the first leader’s', 'the second leader’s']) {
      peer.executeAppend();
      peer.work();
      expect(peer.applyWork, `nothing may be applied when ${written} entries are on disk`).toEqual([]);
    }
    peer.executeAppend();
    peer.work();
    expect(peer.applyWork.flatMap(({ entries }) => entries.map(({ index, term }) => [index, term]))).toEqual([
      [2, 1],
      [3, 1],
      [4, 3],
    ]);
  });

  it('acknowledges entries and votes only once they are on disk, and speaks for the term they were asked in', () => {
    const peer = slowDisk();
    peer.raw.step(append(1, 1, { entries: entriesOf(2, 1) }));
    peer.raw.step(tell(MessageType.vote, { from: 3, to: 2, term: 2 }, { index: at(9), logTerm: inTerm(1) }));
    expect(peer.work()).toEqual([]);
    expect(peer.executeAppend()).toMatchObject([
      { type: 'MsgAppResp', to: 1, term: 1, index: 2 },
      { type: 'MsgVoteResp', to: 3, term: 2, reject: false },
    ]);
  });

  it('writes the commit index together with the entries it came with', () => {
    // Who finds a membership change in its log after a restart knows that the one before it is committed.
    const peer = slowDisk();
    peer.raw.step(append(1, 1, { entries: entriesOf(2, 1) }));
    peer.raw.step(append(1, 1, { index: at(2), logTerm: inTerm(1), entries: entriesOf(3, 1), commit: at(2) }));
    peer.work();
    expect(peer.appendWork).toMatchObject([{ commit: 2, entries: [{ index: 2 }, { index: 3 }] }]);
  });

  it('does not stand after a restart before it has applied a change that it knew to be committed', () => {
    const cluster = new Cluster({ voters: [1, 2, 3], spare: [4], peer: { asyncStorageWrites: true } });
    const peer = cluster.peer(2);
    const added: ConfChange = change(['add-voter', 4]);
    const [first, second] = entriesOf(2, 1, 1);
    const entries = [{ ...first!, type: entryTypeOf(added), data: encodeConfChange(added) }];
    peer.raw.step(append(1, 1, { entries }));
    peer.raw.step(append(1, 1, { index: at(2), logTerm: inTerm(1), entries: [second!], commit: at(2) }));
    peer.work();
    peer.executeAppend();
    peer.restart();
    expect(peer.raw.basicStatus()).toMatchObject({ applied: 1, lastIndex: 3, hardState: { commit: 2 } });
    peer.raw.campaign();
    expect(peer.events.at(-1)).toMatchObject({ kind: 'campaign-refused', reason: 'unapplied-conf-change' });
    peer.work();
    peer.executeApply();
    peer.raw.campaign();
    expect(peer.raw.status()).toMatchObject({ role: 'candidate', confState: { voters: [1, 2, 3, 4] } });
  });

  it('attests the whole log anew with every write, since acknowledgements of older terms are void', () => {
    const peer = slowDisk();
    peer.raw.step(append(1, 1, { entries: entriesOf(2, 1), commit: at(2) }));
    peer.work();
    peer.raw.step(tell(MessageType.heartbeat, { from: 3, to: 2, term: 2 }));
    peer.work();
    peer.executeAppend();
    expect(peer.work()).toEqual([]);
    expect(peer.applyWork).toEqual([]);
    peer.executeAppend();
    peer.work();
    expect(peer.applyWork).toHaveLength(1);
  });

  it('does not count what a leader acknowledged to itself before it was deposed and elected again', () => {
    const cluster = three({ asyncStorageWrites: true });
    const leader = cluster.peer(1);
    leader.raw.propose(bytes('never sent'));
    leader.work();
    const last = leader.raw.basicStatus().lastIndex;
    leader.raw.step(
      tell(
        MessageType.app,
        { from: 3, to: 1, term: 2 },
        { index: at(last - 1), logTerm: inTerm(1), entries: entriesOf(last, 2) },
      ),
    );
    leader.raw.campaign();
    leader.work();
    for (const voter of [2, 3]) leader.raw.step(tell(MessageType.voteResp, { from: voter, to: 1, term: 3 }));
    expect(leader.raw.basicStatus()).toMatchObject({ role: 'leader', lastIndex: last + 1 });
    leader.raw.step(tell(MessageType.appResp, { from: 2, to: 1, term: 3 }, { index: at(last + 1) }));
    leader.work();
    while (leader.appendWork.length > 1) {
      leader.executeAppend();
      expect(leader.raw.basicStatus().hardState.commit).toBeLessThan(last);
    }
    leader.executeAppend();
    expect(leader.raw.basicStatus().hardState.commit).toBe(last + 1);
  });

  it('does not count what a follower acknowledged to this leader in an older term', () => {
    const cluster = three();
    const leader = cluster.peer(1);
    let late: Message | undefined;
    cluster.reaches = (message) => {
      if (message.type === MessageType.appResp && message.from === 2) late = message;
      return message.from !== 3 && message.to !== 3 && message.type !== MessageType.appResp;
    };
    leader.raw.propose(bytes('on 1 and 2'));
    cluster.settle();
    expect(late).toMatchObject({ term: 1, index: 3 });
    cluster.isolate(1);
    cluster.elect(2);
    cluster.heal();
    cluster.tick(1, [2]);
    cluster.reaches = ({ type }) => type !== MessageType.app;
    cluster.elect(1);
    expect(leader.raw.basicStatus().hardState.term).toBe(3);
    leader.raw.step(late!);
    expect(statusOf(cluster, 1).progress.find(({ id: peer }) => peer === id(2))?.match).toBe(0);
  });

  it('sends entries to followers while its own disk is busy, and does not count itself before', () => {
    const cluster = three({ asyncStorageWrites: true });
    const leader = cluster.peer(1);
    leader.raw.propose(bytes('x'));
    expect(typesOf(leader.work())).toEqual(['MsgApp', 'MsgApp']);
    leader.raw.step(tell(MessageType.appResp, { from: 2, to: 1, term: 1 }, { index: at(3) }));
    expect(leader.raw.basicStatus().hardState.commit).toBe(2);
    leader.executeAppend();
    expect(leader.raw.basicStatus().hardState.commit).toBe(3);
  });

  it('commits without its own disk when a majority of the others has it', () => {
    const cluster = three({ asyncStorageWrites: true });
    const leader = cluster.peer(1);
    leader.raw.propose(bytes('x'));
    leader.work();
    for (const follower of [2, 3]) {
      leader.raw.step(tell(MessageType.appResp, { from: follower, to: 1, term: 1 }, { index: at(3) }));
    }
    leader.work();
    expect(leader.raw.basicStatus().hardState.commit).toBe(3);
    expect(leader.applyWork, 'not applied before the own disk has it').toEqual([]);
    leader.executeAppend();
    leader.work();
    expect(leader.applyWork).toHaveLength(1);
  });

  it('skips nothing when a snapshot is installed while older entries wait to be applied', () => {
    const peer = slowDisk();
    peer.raw.step(append(1, 1, { entries: entriesOf(2, 1, 1), commit: at(3) }));
    peer.work();
    peer.executeAppend();
    peer.work();
    expect(peer.applyWork).toHaveLength(1);
    const metadata = { index: at(9), term: inTerm(1), confState: peer.raw.status().confState };
    const history = entriesOf(2, 1, 1, 1, 1, 1, 1, 1, 1).map((entry) => ({ ...entry, data: [...entry.data] }));
    const snapshot = { metadata, data: bytes(JSON.stringify(history)) };
    peer.raw.step(tell(MessageType.snap, { from: 1, to: 2, term: 1 }, { snapshot }));
    peer.work();
    expect(peer.executeAppend()).toMatchObject([{ type: 'MsgAppResp', index: 9 }]);
    expect(peer.raw.basicStatus().applied).toBe(9);
    peer.executeApply();
    expect(peer.raw.basicStatus().applied).toBe(9);
    peer.raw.step(append(1, 1, { index: at(9), logTerm: inTerm(1), entries: entriesOf(10, 1), commit: at(10) }));
    peer.work();
    peer.executeAppend();
    peer.work();
    peer.executeApply();
    expect(peer.applied.map(({ index }) => index)).toEqual([2, 3, 4, 5, 6, 7, 8, 9, 10]);
  });
});
