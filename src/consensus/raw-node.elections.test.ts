import { describe, expect, it } from 'vitest';
import { Cluster } from '../testing/consensus/cluster.ts';
import { appliedTexts, at, bytes, change, id, inTerm, tell, three } from '../testing/consensus/three-peers.ts';
import { MessageType } from './message.ts';
import { ConfChangeKind } from './types.ts';

const careful = { preVote: true, checkQuorum: true };

const roleOf = (cluster: Cluster, peer: number): [string, number] => {
  const { role, hardState } = cluster.peer(peer).raw.basicStatus();
  return [role, hardState.term];
};

describe('elections', () => {
  it('do not commit an entry of an older term by counting (Figure 8)', () => {
    const cluster = new Cluster({ voters: [1, 2, 3, 4, 5] });
    cluster.elect(1);
    cluster.isolate(1, 2);
    cluster.peer(1).raw.propose(bytes('of term 1'));
    cluster.settle();
    const isFirstTwo = (peer: number): boolean => peer < 3;
    cluster.reaches = ({ from, to, type }) => !isFirstTwo(from) && !isFirstTwo(to) && type !== MessageType.app;
    cluster.elect(5);
    cluster.peer(1).raw.step(tell(MessageType.heartbeat, { from: 5, to: 1, term: 2 }));
    cluster.reaches = ({ type }) => type !== MessageType.app && type !== MessageType.appResp;
    cluster.elect(1);
    const leader = cluster.peer(1).raw;
    const acknowledge = (from: number, index: number): void => {
      leader.step(tell(MessageType.appResp, { from, to: 1, term: 3 }, { index: at(index) }));
    };
    for (const follower of [2, 3, 4]) acknowledge(follower, 3);
    expect(leader.basicStatus().hardState).toMatchObject({ term: 3, commit: 2 });
    for (const follower of [2, 3]) acknowledge(follower, 4);
    expect(leader.basicStatus().hardState.commit).toBe(4);
  });

  it('leave it to the leader alone what it commits, whatever late refusals say', () => {
    const cluster = three();
    cluster.reaches = ({ type, commit }) => type !== MessageType.app || commit < 3;
    cluster.peer(1).raw.propose(bytes('of term 1'));
    cluster.settle();
    cluster.reaches = ({ type }) => type !== MessageType.app && type !== MessageType.heartbeat;
    cluster.elect(2);
    const leader = cluster.peer(2).raw;
    const { term, commit } = leader.basicStatus().hardState;
    const refusal = { reject: true, commit: at(commit + 1), logTerm: inTerm(term - 1) };
    leader.step(tell(MessageType.voteResp, { from: 3, to: 2, term }, refusal));
    expect(leader.basicStatus()).toMatchObject({ role: 'leader', hardState: { term, commit } });
  });

  it('are won by nobody who lacks what is committed', () => {
    const cluster = three();
    cluster.isolate(3);
    cluster.peer(1).raw.propose(bytes('committed'));
    cluster.settle();
    cluster.isolate(1);
    for (let tries = 0; tries < 5; tries += 1) {
      cluster.peer(3).raw.campaign();
      cluster.settle();
      expect(roleOf(cluster, 3)[0]).not.toBe('leader');
    }
    cluster.elect(2);
    expect(appliedTexts(cluster, 3)).toEqual(['committed']);
  });

  it('give a peer’s vote once a term, to the same candidate as often as it asks', () => {
    const cluster = new Cluster({ voters: [1, 2, 3] });
    const voter = cluster.peer(2);
    const ask = (from: number): unknown => {
      voter.raw.step(tell(MessageType.vote, { from, to: 2, term: 4 }, { index: at(1) }));
      return voter.work().map(({ to, reject }) => [to, reject]);
    };
    expect([ask(1), ask(3), ask(1)]).toEqual([[[1, false]], [[3, true]], [[1, false]]]);
    voter.restart();
    expect([ask(3), ask(1)]).toEqual([[[3, true]], [[1, false]]]);
  });

  it('are not begun on grants that were meant for an earlier term', () => {
    const cluster = three(careful);
    const peer = cluster.peer(2);
    cluster.isolate(2);
    peer.raw.campaign();
    cluster.settle();
    expect(roleOf(cluster, 2)).toEqual(['precandidate', 1]);
    peer.raw.step(tell(MessageType.heartbeat, { from: 3, to: 2, term: 2 }));
    peer.raw.campaign();
    cluster.settle();
    expect(roleOf(cluster, 2)).toEqual(['precandidate', 2]);

    peer.raw.step(tell(MessageType.preVoteResp, { from: 1, to: 2, term: 2 }));
    cluster.settle();
    expect(roleOf(cluster, 2)).toEqual(['precandidate', 2]);
    peer.raw.step(tell(MessageType.preVoteResp, { from: 1, to: 2, term: 3 }));
    cluster.settle();
    expect(roleOf(cluster, 2)).toEqual(['candidate', 3]);
  });

  it('are given up by a pre-candidate that is refused in a newer term, which it enters', () => {
    const cluster = three(careful);
    const peer = cluster.peer(2);
    cluster.isolate(2);
    peer.raw.campaign();
    cluster.settle();
    peer.raw.step(tell(MessageType.preVoteResp, { from: 3, to: 2, term: 7 }, { reject: true }));
    expect(roleOf(cluster, 2)).toEqual(['follower', 7]);
  });

  it('leave the term of who asks and of who is asked alone, as long as it is a pre-vote', () => {
    const cluster = three(careful);
    cluster.isolate(1);
    cluster.tick(9, [2, 3]);
    cluster
      .peer(3)
      .raw.step(tell(MessageType.preVote, { from: 2, to: 3, term: 9 }, { index: at(9), logTerm: inTerm(1) }));
    expect(roleOf(cluster, 3)).toEqual(['follower', 1]);
    expect(cluster.peer(3).raw.basicStatus().hardState.vote).toBe(id(1));
  });

  it('succeed between a peer of a newer term and one of an older term with the longer log', () => {
    // etcd #8243 and #8501: if either dropped what is of an older term, neither could ever win.
    const cluster = three(careful);
    cluster.isolate(3);
    cluster.peer(1).raw.propose(bytes('committed'));
    cluster.settle();
    cluster.peer(3).raw.step(tell(MessageType.vote, { from: 9, to: 3, term: 8 }));
    cluster.tick(15, [3]);
    cluster.peer(3).raw.step(tell(MessageType.vote, { from: 9, to: 3, term: 8 }));
    expect(roleOf(cluster, 3)[1]).toBe(8);
    cluster.isolate(1);
    cluster.tick(80, [2, 3]);
    expect(cluster.leaders.map((peer) => peer.id)).toContain(2);
    expect(appliedTexts(cluster, 3)).toEqual(['committed']);
  });

  it('take place when a peer of a newer term comes back, whom nobody could lead otherwise', () => {
    const cluster = three({ checkQuorum: true });
    cluster.isolate(3);
    cluster.tick(40, [3]);
    const [, newer] = roleOf(cluster, 3);
    expect(newer).toBeGreaterThan(1);
    cluster.heal();
    cluster.tick(40);
    expect(cluster.leaders).toHaveLength(1);
    expect(roleOf(cluster, 3)[1]).toBe(cluster.leaders[0]!.raw.basicStatus().hardState.term);
    expect(roleOf(cluster, 3)[1]).toBeGreaterThanOrEqual(newer);
  });

  it('are not disturbed by the votes that a peer without hearing asks for, as long as a leader lives', () => {
    const cluster = three(careful);
    const deaf = cluster.peer(3);
    cluster.reaches = ({ to, type }) => to !== 3 || type === MessageType.voteResp || type === MessageType.preVoteResp;
    cluster.tick(60);
    expect(roleOf(cluster, 3)[0]).toBe('precandidate');
    expect(roleOf(cluster, 1)).toEqual(['leader', 1]);
    deaf.raw.step(tell(MessageType.preVoteResp, { from: 2, to: 3, term: 2 }));
    cluster.tick(3);
    expect(deaf.events.some((event) => event.kind === 'campaign-started')).toBe(true);
    expect(cluster.leaders.map((peer) => peer.id)).toContain(1);
  });

  describe('near a committed change that is not applied', () => {
    /** Peer 2 knows that a change is committed and has not applied it. */
    const behind = (): Cluster => {
      const cluster = new Cluster({ voters: [1, 2, 3], spare: [4], peer: { ...careful, asyncStorageWrites: true } });
      cluster.elect(1);
      cluster.peer(2).executeApply = () => {
        cluster.peer(2).applyWork.length = 0;
        return [];
      };
      cluster.peer(1).raw.proposeConfChange(change([ConfChangeKind.addVoter, 4]));
      cluster.tick(2, [1]);
      return cluster;
    };

    it('are begun neither by a timeout nor by a leader’s request', () => {
      const cluster = behind();
      const { raw, events } = cluster.peer(2);
      raw.campaign();
      raw.step(tell(MessageType.timeoutNow, { from: 1, to: 2, term: 1 }));
      cluster.isolate(1);
      cluster.tick(40, [2]);
      expect(roleOf(cluster, 2)).toEqual(['follower', 1]);
      const refused = events.filter((event) => event.kind === 'campaign-refused');
      expect(refused.length).toBeGreaterThanOrEqual(3);
      expect(refused.every((event) => 'reason' in event && event.reason === 'unapplied-conf-change')).toBe(true);
    });

    it('get this peer’s vote all the same', () => {
      const cluster = behind();
      cluster.isolate(1);
      cluster.tick(60, [2, 3, 4]);
      expect(cluster.leaders.some((peer) => peer.id === 3 || peer.id === 4)).toBe(true);
      expect(cluster.peer(2).raw.basicStatus().hardState.term).toBeGreaterThan(1);
    });
  });
});
