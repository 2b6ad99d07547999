import { beforeEach, describe, expect, it } from 'vitest';
import { NO_PEER, RaftRole, type LogIndex, type PeerId, type Term } from '../../consensus/types.ts';
import type { NodeName } from '../../protocol/ids.ts';
import { LeaderObserver } from './leader-observer.ts';

const SELF = 1 as PeerId;
const OTHER = 2 as PeerId;
const STRANGER = 9 as PeerId;

let nowMs = 0;
let watched: (NodeName | null)[] = [];
let suspected: NodeName[] = [];
let changes: string[] = [];
let observer: LeaderObserver;
let names: Map<PeerId, NodeName>;

beforeEach(() => {
  nowMs = 1_000;
  watched = [];
  suspected = [];
  changes = [];
  names = new Map([SELF, OTHER].map((peer) => [peer, `n${peer}` as NodeName]));
  observer = new LeaderObserver({
    self: SELF,
    directory: {
      nameOf: (peer) => names.get(peer),
      peerOf: () => undefined,
      identityOf: () => null,
    },
    monotonicMs: () => nowMs,
    watch: (node) => watched.push(node),
    suspect: (node) => suspected.push(node),
    onChange: (leader, term) => changes.push(`${leader} in ${term}`),
    onView: () => {},
  });
  observer.begin();
});

const tell = (leader: PeerId, term: number, role: RaftRole = RaftRole.follower): void =>
  observer.onView({ leader, role, term: term as Term, commit: 0 as LogIndex });

describe('LeaderObserver', () => {
  it('tells of another leader, of none, and of another term, once', () => {
    tell(OTHER, 1);
    tell(OTHER, 1);
    tell(NO_PEER, 1, RaftRole.preCandidate);
    tell(NO_PEER, 2, RaftRole.candidate);
    tell(SELF, 2, RaftRole.leader);
    expect(changes).toEqual(['n2 in 1', 'null in 1', 'null in 2', 'n1 in 2']);
    expect(observer.leads).toBe(true);
    expect(observer.name).toBe('n1');
  });

  it('watches the leader, also while its followers look for another in its term', () => {
    tell(OTHER, 1);
    tell(NO_PEER, 1, RaftRole.preCandidate);
    expect(watched).toEqual(['n2']);
    tell(NO_PEER, 2, RaftRole.candidate);
    expect(watched).toEqual(['n2', null]);
    tell(OTHER, 3);
    tell(SELF, 4, RaftRole.leader);
    expect(watched).toEqual(['n2', null, 'n2', null]);
  });

  it('knows since when nobody leads', () => {
    nowMs += 30;
    expect(observer.leaderlessMs()).toBe(30);
    tell(OTHER, 1);
    nowMs += 30;
    expect(observer.leaderlessMs()).toBe(0);
    tell(NO_PEER, 1, RaftRole.preCandidate);
    nowMs += 5;
    tell(NO_PEER, 2, RaftRole.candidate);
    nowMs += 5;
    expect(observer.leaderlessMs()).toBe(10);
  });

  it('passes on who is held for dead by another node, unless that is nobody or this node', () => {
    observer.suspect();
    tell(OTHER, 1);
    observer.suspect();
    tell(SELF, 2, RaftRole.leader);
    observer.suspect();
    expect(suspected).toEqual(['n2']);
  });

  it('takes a leader without a name for none', () => {
    tell(STRANGER, 1);
    expect(observer.name).toBeNull();
    expect(observer.leads).toBe(false);
    nowMs += 7;
    expect(observer.leaderlessMs()).toBe(7);
  });

  it('recognises a leader whose name it learns later', () => {
    tell(STRANGER, 1);
    observer.onTick();
    expect(changes).toEqual(['null in 1']);
    nowMs += 30;
    names.set(STRANGER, 'n9' as NodeName);
    observer.onTick();
    observer.onTick();
    expect(changes).toEqual(['null in 1', 'n9 in 1']);
    expect(observer.name).toBe('n9');
    expect(watched.at(-1)).toBe('n9');
    expect(observer.leaderlessMs()).toBe(0);
  });
});
