import type { Mutant } from './mutant.ts';

const JOINT = 'src/consensus/quorum/joint.ts';

/** Changes of who counts. */
export const MEMBERSHIP_MUTANTS: readonly Mutant[] = [
  {
    name: 'second-change-while-one-is-unapplied',
    what: 'A change of the membership is accepted while another is not applied yet.',
    edits: [
      {
        file: 'src/consensus/roles/leader-proposal.ts',
        find: "if (raft.pendingConfIndex > raft.log.applied) return 'change-pending';",
        replace: "if (raft.pendingConfIndex < 0) return 'change-pending';",
      },
    ],
    focus: 'membership',
    budget: { seeds: 100, seconds: 10 },
  },
  {
    name: 'new-leader-forgets-pending-change',
    what: 'A new leader does not wait until it has applied the changes that it took over.',
    edits: [
      {
        file: 'src/consensus/transitions.ts',
        find: 'raft.pendingConfIndex = raft.log.lastIndex();',
        replace: 'raft.pendingConfIndex = raft.pendingConfIndex;',
      },
    ],
    focus: 'membership',
    budget: { seeds: 300, seconds: 10 },
  },
  {
    name: 'several-voters-change-at-once',
    what: 'Several voters change in one step, without joint consensus: old and new majorities need not meet.',
    edits: [
      {
        file: 'src/consensus/membership/conf-change.ts',
        find: "if (auto && change.steps.length === 1) return { kind: 'simple' };",
        replace: "if (auto) return { kind: 'simple' };",
      },
      {
        file: 'src/consensus/membership/changer.ts',
        find: 'if (difference(before, this.#voters) > 1) {',
        replace: 'if (difference(before, this.#voters) > 99) {',
      },
    ],
    focus: 'membership',
    budget: { seeds: 300, seconds: 10 },
  },
  {
    name: 'joint-commit-by-new-majority',
    what: 'In a joint configuration, the new majority alone commits.',
    edits: [
      {
        file: JOINT,
        find: 'minIndex(majorityCommittedIndex(config.voters, acked), majorityCommittedIndex(config.votersOutgoing, acked));',
        replace: 'minIndex(majorityCommittedIndex(config.voters, acked), majorityCommittedIndex([], acked));',
      },
    ],
    focus: 'membership',
    budget: { seeds: 100, seconds: 10 },
  },
  {
    name: 'joint-vote-by-new-majority',
    what: 'In a joint configuration, the new majority alone elects.',
    edits: [
      {
        file: JOINT,
        find: 'const outgoing = majorityVoteResult(config.votersOutgoing, votes);',
        replace: 'const outgoing = majorityVoteResult(config.voters, votes);',
      },
    ],
    focus: 'membership',
    budget: { seeds: 300, seconds: 10 },
  },
  {
    name: 'membership-not-in-the-snapshot',
    what: 'A peer that installs a snapshot keeps the membership that it had.',
    edits: [
      {
        file: 'src/consensus/roles/install-snapshot.ts',
        find: 'switchMembership(raft, restoreMembership(confState, log.lastIndex(), tracker.limits));',
        replace: 'switchMembership(raft, restoreMembership(tracker.confState, log.lastIndex(), tracker.limits));',
      },
    ],
    focus: 'damage',
    budget: { seeds: 100, seconds: 10 },
  },
  {
    name: 'campaigns-with-unapplied-change',
    what: 'A peer stands for election though it does not know yet who may vote.',
    edits: [
      {
        file: 'src/consensus/campaign.ts',
        find: "return hasUnappliedConfChange(raft) ? 'unapplied-conf-change' : undefined;",
        replace: "return hasUnappliedConfChange(raft) && raft.id < 0 ? 'unapplied-conf-change' : undefined;",
      },
    ],
    story: 'a peer that has not applied who votes',
    budget: { seeds: 1, seconds: 0 },
  },
  {
    name: 'let-in-twice',
    what: 'An empty node is let in again under a second id before it was heard of under the first.',
    edits: [
      {
        file: 'src/node/membership/change-rules.ts',
        find: 'if (members.some((member) => member.incarnation !== null && member.incarnation === incarnation)) {',
        replace: 'if (members.some((member) => member.incarnation === name)) {',
      },
    ],
    focus: 'damage',
    budget: { seeds: 1500, seconds: 10 },
  },
];
