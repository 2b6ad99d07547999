import { describe, expect, it } from 'vitest';
import { Cluster } from '../testing/consensus/cluster.ts';
import { at, appliedTexts, bytes, change, id, inTerm, tell, three } from '../testing/consensus/three-peers.ts';
import { MessageType } from './message.ts';
import { NO_PEER } from './types.ts';

const careful = { preVote: true, checkQuorum: true };

const leadersOf = (cluster: Cluster): number[] => cluster.leaders.map((peer) => peer.id);

describe('a transfer of leadership', () => {
  it('goes to another voter, never to a learner, a removed peer, a stranger or the leader itself', () => {
    const cluster = new Cluster({ voters: [1, 2, 3, 4], learners: [5], peer: careful });
    cluster.elect(1);
    const { raw } = cluster.peer(1);
    raw.proposeConfChange(change(['remove', 4]));
    cluster.tick(2);
    for (const target of [1, 4, 5, 9]) {
      raw.transferLeader(id(target));
      expect(raw.basicStatus().transferee, `to ${target}`).toBe(NO_PEER);
      cluster.settle();
      expect(leadersOf(cluster)).toEqual([1]);
    }
    raw.transferLeader(id(2));
    cluster.tick(1);
    expect(leadersOf(cluster)).toEqual([2]);
  });

  it('can be asked of a follower', () => {
    const cluster = three(careful);
    cluster.peer(3).raw.transferLeader(id(2));
    cluster.settle();
    expect(leadersOf(cluster)).toEqual([2]);
  });

  it('is called off by naming the leader, and moves on by naming another', () => {
    const cluster = three(careful);
    const { raw, events } = cluster.peer(1);
    cluster.reaches = ({ type }) => type !== MessageType.timeoutNow;
    raw.transferLeader(id(2));
    raw.transferLeader(id(2));
    expect(events.filter(({ kind }) => kind === 'transfer-started')).toHaveLength(1);
    raw.transferLeader(id(1));
    expect(raw.basicStatus().transferee).toBe(NO_PEER);
    expect(raw.propose(bytes('x')).kind).toBe('appended');
    cluster.settle();
    raw.transferLeader(id(2));
    cluster.settle();
    raw.transferLeader(id(3));
    expect(raw.basicStatus().transferee).toBe(3);
    cluster.heal();
    cluster.settle();
    expect(leadersOf(cluster)).toEqual([3]);
  });

  it('is over when its target is removed meanwhile', () => {
    const cluster = three(careful);
    const { raw } = cluster.peer(1);
    raw.proposeConfChange(change(['remove', 2]));
    cluster.reaches = ({ type }) => type !== MessageType.timeoutNow;
    raw.transferLeader(id(2));
    cluster.settle();
    expect(raw.basicStatus()).toMatchObject({ role: 'leader', transferee: NO_PEER });
    expect(raw.propose(bytes('x')).kind).toBe('appended');
  });

  it('brings the target’s log up to date before it asks it to stand', () => {
    const cluster = three(careful);
    cluster.isolate(2);
    for (let count = 0; count < 5; count += 1) cluster.peer(1).raw.propose(bytes(`m${count}`));
    cluster.settle();
    cluster.heal();
    let askedAt = 0;
    cluster.reaches = ({ type }) => {
      if (type === MessageType.timeoutNow) askedAt = cluster.peer(2).raw.basicStatus().lastIndex;
      return true;
    };
    cluster.peer(1).raw.transferLeader(id(2));
    cluster.tick(2, [1]);
    expect(askedAt).toBe(7);
    expect(leadersOf(cluster)).toEqual([2]);
    expect(appliedTexts(cluster, 2)).toHaveLength(5);
  });

  it('passes by the protection of a leader that lives, which an ordinary candidate does not', () => {
    const cluster = three(careful);
    const ask = (context: Uint8Array): unknown => {
      const voter = cluster.peer(3);
      const last = voter.raw.basicStatus().lastIndex;
      const asked = tell(MessageType.vote, { from: 2, to: 3, term: 2 }, { index: last, logTerm: inTerm(1), context });
      voter.raw.step(asked);
      return voter.work();
    };
    expect(ask(new Uint8Array())).toEqual([]);
    expect(ask(bytes('x'))).toEqual([]);
    expect(ask(Uint8Array.of(1))).toMatchObject([{ type: 'MsgVoteResp', reject: false }]);
  });

  it('is not begun by a request of a leader of an older term', () => {
    const cluster = three(careful);
    cluster.peer(1).raw.transferLeader(id(2));
    cluster.settle();
    const late = tell(MessageType.timeoutNow, { from: 1, to: 3, term: 1 }, { index: at(0) });
    cluster.peer(3).raw.step(late);
    cluster.settle();
    expect(leadersOf(cluster)).toEqual([2]);
    expect(cluster.peer(3).raw.basicStatus()).toMatchObject({ role: 'follower', leader: 2, hardState: { term: 2 } });
  });
});
