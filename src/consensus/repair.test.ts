import { describe, expect, it } from 'vitest';
import { Cluster } from '../testing/consensus/cluster.ts';
import {
  appliedTexts,
  at,
  bytes,
  change,
  entriesOf,
  id,
  inTerm,
  statusOf,
  tell,
  three,
} from '../testing/consensus/three-peers.ts';
import { MessageType } from './message.ts';
import { reaches } from './repair.ts';
import { ConfChangeKind, RaftRole, type Entry, type Snapshot, type Term } from './types.ts';

/** Peer 3 lost its log. Entry 2 is the leader's first, the proposals follow from 3 on. */

const propose = (cluster: Cluster, leader: number, ...texts: string[]): void => {
  for (const text of texts) cluster.peer(leader).raw.propose(bytes(text));
  cluster.settle();
};

const isRepairing = (cluster: Cluster, peer: number): boolean => statusOf(cluster, peer).isRepairing;
const matchOf = (cluster: Cluster, leader: number, peer: number): number | undefined =>
  statusOf(cluster, leader).progress.find((progress) => progress.id === peer)?.match;

/** The leader hears that 3 is another process, as its transport tells it. */
const restart3 = (cluster: Cluster, kept = 1): void => {
  cluster.peer(3).restartDamaged(at(kept));
  cluster.peer(1).raw.reportRestarted(id(3));
  cluster.settle();
};

describe('reaching an entry', () => {
  it.each<[term: number, index: number, yes: boolean]>([
    [2, 5, true],
    [2, 6, true],
    [3, 1, true],
    [2, 4, false],
    [1, 9, false],
  ])('a log that ends in term %i at %i: %s, where term 2 and index 5 were promised', (term, index, yes) => {
    expect(reaches({ term: inTerm(term), index: at(index) }, { term: inTerm(2), index: at(5) })).toBe(yes);
  });
});

describe('a peer that lost its log', () => {
  it.each([1, 2, 3])('is brought back by its leader from entry %i on, and is then like any other', (kept) => {
    const cluster = three();
    propose(cluster, 1, 'a', 'b', 'c');
    cluster.peer(3).restartDamaged(at(kept));
    expect(isRepairing(cluster, 3)).toBe(true);
    cluster.peer(1).raw.reportRestarted(id(3));
    cluster.settle();
    expect(appliedTexts(cluster, 3)).toEqual(['a', 'b', 'c']);
    expect(isRepairing(cluster, 3)).toBe(false);
    expect(cluster.peer(3).events).toContainEqual({ kind: 'repaired', term: 1, index: 5 });
    cluster.elect(3);
  });

  it('is brought back by a snapshot where the leader has compacted its log', () => {
    const cluster = three();
    propose(cluster, 1, 'a', 'b', 'c');
    cluster.peer(1).disk.compact(at(4));
    restart3(cluster);
    // The snapshot goes to somebody who was heard of only.
    cluster.tick(1);
    expect(appliedTexts(cluster, 3)).toEqual(['a', 'b', 'c']);
    expect(isRepairing(cluster, 3)).toBe(false);
  });

  it('is found out by a leader that nobody told of the restart, with the next entry', () => {
    const cluster = three();
    propose(cluster, 1, 'a');
    cluster.peer(3).restartDamaged(at(1));
    cluster.tick(5);
    expect([matchOf(cluster, 1, 3), appliedTexts(cluster, 3)]).toEqual([3, []]);
    propose(cluster, 1, 'b');
    cluster.tick(1);
    expect([matchOf(cluster, 1, 3), appliedTexts(cluster, 3)]).toEqual([4, ['a', 'b']]);
  });

  it('is brought back without waiting for an entry by a leader that was told', () => {
    const cluster = three();
    propose(cluster, 1, 'a');
    restart3(cluster);
    expect(appliedTexts(cluster, 3)).toEqual(['a']);
  });

  it('does not believe a commit index that rests on what it once had', () => {
    const cluster = three();
    propose(cluster, 1, 'a', 'b');
    cluster.peer(3).restartDamaged(at(2));
    // Sent by a leader that has not heard of the restart: it would commit entries that are not there.
    cluster.peer(3).raw.step(tell(MessageType.heartbeat, { from: 1, to: 3, term: 1 }, { commit: at(4) }));
    cluster.peer(3).work();
    expect(statusOf(cluster, 3).hardState.commit).toBe(1);
    expect(appliedTexts(cluster, 3)).toEqual([]);
  });

  it('stands for no election, however long it waits and whoever asks it to', () => {
    const cluster = three();
    propose(cluster, 1, 'a');
    cluster.isolate(1);
    cluster.peer(3).restartDamaged(at(1));
    cluster.tick(100, [3]);
    cluster.peer(3).raw.campaign();
    cluster.peer(3).raw.step(tell(MessageType.timeoutNow, { from: 1, to: 3, term: 1 }));
    cluster.settle();
    expect(statusOf(cluster, 3)).toMatchObject({ role: RaftRole.follower, hardState: { term: 1 } });
    expect(cluster.peer(3).raw.explain().noLeader).toEqual({ kind: 'campaign-refused', reason: 'repairing' });
  });

  it('elects nobody who lacks what it acknowledged, and whoever has it', () => {
    const cluster = three();
    cluster.isolate(2);
    propose(cluster, 1, 'acknowledged by 1 and 3');
    cluster.isolate(1);
    cluster.peer(3).restartDamaged(at(1));
    cluster.peer(2).raw.campaign();
    cluster.settle();
    expect(cluster.leaders.map((peer) => peer.id)).toEqual([1]);
    expect(statusOf(cluster, 2).role).toBe(RaftRole.candidate);
    cluster.isolate(2);
    cluster.peer(1).restart();
    for (let tries = 0; tries < 2; tries += 1) cluster.peer(1).raw.campaign();
    cluster.settle();
    cluster.elect(1);
    cluster.heal();
    cluster.tick(2);
    for (const peer of [1, 2, 3]) expect(appliedTexts(cluster, peer)).toEqual(['acknowledged by 1 and 3']);
  });

  it('helps to commit with what it holds again, not with what it held', () => {
    const cluster = three();
    propose(cluster, 1, 'a', 'b');
    cluster.isolate(2);
    cluster.peer(3).restartDamaged(at(1));
    cluster.reaches = ({ from, to, type }) => from !== 2 && to !== 2 && type !== MessageType.app;
    cluster.peer(1).raw.reportRestarted(id(3));
    propose(cluster, 1, 'c');
    expect(matchOf(cluster, 1, 3)).toBe(0);
    expect(statusOf(cluster, 1).hardState.commit).toBe(4);
    cluster.isolate(2);
    cluster.tick(1);
    expect(statusOf(cluster, 1).hardState.commit).toBe(5);
    expect(appliedTexts(cluster, 3)).toEqual(['a', 'b', 'c']);
  });

  it('is whole again with another entry in the place of one that was never committed', () => {
    const cluster = three();
    cluster.isolate(2);
    cluster.reaches = ({ from, to, type }) => from !== 2 && to !== 2 && type !== MessageType.appResp;
    propose(cluster, 1, 'x', 'y', 'z');
    const goal = cluster.peer(3).restartDamaged(at(2));
    expect(goal.entry).toEqual({ term: 1, index: 5 });
    // Peer 1 comes back without what nobody had acknowledged to it; peer 2 leads with a shorter, newer log.
    cluster
      .peer(3)
      .raw.step(
        tell(
          MessageType.app,
          { from: 2, to: 3, term: 3 },
          { index: at(2), logTerm: inTerm(1), entries: entriesOf(3, 3), commit: at(2) },
        ),
      );
    cluster.peer(3).work();
    expect(isRepairing(cluster, 3)).toBe(false);
  });

  it('is not whole before the entries are on its disk', () => {
    const cluster = three({ asyncStorageWrites: true });
    propose(cluster, 1, 'a');
    const peer = cluster.peer(3);
    peer.restartDamaged(at(1));
    peer.raw.step(
      tell(
        MessageType.app,
        { from: 1, to: 3, term: 1 },
        {
          index: at(1),
          entries: cluster.peer(1).disk.entries(at(2), at(4), 9999) as never,
          commit: at(3),
        },
      ),
    );
    peer.work();
    expect(isRepairing(cluster, 3)).toBe(true);
    peer.executeAppend();
    expect(isRepairing(cluster, 3)).toBe(false);
  });

  it('is not whole before it knows again how far the log was committed', () => {
    const cluster = three();
    propose(cluster, 1, 'a');
    cluster.peer(3).restartDamaged(at(3));
    // It has all entries; but a membership change among them might be in force, and it would not know.
    expect(isRepairing(cluster, 3)).toBe(true);
    cluster.peer(3).raw.campaign();
    expect(statusOf(cluster, 3).role).toBe(RaftRole.follower);
    cluster.peer(1).raw.reportRestarted(id(3));
    cluster.tick(1);
    expect(isRepairing(cluster, 3)).toBe(false);
  });

  it('learns again who is in the cluster', () => {
    const cluster = new Cluster({ voters: [1, 2, 3], spare: [4] });
    cluster.elect(1);
    cluster.peer(1).raw.proposeConfChange(change([ConfChangeKind.addVoter, 4]));
    cluster.settle();
    restart3(cluster);
    expect(statusOf(cluster, 3).confState.voters).toEqual([1, 2, 3, 4]);
    expect(isRepairing(cluster, 3)).toBe(false);
  });
});

describe('a leader that hears of a restart', () => {
  it('commits nothing less and goes on with a peer that lost nothing', () => {
    const cluster = three();
    propose(cluster, 1, 'a');
    cluster.peer(3).restart();
    cluster.peer(1).raw.reportRestarted(id(3));
    expect(matchOf(cluster, 1, 3)).toBe(0);
    expect(statusOf(cluster, 1).hardState.commit).toBe(3);
    cluster.settle();
    expect(matchOf(cluster, 1, 3)).toBe(3);
    expect(statusOf(cluster, 1).progress.find((peer) => peer.id === 3)).toMatchObject({ state: 'replicate' });
  });

  it('takes no notice of its own name, of strangers, or while it does not lead', () => {
    const cluster = three();
    for (const [peer, about] of [
      [1, 1],
      [1, 9],
      [2, 3],
    ] as const) {
      cluster.peer(peer).raw.reportRestarted(id(about));
      expect(cluster.peer(peer).raw.hasReady()).toBe(false);
    }
    expect(matchOf(cluster, 1, 1)).toBe(2);
  });
});

describe('a peer that is given back what it lost', () => {
  /** What peer 1 holds from `first` on, as whoever found it out to be the same would bring it. */
  const restored = (cluster: Cluster, first: number, commit: number) => {
    const { disk } = cluster.peer(1);
    const previous = { index: at(first - 1), term: disk.term(at(first - 1)) as Term };
    const entries = disk.entries(at(first), at(disk.lastIndex() + 1), 9999) as Entry[];
    return { previous, entries, commit: at(commit) };
  };

  it('is whole without a leader, stands for election and wins', () => {
    const cluster = three();
    propose(cluster, 1, 'a', 'b', 'c');
    cluster.tick(1);
    cluster.isolate(1);
    for (const peer of [2, 3]) cluster.peer(peer).restartDamaged(at(peer));
    for (const peer of [2, 3]) {
      expect(cluster.peer(peer).raw.restoreEntries(restored(cluster, peer + 1, 5))).toBe(true);
      cluster.settle();
      expect(isRepairing(cluster, peer)).toBe(false);
      expect(cluster.peer(peer).events).toContainEqual({ kind: 'entries-restored', term: 1, index: 5 });
    }
    cluster.elect(2);
    propose(cluster, 2, 'd');
    for (const peer of [2, 3]) expect(appliedTexts(cluster, peer)).toEqual(['a', 'b', 'c', 'd']);
  });

  it('is not whole before they are on its disk', () => {
    const cluster = three({ asyncStorageWrites: true });
    propose(cluster, 1, 'a');
    cluster.tick(1);
    const peer = cluster.peer(3);
    peer.restartDamaged(at(1));
    peer.raw.restoreEntries(restored(cluster, 2, 3));
    peer.work();
    expect(isRepairing(cluster, 3)).toBe(true);
    peer.executeAppend();
    expect(isRepairing(cluster, 3)).toBe(false);
  });

  it('promises nobody anything by it: no message leaves', () => {
    const cluster = three();
    propose(cluster, 1, 'a');
    const peer = cluster.peer(3);
    peer.restartDamaged(at(1));
    peer.raw.restoreEntries(restored(cluster, 2, 1));
    expect(peer.work()).toEqual([]);
    // All entries are there, but not how far they were committed.
    expect([statusOf(cluster, 3).lastIndex, isRepairing(cluster, 3)]).toEqual([3, true]);
  });

  it('takes nothing that does not continue its log, nor of terms it has not seen, nor when it is whole', () => {
    const cluster = three();
    propose(cluster, 1, 'a', 'b', 'c');
    const good = restored(cluster, 3, 5);
    expect(cluster.peer(3).raw.restoreEntries(good)).toBe(false);
    cluster.peer(3).restartDamaged(at(2));
    const { raw } = cluster.peer(3);
    for (const bad of [
      { ...good, previous: { ...good.previous, index: at(1) } },
      { ...good, previous: { ...good.previous, term: inTerm(2) } },
      { ...good, entries: good.entries.slice(1) },
      { ...good, entries: good.entries.toReversed() },
      { ...good, entries: good.entries.map((entry) => ({ ...entry, term: inTerm(7) })) },
    ]) {
      expect(raw.restoreEntries(bad)).toBe(false);
      expect(raw.hasReady()).toBe(false);
    }
    expect(raw.restoreEntries(good)).toBe(true);
  });
});

describe('a peer that lost its state, but not its log', () => {
  const stateless = (): { cluster: Cluster; lost: Snapshot } => {
    const cluster = three();
    propose(cluster, 1, 'a', 'b', 'c');
    cluster.tick(1);
    cluster.peer(3).disk.compact(at(3));
    return { cluster, lost: cluster.peer(3).restartStateless() };
  };

  it('votes, acknowledges and follows, but applies nothing and does not stand', () => {
    const { cluster } = stateless();
    cluster.isolate(1);
    cluster.tick(100, [3]);
    cluster.peer(3).raw.campaign();
    expect(statusOf(cluster, 3)).toMatchObject({ role: RaftRole.follower, isRepairing: true });
    expect(cluster.peer(3).raw.explain().noLeader).toEqual({ kind: 'campaign-refused', reason: 'lacks-state' });
    cluster.elect(2);
    propose(cluster, 2, 'd');
    expect(appliedTexts(cluster, 2)).toEqual(['a', 'b', 'c', 'd']);
    expect([statusOf(cluster, 3).hardState.commit, appliedTexts(cluster, 3)]).toEqual([7, []]);
  });

  it('goes on from a state that its log continues, and is like any other', () => {
    const { cluster, lost } = stateless();
    propose(cluster, 1, 'd');
    expect(cluster.peer(3).adoptState(lost)).toBe(true);
    cluster.settle();
    expect(appliedTexts(cluster, 3)).toEqual(['a', 'b', 'c', 'd']);
    expect(statusOf(cluster, 3)).toMatchObject({ isRepairing: false, confState: { voters: [1, 2, 3] } });
    cluster.elect(3);
  });

  it('takes no state that its log does not continue, and none twice', () => {
    const { cluster, lost } = stateless();
    const { metadata } = lost;
    for (const bad of [
      { ...metadata, index: at(2) },
      { ...metadata, index: at(6) },
      { ...metadata, term: inTerm(2) },
    ]) {
      expect(cluster.peer(3).raw.restoreState(bad)).toBe(false);
    }
    expect(cluster.peer(3).adoptState(lost)).toBe(true);
    expect(cluster.peer(3).raw.restoreState(metadata)).toBe(false);
  });

  it('takes a snapshot of its leader, too, where its log has fallen behind', () => {
    const { cluster } = stateless();
    cluster.isolate(3);
    propose(cluster, 1, 'd', 'e');
    cluster.peer(1).disk.compact(at(6));
    cluster.heal();
    cluster.tick(5);
    expect(isRepairing(cluster, 3)).toBe(false);
    expect(appliedTexts(cluster, 3)).toEqual(['a', 'b', 'c', 'd', 'e']);
  });
});
