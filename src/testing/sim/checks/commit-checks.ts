import { RaftRole, type ConfState, type LogIndex } from '../../../consensus/types.ts';
import type { CoreView } from '../../../node/raft/raft-driver.ts';
import type { SimNode } from '../sim-node.ts';
import { insist } from '../violation.ts';
import type { History } from './history.ts';

interface Progress {
  role: RaftRole;
  term: number;
  commit: number;
  /** The memberships that may have decided about the next commit index: since the present one was reached. */
  confStates: ConfState[];
}

/** What is promised about the commit index (sections 5.3 and 5.4.2). */
export class CommitChecks {
  readonly #history: History;
  readonly #checksDurability: boolean;
  readonly #progress = new Map<SimNode, Progress>();

  constructor(history: History, options: { readonly checksDurability: boolean }) {
    this.#history = history;
    this.#checksDurability = options.checksDurability;
  }

  /** The process starts again: what only its memory knew may fall back. */
  booted(node: SimNode): void {
    const { term } = node.durable.hardState;
    this.#progress.set(node, { role: RaftRole.follower, term, commit: 0, confStates: [node.confState] });
  }

  viewed(node: SimNode, view: CoreView): void {
    const progress = this.#progress.get(node)!;
    const { role, term, commit } = view;
    insist(term >= progress.term, 'term-fell', () => `${node.name} from ${progress.term} to ${term}`);
    insist(commit >= progress.commit, 'commit-fell', () => `${node.name} from ${progress.commit} to ${commit}`);
    // The log begins with the snapshot only once it is installed.
    if (commit > progress.commit && !node.installing) {
      if (role === RaftRole.leader) this.#checkLeaderCommit(node, progress, view);
      this.#commits(node, commit);
      this.#history.noteCommittedIn(term, commit);
      progress.commit = commit;
      progress.confStates = [node.confState];
    }
    progress.term = term;
    progress.role = role;
  }

  membershipChanged(node: SimNode): void {
    this.#progress.get(node)?.confStates.push(node.confState);
  }

  /** A leader commits by counting only what is of its own term, and only what a majority has on disk. */
  #checkLeaderCommit(node: SimNode, before: Progress, { term, commit }: CoreView): void {
    if (before.role !== RaftRole.leader || before.term !== term) return;
    const committedTerm = node.log.term(commit);
    insist(
      committedTerm === term,
      'commit-rule',
      () => `${node.name} commits ${commit} of ${committedTerm} in ${term}`,
    );
    if (!this.#checksDurability) return;
    const hash = node.log.hash(commit);
    const onMajority = before.confStates.some((confState) =>
      this.#history.hasQuorum(confState, ({ durable }) => durable.firstIndex > commit || durable.hash(commit) === hash),
    );
    insist(onMajority, 'durable-on-majority', () => `${node.name} commits ${commit}, which is on too few disks`);
  }

  /** State machine safety: what one node holds committed, every node does. */
  #commits(node: SimNode, commit: LogIndex): void {
    insist(commit <= node.log.lastIndex, 'commit-beyond-log', () => `${node.name} at ${commit}`);
    const from = Math.max(node.log.firstIndex - 1, Math.min(this.#history.committedIndex, commit));
    for (let index = from; index <= commit; index += 1) {
      const hash = node.log.hash(index as LogIndex)!;
      const known = this.#history.committedHash(index);
      if (known === undefined) this.#history.commit(index, hash);
      else insist(known === hash, 'commit-safety', () => `${node.name} commits another entry ${index}`);
    }
  }
}
