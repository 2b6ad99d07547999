import { describe, expect, it } from 'vitest';
import { Cluster } from '../testing/consensus/cluster.ts';
import { appliedTexts, bytes, change, id, tell, three } from '../testing/consensus/three-peers.ts';
import { isHintContext } from './campaign.ts';
import { MessageType } from './message.ts';
import type { Term } from './types.ts';

describe('hints that the leader is dead', () => {
  const hinting = { hintVotes: true, preVote: true, checkQuorum: true };
  const hint = (cluster: Cluster, ...at: number[]): boolean[] =>
    at.map((peer) => cluster.peer(peer).raw.hintLeaderDead(id(1), 1 as Term));

  it('elect another at once, with one round of votes however many hold them', () => {
    for (const at of [
      [2, 3],
      [3, 2],
    ]) {
      const cluster = three(hinting);
      cluster.isolate(1);
      expect(hint(cluster, ...at)).toEqual([true, true]);
      cluster.settle();
      expect(cluster.leaders.map((peer) => peer.id).filter((leader) => leader !== 1)).toEqual([2]);
      expect(cluster.peer(2).raw.basicStatus().hardState.term).toBe(2);
    }
  });

  it('elect another when one peer learns of it after having refused', () => {
    for (const [first, second] of [
      [2, 3],
      [3, 2],
    ] as const) {
      const cluster = three(hinting);
      cluster.isolate(1);
      hint(cluster, first);
      cluster.settle();
      expect(cluster.peer(first).raw.basicStatus().role).toBe('precandidate');
      hint(cluster, second);
      cluster.settle();
      expect(cluster.leaders.filter((peer) => peer.id !== 1)).toHaveLength(1);
    }
  });

  it('elect the peer with the newest log', () => {
    for (const [first, second] of [
      [2, 3],
      [3, 2],
    ] as const) {
      const cluster = three(hinting);
      cluster.isolate(2);
      cluster.peer(1).raw.propose(bytes('only at 1 and 3'));
      cluster.settle();
      cluster.isolate(1);
      hint(cluster, first);
      cluster.settle();
      hint(cluster, second);
      cluster.settle();
      expect(cluster.leaders.map((peer) => peer.id)).toContain(3);
      expect(appliedTexts(cluster, 2)).toEqual(['only at 1 and 3']);
    }
  });

  it('in a larger cluster elect one leader, without another term', () => {
    const cluster = new Cluster({ voters: [1, 2, 3, 4, 5], peer: hinting });
    cluster.elect(1);
    cluster.isolate(1);
    hint(cluster, 5, 3, 4, 2);
    cluster.settle();
    expect(cluster.leaders.map((peer) => peer.id).filter((leader) => leader !== 1)).toHaveLength(1);
  });

  it('let a peer vote that may not stand itself', () => {
    const cluster = new Cluster({ voters: [1, 2, 3], spare: [4], peer: { ...hinting, asyncStorageWrites: true } });
    cluster.elect(1);
    const stuck = cluster.peer(2);
    stuck.executeApply = () => {
      stuck.applyWork.length = 0;
      return [];
    };
    cluster.peer(1).raw.proposeConfChange(change(['add-voter', 4]));
    cluster.tick(2, [1]);
    cluster.isolate(1);
    hint(cluster, 4, 3, 2);
    cluster.settle();
    expect(stuck.events).toContainEqual({ kind: 'campaign-refused', term: 1, reason: 'unapplied-conf-change' });
    hint(cluster, 3);
    cluster.settle();
    expect(cluster.leaders.map((peer) => peer.id)).toContain(3);
  });

  it('are told to the others in the pre-votes that rest on them, and in no other', () => {
    const cluster = three(hinting);
    const asked: boolean[] = [];
    cluster.reaches = (message) => {
      if (message.type === MessageType.preVote) asked.push(isHintContext(message.context));
      return message.from !== id(1);
    };
    hint(cluster, 3);
    cluster.settle();
    expect(asked).toContain(true);
    expect(asked).not.toContain(false);
    cluster.heal();
    cluster.tick(3);
    asked.length = 0;
    cluster.peer(3).raw.campaign();
    cluster.reaches = (message) => {
      if (message.type === MessageType.preVote) asked.push(isHintContext(message.context));
      return true;
    };
    cluster.settle();
    expect(asked).toContain(false);
    expect(asked).not.toContain(true);
  });

  it('depose no leader whom the others hear', () => {
    const cluster = three(hinting);
    hint(cluster, 3);
    cluster.tick(2);
    expect(cluster.leaders.map((peer) => peer.id)).toEqual([1]);
    expect(cluster.peer(3).raw.basicStatus()).toMatchObject({ role: 'follower', leader: 1, hardState: { term: 1 } });
    expect(cluster.peer(3).events.some(({ kind }) => kind === 'hint-cancelled')).toBe(true);
  });

  it('are void as soon as the leader says anything at all', () => {
    const cluster = three(hinting);
    const { raw } = cluster.peer(3);
    cluster.isolate(3);
    hint(cluster, 3);
    cluster.settle();
    expect(raw.basicStatus().role).toBe('precandidate');
    raw.step(tell(MessageType.readIndexResp, { from: 1, to: 3, term: 1 }));
    expect(raw.basicStatus()).toMatchObject({ role: 'follower', leader: 1 });
  });

  it('are refused when they are about anybody else, an older term, or not enabled', () => {
    const cluster = three(hinting);
    const follower = cluster.peer(2).raw;
    expect(follower.hintLeaderDead(id(3), 1 as Term)).toBe(false);
    expect(follower.hintLeaderDead(id(1), 0 as Term)).toBe(false);
    expect(cluster.peer(1).raw.hintLeaderDead(id(1), 1 as Term)).toBe(false);
    expect(
      three()
        .peer(2)
        .raw.hintLeaderDead(id(1), 1 as Term),
    ).toBe(false);
  });
});
