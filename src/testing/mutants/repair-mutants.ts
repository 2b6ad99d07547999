import type { Edit, Mutant } from './mutant.ts';

const SELF_REPAIR = 'src/node/raft/self-repair.ts';

/** Nobody finds out that a disk has forgotten something. */
const FORGETFUL_WITNESSES: readonly Edit[] = [
  {
    file: 'src/node/rollback/witness.ts',
    find: "return knowsStart(lineage, last) ? null : 'made before the node was last started';",
    replace: 'return knowsStart(lineage, last) ? null : null;',
  },
  {
    file: 'src/node/rollback/witness.ts',
    find: 'if (boot > known.boot && forgotten(life.promises, known.promises) !== undefined) {',
    replace: 'if (boot < known.boot) {',
  },
  {
    file: 'src/node/rollback/witness.ts',
    find: 'return refusalOf(life, known) ?? forgotten(life.promises, known.promises) ?? null;',
    replace: 'return refusalOf(life, known) ?? null;',
  },
];

/** Disks that lost something, or go back in time. */
export const REPAIR_MUTANTS: readonly Mutant[] = [
  {
    name: 'damaged-tail-votes',
    what: 'A peer that lost the end of its log votes by what is left of it.',
    edits: [
      {
        file: 'src/consensus/repairing.ts',
        find: 'repair === undefined || reaches(last, repair.entry);',
        replace: 'repair === undefined || reaches(last, last);',
      },
    ],
    focus: 'damage',
    budget: { seeds: 300, seconds: 10 },
  },
  {
    name: 'damaged-tail-campaigns',
    what: 'A peer that lost the end of its log stands for election with what is left of it.',
    edits: [
      {
        file: 'src/consensus/campaign.ts',
        find: "if (raft.repair !== undefined) return 'repairing';",
        replace: "if (raft.repair !== undefined && raft.id < 0) return 'repairing';",
      },
      {
        file: 'src/consensus/raft.ts',
        find: 'if (this.repair !== undefined) return false;',
        replace: 'if (this.repair !== undefined && this.id < 0) return false;',
      },
    ],
    focus: 'damage',
    budget: { seeds: 300, seconds: 10 },
  },
  {
    name: 'damaged-tail-commits',
    what: 'A peer that lost the end of its log commits as far as heartbeats say, whatever stands there.',
    edits: [
      {
        file: 'src/consensus/roles/append-entries.ts',
        find: 'if (raft.repair === undefined) raft.log.commitTo(message.commit);',
        replace: 'raft.log.commitTo(message.commit);',
      },
    ],
    focus: 'damage',
    budget: { seeds: 500, seconds: 10 },
  },
  {
    name: 'restart-does-not-reset-progress',
    what: 'A leader goes on counting what a peer had acknowledged before it lost it.',
    edits: [
      {
        file: 'src/node/raft/raft-peer.ts',
        find: 'core.reportRestarted(peer)',
        replace: 'void [core, peer]',
      },
      {
        file: 'src/consensus/roles/leader-append-response.ts',
        find: "if (progress.state === 'probe' && index === progress.match) {",
        replace: "if (progress.state === 'probe' && index === progress.match && raft.id < 0) {",
      },
    ],
    focus: 'damage',
    budget: { seeds: 300, seconds: 10 },
  },
  {
    name: 'empty-disk-votes',
    what: 'A node that lost its disk goes on under its old identity (the simulated node stands in for the store).',
    edits: [
      {
        file: 'src/testing/sim/node-disks.ts',
        find: '    this.#content = this.#makeEmpty();\n    this.#isLost = false;',
        replace: '    this.#content = { ...this.#makeEmpty(), identity: this.identity };\n    this.#isLost = false;',
      },
    ],
    focus: 'damage',
    budget: { seeds: 60, seconds: 10 },
  },
  {
    name: 'repair-waits-for-a-leader',
    what: 'A damaged node never asks the others, so a cluster of damaged nodes stays without a leader.',
    edits: [
      {
        file: SELF_REPAIR,
        find: "send(name, 'repair-request',",
        replace: "if (name.length === 0) send(name, 'repair-request',",
      },
    ],
    focus: 'damage',
    budget: { seeds: 60, seconds: 10 },
  },
  {
    name: 'repair-knows-entries-only',
    what: 'A damaged node never takes a state from others, though these have compacted what it lacks.',
    edits: [
      {
        file: SELF_REPAIR,
        find: "else if (answer.refusal === 'compacted') this.#compacted.add(from);",
        replace: "else if (answer.refusal === 'compacted') this.#compacted.delete(from);",
      },
    ],
    focus: 'damage',
    budget: { seeds: 300, seconds: 10 },
  },
  {
    name: 'old-copy-believed',
    what: 'A directory that was put back from an old copy is taken for the one that was in use.',
    edits: FORGETFUL_WITNESSES,
    focus: 'damage',
    budget: { seeds: 60, seconds: 10 },
  },
];
