import { describe, expect, it } from 'vitest';
import { Cluster, type ClusterOptions } from '../testing/consensus/cluster.ts';
import { appliedTexts, bytes, id, statusOf, three } from '../testing/consensus/three-peers.ts';
import { ConsensusError } from './errors.ts';
import { makeMessage, MessageType } from './message.ts';
import { EMPTY_BYTES, type LogIndex, type Term } from './types.ts';

describe('replication', () => {
  for (const asyncStorageWrites of [false, true]) {
    it(`applies proposals everywhere in one order (asynchronous writes: ${asyncStorageWrites})`, () => {
      const cluster = three({ asyncStorageWrites });
      cluster.peer(1).raw.propose(bytes('a'));
      cluster.peer(2).raw.propose(bytes('b'));
      cluster.settle();
      cluster.peer(1).raw.propose(bytes('c'));
      cluster.settle();
      for (const peer of [1, 2, 3]) expect(appliedTexts(cluster, peer)).toEqual(['a', 'b', 'c']);
    });
  }

  it('says where a proposal went', () => {
    const cluster = new Cluster({ voters: [1, 2, 3] });
    expect(cluster.peer(1).raw.propose(bytes('x'))).toEqual({ kind: 'dropped', reason: 'no-leader' });
    cluster.elect(1);
    expect(cluster.peer(1).raw.propose(bytes('x'))).toEqual({ kind: 'appended', index: 3, term: 1 });
    expect(cluster.peer(2).raw.propose(bytes('y'))).toEqual({ kind: 'forwarded', leader: 1 });
  });

  it('pushes back when too much is uncommitted, and recovers', () => {
    const cluster = three({ maxUncommittedBytes: 10 });
    const leader = cluster.peer(1).raw;
    expect(leader.propose(new Uint8Array(9)).kind).toBe('appended');
    expect(leader.propose(new Uint8Array(2))).toEqual({ kind: 'dropped', reason: 'uncommitted-bytes-full' });
    cluster.settle();
    expect(leader.propose(new Uint8Array(2)).kind).toBe('appended');
  });

  it('brings a peer back whose log has a long tail of another leader, in few rounds', () => {
    const cluster = three();
    cluster.isolate(1);
    for (let count = 0; count < 200; count += 1) cluster.peer(1).raw.propose(bytes('lost'));
    cluster.settle();
    cluster.elect(2);
    for (let count = 0; count < 100; count += 1) cluster.peer(2).raw.propose(bytes('kept'));
    cluster.settle();
    cluster.heal();
    let rejections = 0;
    cluster.reaches = (message) => {
      if (message.reject) rejections += 1;
      return true;
    };
    cluster.tick(3);
    expect(appliedTexts(cluster, 1)).toEqual(Array(100).fill('kept'));
    expect(rejections).toBeLessThanOrEqual(2);
  });

  it('sends a snapshot to a peer that lacks compacted entries', () => {
    const cluster = three();
    cluster.isolate(3);
    for (let count = 0; count < 20; count += 1) cluster.peer(1).raw.propose(bytes(`m${count}`));
    cluster.settle();
    cluster.peer(1).disk.compact(15 as LogIndex);
    cluster.heal();
    cluster.tick(4);
    expect(appliedTexts(cluster, 3)).toEqual(appliedTexts(cluster, 1));
    expect(statusOf(cluster, 1).progress.map(({ state }) => state)).toEqual(['replicate', 'replicate', 'replicate']);
    expect(cluster.peer(3).raw.basicStatus().firstIndex).toBe(23);
  });

  it('ignores an append whose entries do not follow each other', () => {
    const cluster = three();
    const last = cluster.peer(2).raw.basicStatus().lastIndex;
    const entry = { term: 1 as Term, index: (last + 2) as LogIndex, type: 'normal' as const, data: EMPTY_BYTES };
    const append = makeMessage(MessageType.app, {
      from: id(1),
      to: id(2),
      term: 1 as Term,
      index: last,
      logTerm: 1 as Term,
      entries: [entry],
    });
    cluster.peer(2).raw.step(append);
    expect(cluster.peer(2).raw.basicStatus().lastIndex).toBe(last);
    expect(cluster.peer(2).events.at(-1)).toMatchObject({ kind: 'message-ignored', reason: 'malformed' });
    const fromTheFuture = { ...entry, index: (last + 1) as LogIndex, term: 2 as Term };
    cluster.peer(2).raw.step({ ...append, entries: [fromTheFuture] });
    const backwards = { ...entry, index: (last + 1) as LogIndex, term: 0 as Term };
    cluster.peer(2).raw.step({ ...append, entries: [backwards] });
    expect(cluster.peer(2).raw.basicStatus().lastIndex).toBe(last);
  });

  it('stops rather than go on without entries it had acknowledged', () => {
    const cluster = three();
    const heartbeat = makeMessage(MessageType.heartbeat, {
      from: id(1),
      to: id(2),
      term: 1 as Term,
      commit: 99 as LogIndex,
    });
    expect(() => cluster.peer(2).raw.step(heartbeat)).toThrow(ConsensusError);
  });

  it('stops when a term has two leaders', () => {
    const cluster = three();
    const fromOther = makeMessage(MessageType.heartbeat, { from: id(3), to: id(2), term: 1 as Term });
    expect(() => cluster.peer(2).raw.step(fromOther)).toThrow('both lead term 1');
    expect(() => cluster.peer(1).raw.step({ ...fromOther, to: id(1) })).toThrow('both lead term 1');
  });
});

describe('leadership', () => {
  const careful = { preVote: true, checkQuorum: true };

  it('knows who answers, whenever it is asked', () => {
    const cluster = three(careful);
    const { raw } = cluster.peer(1);
    const others = (): boolean[] =>
      raw.status().progress.flatMap(({ id, activeLately }) => (id === 1 ? [] : [activeLately]));
    for (let tick = 0; tick < 30; tick += 1) {
      raw.tick();
      // Between a check of the quorum and the next answers, too.
      expect(others()).toEqual([true, true]);
      cluster.settle();
    }
    cluster.isolate(3);
    cluster.tick(25, [1, 2]);
    expect(others()).toEqual([true, false]);
  });

  it('survives the return of a peer that was cut off', () => {
    const cluster = three(careful);
    cluster.isolate(3);
    cluster.tick(60);
    expect(cluster.peer(3).raw.basicStatus().hardState.term).toBe(1);
    cluster.heal();
    cluster.tick(30);
    expect(cluster.leaders.map((peer) => [peer.id, peer.raw.basicStatus().hardState.term])).toEqual([[1, 1]]);
  });

  it('is given up by a leader that reaches no majority, within two election timeouts', () => {
    const cluster = three(careful);
    cluster.isolate(1);
    cluster.tick(20, [1]);
    expect(cluster.peer(1).raw.basicStatus().role).toBe('follower');
  });

  it('passes to another majority, which the old leader then follows', () => {
    const cluster = three(careful);
    cluster.isolate(1);
    cluster.tick(40);
    expect(cluster.leaders).toHaveLength(1);
    cluster.heal();
    cluster.tick(5);
    const [leader] = cluster.leaders;
    expect(leader?.id).not.toBe(1);
    expect(cluster.peer(1).raw.basicStatus().leader).toBe(leader?.id);
  });

  it('is handed over on request, once the other has the whole log', () => {
    const cluster = three(careful);
    cluster.isolate(2);
    cluster.peer(1).raw.propose(bytes('a'));
    cluster.settle();
    cluster.heal();
    cluster.peer(1).raw.transferLeader(id(2));
    expect(cluster.peer(1).raw.propose(bytes('b'))).toEqual({ kind: 'dropped', reason: 'transfer-in-progress' });
    cluster.tick(3);
    expect(cluster.leaders.map((peer) => peer.id)).toEqual([2]);
    expect(appliedTexts(cluster, 2)).toEqual(['a']);
  });

  it('stays when the hand-over takes longer than an election timeout', () => {
    const cluster = three(careful);
    cluster.isolate(2);
    cluster.peer(1).raw.propose(bytes('a'));
    cluster.settle();
    cluster.peer(1).raw.transferLeader(id(2));
    cluster.tick(11, [1, 3]);
    expect(cluster.peer(1).events.some(({ kind }) => kind === 'transfer-aborted')).toBe(true);
    expect(cluster.peer(1).raw.propose(bytes('b')).kind).toBe('appended');
  });

  it('comes back with term and vote after a restart', () => {
    const cluster = three();
    for (const peer of [1, 2, 3]) cluster.peer(peer).restart();
    expect(cluster.peer(2).raw.basicStatus().hardState).toMatchObject({ term: 1, vote: 1 });
    const rival = makeMessage(MessageType.vote, {
      from: id(3),
      to: id(2),
      term: 1 as Term,
      index: 9 as LogIndex,
      logTerm: 1 as Term,
    });
    cluster.peer(2).raw.step(rival);
    expect(cluster.peer(2).work()).toMatchObject([{ type: 'MsgVoteResp', reject: true }]);
  });
});

describe('misuse', () => {
  it('refuses configurations that contradict themselves', () => {
    const build = (peer: NonNullable<ClusterOptions['peer']>) => () => new Cluster({ voters: [1], peer });
    expect(build({ electionTicks: 1 })).toThrow('electionTicks must be greater');
    expect(build({ heartbeatTicks: 0 })).toThrow('heartbeatTicks');
    expect(build({ maxInflightBytes: 1 })).toThrow('maxInflightBytes');
    expect(build({ readOnlyOption: 'lease' })).toThrow('lease reads need checkQuorum');
  });

  it('asserts the order of ready and advance', () => {
    const { raw } = new Cluster({ voters: [1] }).peer(1);
    raw.campaign();
    expect(() => raw.advance()).toThrow('advance() without');
    raw.ready();
    expect(() => raw.ready()).toThrow('before advance()');
  });

  it('keeps local messages and strangers out', () => {
    const { raw } = three().peer(1);
    expect(raw.step(makeMessage(MessageType.hup, { from: id(2) }))).toBe('local-message-refused');
    expect(raw.step(makeMessage(MessageType.appResp, { from: id(9), term: 1 as Term }))).toBe('unknown-peer');
  });
});
