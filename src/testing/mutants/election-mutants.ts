import type { Mutant } from './mutant.ts';

const RAFT = 'src/consensus/raft.ts';
const RAFT_LOG = 'src/consensus/log/raft-log.ts';
const MAJORITY = 'src/consensus/quorum/majority.ts';
const MAJORITY_OF = 'Math.floor(size / 2) + 1;';
const UP_TO_DATE = 'return theirs.term > ours.term || (theirs.term === ours.term && theirs.index >= ours.index);';

/** Who may lead, and who decides about it. */
export const ELECTION_MUTANTS: readonly Mutant[] = [
  {
    name: 'vote-before-disk',
    what: 'A vote leaves before it is on disk.',
    edits: [
      {
        file: RAFT,
        find: 'if (AFTER_APPEND.has(type)) return true;',
        replace: 'if (AFTER_APPEND.has(type) && type !== MessageType.voteResp) return true;',
      },
      {
        file: RAFT,
        find: 'if (message.to === this.id) throw',
        replace: 'if (message.to === this.id && this.id < 0) throw',
      },
    ],
    budget: { seeds: 5, seconds: 10 },
  },
  {
    name: 'votes-twice-in-a-term',
    what: 'A peer forgets its vote whenever it becomes a follower.',
    edits: [
      {
        file: RAFT,
        find: 'if (term !== this.term) {\n      this.term = term;',
        replace: 'if (term >= this.term) {\n      this.term = term;',
      },
    ],
    budget: { seeds: 20, seconds: 10 },
  },
  {
    name: 'log-up-to-date-check-missing',
    what: 'Whoever asks gets a vote, however little its log holds (section 5.4.1).',
    edits: [{ file: RAFT_LOG, find: UP_TO_DATE, replace: 'return theirs.index >= 0 && ours.index >= 0;' }],
    budget: { seeds: 30, seconds: 10 },
    isQuick: true,
  },
  {
    name: 'log-up-to-date-by-length',
    what: 'The longer log counts as the newer one, whatever its terms.',
    edits: [{ file: RAFT_LOG, find: UP_TO_DATE, replace: 'return theirs.index >= ours.index;' }],
    focus: 'elections',
    budget: { seeds: 300, seconds: 10 },
  },
  {
    name: 'half-is-a-majority',
    what: 'Half of an even number of voters decides.',
    edits: [{ file: MAJORITY, find: MAJORITY_OF, replace: 'Math.floor((size + 1) / 2);' }],
    budget: { seeds: 100, seconds: 10 },
  },
  {
    name: 'one-less-than-a-majority',
    what: 'One voter less than a majority decides.',
    edits: [{ file: MAJORITY, find: MAJORITY_OF, replace: 'Math.max(1, Math.floor(size / 2));' }],
    budget: { seeds: 5, seconds: 10 },
    isQuick: true,
  },
  {
    name: 'transfer-to-a-peer-that-is-behind',
    what: 'The old leader hands over before its successor has all entries, and voters do not look.',
    edits: [
      {
        file: 'src/consensus/roles/leader-transfer.ts',
        find: 'if (progress.match === raft.log.lastIndex()) sendTimeoutNow(raft, to);',
        replace: 'if (progress.match >= 0) sendTimeoutNow(raft, to);',
      },
      {
        file: 'src/consensus/roles/vote.ts',
        find: '!raft.log.isUpToDate(candidateLast)',
        replace: '(message.context.length === 0 && !raft.log.isUpToDate(candidateLast))',
      },
    ],
    focus: 'elections',
    budget: { seeds: 100, seconds: 10 },
  },
  {
    name: 'prevote-checkquorum-livelock',
    what: 'A leader of an older term gets no answer, so neither side ever learns of the other.',
    edits: [
      {
        file: 'src/consensus/step.ts',
        find: 'if (checkQuorum || preVote) raft.send(MessageType.appResp, from);',
        replace: 'if (!checkQuorum && preVote) raft.send(MessageType.appResp, from);',
      },
    ],
    story: 'a peer that is terms ahead of its leader',
    budget: { seeds: 1, seconds: 0 },
  },
  {
    name: 'keeps-leading-with-a-stuck-disk',
    what: 'A leader whose disk hangs stays in office, and nothing is written any more.',
    edits: [
      {
        file: 'src/node/raft/disk-watch.ts',
        find: 'if (since === undefined || this.#monotonicMs() - since < this.#stallMs) return undefined;',
        replace: 'if (since === undefined || this.#monotonicMs() - since < Number.POSITIVE_INFINITY) return undefined;',
      },
    ],
    budget: { seeds: 60, seconds: 5 },
  },
];
