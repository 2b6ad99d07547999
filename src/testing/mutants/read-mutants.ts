import type { Mutant } from './mutant.ts';

/** Linearizable reads, and what clients are told. */
export const READ_MUTANTS: readonly Mutant[] = [
  {
    name: 'stale-read-after-step-down',
    what: 'A leader answers reads without asking whether it still leads.',
    edits: [
      {
        file: 'src/consensus/roles/leader-read.ts',
        find: 'if (isOnlyVoter(raft) || hasLease(raft)) {',
        replace: 'if (isOnlyVoter(raft) || raft.id > 0) {',
      },
    ],
    focus: 'elections',
    budget: { seeds: 60, seconds: 10 },
    isQuick: true,
  },
  {
    name: 'read-before-first-commit',
    what: 'A new leader answers reads before an entry of its term is committed.',
    edits: [
      {
        file: 'src/consensus/roles/leader-read.ts',
        find: 'if (!raft.committedInThisTerm) {\n    raft.earlyReads.push(request);',
        replace: 'if (!raft.committedInThisTerm && raft.id < 0) {\n    raft.earlyReads.push(request);',
      },
    ],
    focus: 'elections',
    budget: { seeds: 300, seconds: 10 },
  },
  {
    name: 'result-of-another-command',
    what: 'A client is told the result of a command that has the same number on another node.',
    edits: [
      {
        file: 'src/node/raft/command-queue.ts',
        find: 'const waiting = boot === this.#env.boot ? this.#waiting.get(serial) : undefined;',
        replace: 'const waiting = boot >= 0 ? this.#waiting.get(serial) : undefined;',
      },
      {
        file: 'src/node/raft/command-queue.ts',
        find: 'if (waiting !== undefined && isSame(waiting.command, command))',
        replace: 'if (waiting !== undefined && command.length > 0)',
      },
    ],
    budget: { seeds: 3, seconds: 10 },
  },
  {
    name: 'lease-too-long',
    what: 'A lease lasts longer than followers protect their leader.',
    edits: [
      {
        file: 'src/consensus/lease-ticks.ts',
        find: 'Math.floor((electionTicks - 1 - slackTicks) * (1 - CLOCK_DRIFT_MAX)) - slackTicks;',
        replace: 'Math.floor((electionTicks - 1 - slackTicks) * (4 - CLOCK_DRIFT_MAX)) - slackTicks;',
      },
    ],
    core: {
      voters: [1, 2, 3],
      peer: { preVote: true, checkQuorum: true, readOnlyOption: 'lease' },
      clocksAreBounded: true,
    },
    budget: { seeds: 1000, seconds: 1 },
  },
  {
    name: 'lease-too-long-on-nodes',
    what: 'The same, in the whole of a node.',
    edits: [
      {
        file: 'src/consensus/lease-ticks.ts',
        find: 'Math.floor((electionTicks - 1 - slackTicks) * (1 - CLOCK_DRIFT_MAX)) - slackTicks;',
        replace: 'Math.floor((electionTicks - 1 - slackTicks) * (4 - CLOCK_DRIFT_MAX)) - slackTicks;',
      },
    ],
    reads: 'lease',
    focus: 'elections',
    budget: { seeds: 300, seconds: 10 },
  },
  {
    name: 'lease-outlives-a-stall',
    what: 'A leader that was stopped answers from its lease before it looks at its clock.',
    edits: [
      {
        file: 'src/node/raft/lease-guard.ts',
        find: "if (reads === 'lease' && (ticker.isLate || !isAgreed())) core.voidLease();",
        replace: "if (reads === 'lease' && !isAgreed()) core.voidLease();",
      },
    ],
    reads: 'lease',
    focus: 'elections',
    budget: { seeds: 300, seconds: 10 },
  },
];
