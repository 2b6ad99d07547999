import type { Mutant } from './mutant.ts';

const DRIVER = 'src/node/raft/raft-driver.ts';
const APPLIES_BEHIND_A_SNAPSHOT = {
  file: 'src/node/raft/applier.ts',
  find: 'if (this.#env.awaitsSnapshot()) job.next = job.entries.length;',
  replace: '',
};

/** What takes the place of log entries. */
export const SNAPSHOT_MUTANTS: readonly Mutant[] = [
  {
    name: 'snapshot-over-newer-entries',
    what: 'A snapshot that comes late takes away acknowledged entries after it.',
    edits: [
      {
        file: 'src/consensus/roles/install-snapshot.ts',
        find: 'if (log.matches({ term, index })) {',
        replace: 'if (raft.id < 0 && log.matches({ term, index })) {',
      },
    ],
    story: 'a snapshot that the log has outgrown',
    budget: { seeds: 1, seconds: 0 },
  },
  {
    name: 'installs-while-entries-are-applied',
    what: 'A snapshot is installed while older entries are still being applied.',
    edits: [
      APPLIES_BEHIND_A_SNAPSHOT,
      { file: DRIVER, find: 'this.#env.whenApplierIsIdle(() => {', replace: '((act: () => void) => act())(() => {' },
    ],
    focus: 'snapshots',
    budget: { seeds: 500, seconds: 10 },
  },
  {
    name: 'applies-to-the-membership-of-a-snapshot',
    what: 'Older entries are applied once the membership is that of a snapshot which contains them.',
    edits: [APPLIES_BEHIND_A_SNAPSHOT],
    focus: 'snapshots',
    budget: { seeds: 300, seconds: 10 },
  },
  {
    name: 'log-before-state',
    what: 'A snapshot is installed as log before it is installed as state.',
    edits: [
      {
        file: DRIVER,
        find: 'if (!this.#stopped) staged.finish().then(() => this.#installed(message, staged), this.#env.onFatal);',
        replace: 'staged.finish().catch(this.#env.onFatal);\n      this.#installed(message, staged);',
      },
    ],
    focus: 'snapshots',
    budget: { seeds: 60, seconds: 10 },
  },
  {
    name: 'compacts-what-the-state-may-lose',
    what: 'The log is compacted beyond what the state holds durably.',
    edits: [
      {
        file: 'src/node/raft/compaction.ts',
        find: 'const target = minIndex(wanted, state.durableIndex);',
        replace: 'const target = minIndex(wanted, state.appliedIndex);',
      },
    ],
    focus: 'snapshots',
    budget: { seeds: 300, seconds: 10 },
  },
  {
    name: 'dedupe-table-not-in-the-snapshot',
    what: 'A snapshot leaves out which commands were applied (the simulated state stands in for the store).',
    edits: [
      {
        file: 'src/testing/sim/sim-state-store.ts',
        find: 'const view = [...rows].map(',
        replace: "const view = [...rows].filter(([key]) => !key.startsWith('t/')).map(",
      },
      {
        file: 'src/testing/sim/sim-state-store.ts',
        find: 'if (!decoder.complete || this.#env.hashOf(staged) !== header.stateHash) throw this.#refusal(header);',
        replace: 'staged.hash = Number.parseInt(header.stateHash, 16);',
      },
    ],
    focus: 'snapshots',
    budget: { seeds: 60, seconds: 10 },
  },
];
