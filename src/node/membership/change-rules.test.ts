import { describe, expect, it } from 'vitest';
import { EMPTY_CONF_STATE, peerId, type ConfState, type PeerId } from '../../consensus/types.ts';
import { ParleyError } from '../../protocol/errors.ts';
import { CATCH_UP_ENTRIES, planChange, planCompletion, type Candidate } from './change-rules.ts';
import type { PublicIdentity } from '../identity/public-identity.ts';
import { foundingTable } from './member-table.ts';
import type { PeerProgress, Status } from '../../consensus/status.ts';
import type { NodeName } from '../../protocol/ids.ts';
import type { MemberVerb } from '../ports.ts';
import type { Member, MemberTable } from './member-table.ts';

const LAST = 5_000;
const INCARNATION = 'cd'.repeat(16);
const NEXT_INCARNATION = 'ef'.repeat(16);

class Cluster {
  voters = [1, 2, 3];
  outgoing: number[] = [];
  learners: number[] = [];
  active = new Set([1, 2, 3]);
  match = new Map<number, number>();
  snapshots = new Set<number>();
  extra: Member[] = [];
  candidates = new Map<string, string>();

  get table(): MemberTable {
    const founded = foundingTable(
      [1, 2, 3].map((n) => ({ name: `n${n}` as NodeName, peerId: peerId(n), identity: null })),
    );
    return { ...founded, nextPeer: peerId(9), members: [...founded.members, ...this.extra] };
  }

  get status(): Status {
    const confState: ConfState = {
      ...EMPTY_CONF_STATE,
      voters: this.voters.map(peerId),
      votersOutgoing: this.outgoing.map(peerId),
      learners: this.learners.map(peerId),
    };
    const progress = [...this.voters, ...this.learners].map((id) => this.#progress(id));
    return { id: peerId(1), lastIndex: LAST, confState, progress } as unknown as Status;
  }

  plan(verb: MemberVerb, node: string): ReturnType<typeof planChange> {
    const { table, status, candidates } = this;
    return planChange(verb, node as NodeName, { table, status, candidate: (name) => asking(candidates.get(name)) });
  }

  refusal(verb: MemberVerb, node: string): string {
    try {
      this.plan(verb, node);
    } catch (error) {
      if (error instanceof ParleyError) return error.code;
      throw error;
    }
    return 'allowed';
  }

  #progress(id: number): Partial<PeerProgress> {
    return {
      id: peerId(id),
      match: (this.match.get(id) ?? LAST) as PeerProgress['match'],
      activeLately: this.active.has(id),
      state: this.snapshots.has(id) ? 'snapshot' : 'replicate',
      isLearner: this.learners.includes(id),
    };
  }
}

const keysOf = (incarnation: string): PublicIdentity => incarnation.repeat(4) as PublicIdentity;
const asking = (incarnation: string | undefined): Candidate | null =>
  incarnation === undefined ? null : { incarnation, identity: keysOf(incarnation) };
const learner = (peer: number, name: string, replaces: number | null = null): Member => ({
  peer: peerId(peer),
  name: name as NodeName,
  incarnation: INCARNATION,
  identity: keysOf(INCARNATION),
  replaces: replaces as PeerId | null,
});

describe('adding', () => {
  it('takes an empty node that asks, as a learner under a fresh id', () => {
    const cluster = new Cluster();
    cluster.candidates.set('n4', INCARNATION);
    expect(cluster.plan('add', 'n4')).toEqual({
      transition: 'auto',
      steps: [{ kind: 'add-learner', peer: 9 }],
      added: learner(9, 'n4'),
    });
  });

  it('refuses who does not ask, who is in, and too many', () => {
    const cluster = new Cluster();
    expect(cluster.refusal('add', 'n4')).toBe('no_such_node');
    expect(cluster.refusal('add', 'n3')).toBe('already_member');
    cluster.candidates.set('n3', INCARNATION);
    expect(() => cluster.plan('add', 'n3')).toThrow('member replace n3');
    cluster.candidates.set('n99', INCARNATION);
    cluster.extra = [4, 5, 6, 7, 8, 9].map((n) => learner(n, `n${n}`));
    expect(cluster.refusal('add', 'n99')).toBe('too_many');
  });
});

describe('promoting', () => {
  it('waits until the learner answers, has its snapshot and has caught up', () => {
    const cluster = new Cluster();
    cluster.extra = [learner(4, 'n4')];
    cluster.learners = [4];
    expect(cluster.refusal('promote', 'n4')).toBe('behind');
    cluster.active.add(4);
    cluster.match.set(4, 0);
    expect(() => cluster.plan('promote', 'n4')).toThrow('has acknowledged nothing yet');
    cluster.match.set(4, LAST - CATCH_UP_ENTRIES - 1);
    expect(cluster.refusal('promote', 'n4')).toBe('behind');
    cluster.match.set(4, LAST - CATCH_UP_ENTRIES);
    cluster.snapshots.add(4);
    expect(cluster.refusal('promote', 'n4')).toBe('behind');
    cluster.snapshots.clear();
    expect(cluster.plan('promote', 'n4').steps).toEqual([{ kind: 'add-voter', peer: 4 }]);
    expect(cluster.refusal('promote', 'n1')).toBe('already_member');
    expect(cluster.refusal('promote', 'n7')).toBe('no_such_node');
  });
});

describe('removing', () => {
  it('refuses what would leave no majority that answers', () => {
    const cluster = new Cluster();
    expect(cluster.refusal('remove', 'n3')).toBe('allowed');
    cluster.active.delete(2);
    expect(cluster.refusal('remove', 'n3')).toBe('quorum_at_risk');
    // The one that is down may go: the others are enough.
    expect(cluster.refusal('remove', 'n2')).toBe('allowed');
    cluster.voters = [1];
    expect(cluster.refusal('remove', 'n1')).toBe('quorum_at_risk');
    expect(cluster.refusal('remove', 'n8')).toBe('no_such_node');
  });

  it('lets a learner go at any time', () => {
    const cluster = new Cluster();
    cluster.extra = [learner(4, 'n4')];
    cluster.learners = [4];
    cluster.active = new Set([1, 2]);
    expect(cluster.plan('remove', 'n4').steps).toEqual([{ kind: 'remove', peer: 4 }]);
  });
});

describe('replacing', () => {
  it('lets the new incarnation learn while the old one keeps its seat', () => {
    const cluster = new Cluster();
    expect(cluster.refusal('replace', 'n3')).toBe('already_member');
    cluster.active.delete(3);
    expect(cluster.refusal('replace', 'n3')).toBe('no_such_node');
    cluster.candidates.set('n3', INCARNATION);
    expect(cluster.plan('replace', 'n3')).toEqual({
      transition: 'auto',
      steps: [{ kind: 'add-learner', peer: 9 }],
      added: learner(9, 'n3', 3),
    });
  });

  it('swaps the seats by joint consensus once it has caught up', () => {
    const cluster = new Cluster();
    cluster.extra = [learner(4, 'n3', 3)];
    cluster.learners = [4];
    expect(planCompletion(cluster)).toBeNull();
    cluster.active = new Set([1, 2, 4]);
    expect(planCompletion(cluster)).toEqual({
      transition: 'joint-implicit',
      steps: [
        { kind: 'add-voter', peer: 4 },
        { kind: 'remove', peer: 3 },
      ],
      added: null,
    });
    cluster.outgoing = [1, 2, 3];
    expect(planCompletion(cluster)).toBeNull();
  });

  it('starts over when the new incarnation is lost too', () => {
    const cluster = new Cluster();
    cluster.extra = [learner(4, 'n3', 3)];
    cluster.learners = [4];
    cluster.active = new Set([1, 2]);
    cluster.candidates.set('n3', NEXT_INCARNATION);
    expect(cluster.plan('replace', 'n3')).toEqual({
      transition: 'joint-implicit',
      steps: [
        { kind: 'remove', peer: 4 },
        { kind: 'add-learner', peer: 9 },
      ],
      added: { ...learner(9, 'n3', 3), incarnation: NEXT_INCARNATION, identity: keysOf(NEXT_INCARNATION) },
    });
  });

  it('does not let in again who was let in and has not been heard of yet', () => {
    const cluster = new Cluster();
    cluster.extra = [learner(4, 'n3', 3)];
    cluster.learners = [4];
    cluster.active = new Set([1, 2]);
    // Its last word before it joined.
    cluster.candidates.set('n3', INCARNATION);
    expect(cluster.refusal('replace', 'n3')).toBe('already_member');
  });
});

it('makes one change at a time', () => {
  const cluster = new Cluster();
  cluster.outgoing = [1, 2, 3];
  expect(cluster.refusal('remove', 'n3')).toBe('change_in_progress');
});
