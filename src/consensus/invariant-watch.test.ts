import { describe, expect, it } from 'vitest';
import { InvariantWatch } from './invariant-watch.ts';
import { MemoryLogStorage } from './memory-log-storage.ts';
import { Raft } from './raft.ts';
import { checkRaftConfig } from './raft-config.ts';
import { EntryType, RaftRole, type LogIndex, type PeerId, type Term } from './types.ts';

/** State that no input can lead to: the watch must notice it. */

const id = (value: number): PeerId => value as PeerId;

/** In term 5, with a vote for 2; three entries, of which the first two are committed and one is applied. */
const healthy = (): Raft => {
  const storage = new MemoryLogStorage();
  const type = EntryType.normal;
  storage.append(
    [1, 2, 3].map((index) => ({ index: index as LogIndex, term: 5 as Term, type, data: new Uint8Array() })),
  );
  const raft = new Raft(
    checkRaftConfig({
      id: id(1),
      electionTicks: 10,
      heartbeatTicks: 1,
      storage,
      random: () => 0,
      maxBytesPerMessage: 100,
      maxInflightMessages: 4,
    }),
  );
  raft.term = 5 as Term;
  raft.vote = id(2);
  raft.log.commitTo(2 as LogIndex);
  raft.log.appliedTo(1 as LogIndex, 0);
  return raft;
};

const breaks: readonly [what: string, change: (raft: Raft) => void][] = [
  ['term fell from 5 to 4', (raft) => (raft.term = 4 as Term)],
  ['vote of term 5 changed from 2 to 3', (raft) => (raft.vote = id(3))],
  ['vote of term 5 changed from 2 to 0', (raft) => (raft.vote = id(0))],
  ['commit fell from 2 to 1', (raft) => Object.defineProperty(raft.log, 'committed', { value: 1 })],
  ['applied fell from 1 to 0', (raft) => Object.defineProperty(raft.log, 'applied', { value: 0 })],
  ['not applied 1 ≤ applying 3 ≤ committed 2', (raft) => Object.defineProperty(raft.log, 'applying', { value: 3 })],
  ['committed 4 but the log ends at 3', (raft) => Object.defineProperty(raft.log, 'committed', { value: 4 })],
  ['leads term 5 but follows 0', (raft) => (raft.role = RaftRole.leader)],
  ['stands in term 5 but voted for 2', (raft) => (raft.role = RaftRole.candidate)],
  [
    'stands against a leader it follows, 2',
    (raft) => {
      raft.role = RaftRole.preCandidate;
      raft.leader = id(2);
    },
  ],
  ['follows itself in term 5', (raft) => (raft.leader = id(1))],
];

describe('the watch over invariants', () => {
  it.each(breaks)('notices: %s', (what, change) => {
    const raft = healthy();
    const watch = new InvariantWatch(raft);
    watch.check();
    change(raft);
    expect(() => watch.check()).toThrow(what);
  });

  it('lets term, vote, commit and applied rise', () => {
    const raft = healthy();
    const watch = new InvariantWatch(raft);
    raft.log.commitTo(3 as LogIndex);
    raft.log.appliedTo(2 as LogIndex, 0);
    raft.reset(6 as Term);
    watch.check();
    raft.vote = id(3);
    expect(() => watch.check()).not.toThrow();
  });

  it('asserts that only leaders append, that nobody leads a term twice, and that terms do not fall', () => {
    const raft = healthy();
    expect(() => raft.appendOwn([])).toThrow('only a leader appends');
    raft.noteLeaderOfTerm(id(2));
    raft.noteLeaderOfTerm(id(2));
    expect(() => raft.noteLeaderOfTerm(id(3))).toThrow('2 and 3 both lead term 5');
    expect(() => raft.reset(4 as Term)).toThrow('term would fall from 5 to 4');
  });
});
