import type { Mutant } from './mutant.ts';

const RAFT = 'src/consensus/raft.ts';
const RAFT_LOG = 'src/consensus/log/raft-log.ts';
const STEP = 'src/consensus/step.ts';

const ACK_BEFORE_DISK = [
  {
    file: RAFT,
    find: 'if (AFTER_APPEND.has(type)) return true;',
    replace:
      'if (AFTER_APPEND.has(type) && (type !== MessageType.appResp || this.role === RaftRole.leader)) return true;',
  },
];

/** How logs become equal, and when an entry is committed. */
export const LOG_MUTANTS: readonly Mutant[] = [
  {
    name: 'ack-before-fsync',
    what: 'A follower acknowledges entries before they are on disk.',
    edits: ACK_BEFORE_DISK,
    budget: { seeds: 3, seconds: 10 },
    isQuick: true,
  },
  {
    name: 'ack-before-fsync-blind',
    what: 'The same, found only by what it costs.',
    edits: ACK_BEFORE_DISK,
    blind: true,
    focus: 'elections',
    budget: { seeds: 60, seconds: 10 },
  },
  {
    name: 'hard-state-not-written',
    what: 'A write of entries leaves out the term and vote that came with them.',
    edits: [
      {
        file: 'src/node/raft/raft-driver.ts',
        find: 'const hardState: HardState | undefined = hardStateOf(message);',
        replace: 'const hardState: HardState | undefined = entries.length > 0 ? undefined : hardStateOf(message);',
      },
    ],
    budget: { seeds: 20, seconds: 10 },
  },
  {
    name: 'commit-prior-term-by-counting',
    what: 'An entry of an earlier term is committed because a majority has it (Figure 8).',
    edits: [
      {
        file: RAFT_LOG,
        find: 'if (index <= this.#committed || this.term(index) !== currentTerm) return false;',
        replace: 'if (index <= this.#committed || currentTerm < 0) return false;',
      },
    ],
    budget: { seeds: 30, seconds: 10 },
    isQuick: true,
  },
  {
    name: 'heartbeat-commits-beyond-match',
    what: 'Heartbeats tell followers to commit what they may not have.',
    edits: [
      {
        file: 'src/consensus/replication.ts',
        find: 'const commit = minIndex(progress.match, raft.log.committed);',
        replace: 'const commit = minIndex(raft.log.committed, raft.log.committed);',
      },
    ],
    budget: { seeds: 10, seconds: 10 },
  },
  {
    name: 'previous-entry-not-compared',
    what: 'An append is accepted wherever it fits by number.',
    edits: [
      {
        file: RAFT_LOG,
        find: 'if (!this.matches(previous)) return undefined;',
        replace: 'if (previous.index > this.lastIndex()) return undefined;',
      },
    ],
    focus: 'elections',
    budget: { seeds: 100, seconds: 10 },
  },
  {
    name: 'late-append-truncates',
    what: 'An append that came late takes away the entries that came after it.',
    edits: [
      {
        file: RAFT_LOG,
        find: 'const firstNew = this.#findFirstNew(entries);',
        replace: 'const firstNew = Math.min(0, this.#findFirstNew(entries));',
      },
    ],
    budget: { seeds: 10, seconds: 10 },
  },
  {
    name: 'stale-append-ack-counted',
    what: 'An acknowledgement of an earlier term counts, though the log was truncated since.',
    edits: [
      {
        file: STEP,
        find: '  } else if (type === MessageType.storageAppendResp) {',
        replace:
          '  } else if (type === MessageType.appResp) {\n    BY_ROLE[raft.role][type](raft, message);\n  } else if (type === MessageType.storageAppendResp) {',
      },
    ],
    story: 'an acknowledgement from before a truncation',
    budget: { seeds: 1, seconds: 0 },
  },
  {
    name: 'stale-write-ack-counted',
    what: 'A write that was done under an earlier term is taken for the one under way (ABA).',
    edits: [
      {
        file: STEP,
        find: 'if (message.snapshot !== undefined) snapshotApplied(raft, message.snapshot);',
        replace: 'BY_ROLE[raft.role][type](raft, message);',
      },
    ],
    story: 'the same entries, replaced and brought back',
    budget: { seeds: 1, seconds: 0 },
  },
  {
    name: 'applies-before-own-disk',
    what: 'Committed entries are applied before the own log has them.',
    edits: [
      {
        file: 'src/consensus/outstanding-work.ts',
        find: 'return !this.#raft.config.asyncStorageWrites;',
        replace: 'return this.#raft.id > 0;',
      },
    ],
    budget: { seeds: 400, seconds: 10 },
  },
];
