import { MessageType, type Message } from '../../consensus/message.ts';
import { NO_PEER, RaftRole, type Entry, type LogIndex } from '../../consensus/types.ts';
import type { CoreView } from '../../node/raft/raft-driver.ts';
import type { LogImage } from './log-image.ts';
import { insist } from './violation.ts';

/** What a checker may look at in one node. */
export interface Observed {
  readonly name: string;
  readonly number: number;
  /** What the running process sees of its log. */
  readonly log: LogImage;
  /** What a crash would leave of it. */
  readonly durable: LogImage;
  /** A snapshot was accepted that the log does not begin with yet. */
  readonly installing: boolean;
}

interface Progress {
  role: RaftRole;
  term: number;
  commit: number;
  applied: number;
}

const NEVER_COMMITTED = -1;

/**
 * The promises of Raft (Figure 3 of the paper) and of the driver, checked against all nodes at once. Logs are
 * compared by their chained hashes: two nodes that agree at one index agree on everything before it.
 */
export class SafetyChecker {
  /** Whether messages are held against what is durable at the moment they leave. */
  readonly #checksDurability: boolean;
  readonly #leaderOfTerm = new Map<number, string>();
  /** Chained hash by term and index: whatever was ever in any log. */
  readonly #hashesOfTerm = new Map<number, Map<number, number>>();
  /** Chained hash by index: what is committed for ever. */
  readonly #committed: number[] = [0];
  /** The highest index that any node held committed while it was in this term: committed in this term or before. */
  readonly #committedInTerm = new Map<number, number>();
  readonly #appliedState = new Map<number, number>();
  readonly #progress = new Map<number, Progress>();

  constructor(options: { readonly checksDurability: boolean }) {
    this.#checksDurability = options.checksDurability;
  }

  get committedIndex(): number {
    return this.#committed.length - 1;
  }

  get terms(): number {
    return Math.max(0, ...this.#leaderOfTerm.keys());
  }

  /** The process starts again: what only its memory knew may fall back. */
  restarted(node: Observed): void {
    const { term } = node.durable.hardState;
    const known = this.#progress.get(node.number)?.term ?? 0;
    this.#progress.set(node.number, { role: RaftRole.follower, term: Math.min(known, term), commit: 0, applied: 0 });
  }

  /** Log matching: entries with the same term and index are the same, and so is all before them. */
  accepted(node: Observed, entries: readonly Entry[]): void {
    for (const { term, index } of entries) {
      const hash = node.log.hash(index)!;
      const hashes = this.#hashesOf(term);
      const known = hashes.get(index);
      insist(known === undefined || known === hash, 'log-matching', () => `${node.name} at ${index} of term ${term}`);
      if (known === undefined) hashes.set(index, hash);
    }
  }

  #hashesOf(term: number): Map<number, number> {
    let hashes = this.#hashesOfTerm.get(term);
    if (hashes === undefined) this.#hashesOfTerm.set(term, (hashes = new Map()));
    return hashes;
  }

  viewed(node: Observed, { leader, role, term, commit }: CoreView): void {
    const progress = this.#progressOf(node);
    insist(term >= progress.term, 'term-fell', () => `${node.name} from ${progress.term} to ${term}`);
    insist(commit >= progress.commit, 'commit-fell', () => `${node.name} from ${progress.commit} to ${commit}`);
    if (role === RaftRole.leader) this.#leads(node, term);
    else if (leader !== NO_PEER) this.#follows(node, `n${leader}`, term);
    this.#checkCommitRule(node, progress, { leader, role, term, commit });
    // The log begins with the snapshot only once it is installed.
    if (commit > progress.commit && !node.installing) {
      this.#commits(node, commit);
      this.#committedInTerm.set(term, Math.max(commit, this.#committedInTerm.get(term) ?? 0));
      progress.commit = commit;
    }
    progress.term = term;
    progress.role = role;
  }

  /** Section 5.4.2: a leader commits by counting only what is of its own term, and with it all before. */
  #checkCommitRule(node: Observed, before: Progress, { role, term, commit }: CoreView): void {
    const leads = role === RaftRole.leader && before.role === role && before.term === term;
    if (!leads || commit === before.commit) return;
    const committedTerm = node.log.term(commit);
    insist(
      committedTerm === term,
      'commit-rule',
      () => `${node.name} commits ${commit} of ${committedTerm} in ${term}`,
    );
  }

  /** Election safety, and leader completeness: whoever wins has all that is committed. */
  #leads(node: Observed, term: number): void {
    const known = this.#leaderOfTerm.get(term);
    insist(known === undefined || known === node.name, 'election-safety', () => `${known}, ${node.name} lead ${term}`);
    if (known !== undefined) return;
    this.#leaderOfTerm.set(term, node.name);
    const index = this.#committedBefore(term);
    if (index < node.log.firstIndex - 1) return;
    const complete = node.log.hash(index) === this.#committed[index];
    insist(complete, 'leader-completeness', () => `${node.name} leads term ${term} without committed entry ${index}`);
  }

  #committedBefore(term: number): LogIndex {
    let index = 0;
    for (const [earlier, committed] of this.#committedInTerm) if (earlier < term) index = Math.max(index, committed);
    return index as LogIndex;
  }

  #follows(node: Observed, leader: string, term: number): void {
    const known = this.#leaderOfTerm.get(term);
    insist(
      known === undefined || known === leader,
      'election-safety',
      () => `${node.name} follows ${leader} in ${term}`,
    );
  }

  /** State machine safety: what one node holds committed, every node does. */
  #commits(node: Observed, commit: LogIndex): void {
    insist(commit <= node.log.lastIndex, 'commit-beyond-log', () => `${node.name} at ${commit}`);
    const from = Math.max(node.log.firstIndex - 1, Math.min(this.committedIndex, commit));
    for (let index = from; index <= commit; index += 1) {
      const hash = node.log.hash(index as LogIndex);
      const known = this.#committed[index] ?? NEVER_COMMITTED;
      if (known === NEVER_COMMITTED) this.#committed[index] = hash!;
      else insist(known === hash, 'commit-safety', () => `${node.name} commits another entry ${index}`);
    }
  }

  /** A node's state contains all entries up to `index`. */
  applied(node: Observed, index: number, stateHash: number, viaSnapshot: boolean): void {
    const progress = this.#progressOf(node);
    const inOrder = viaSnapshot ? index > progress.applied : progress.applied === 0 || index === progress.applied + 1;
    insist(inOrder, 'apply-order', () => `${node.name} applies ${index} after ${progress.applied}`);
    progress.applied = index;
    const known = this.#appliedState.get(index);
    const same = known === undefined || known === stateHash;
    insist(same, 'state-machine-safety', () => `the state of ${node.name} at ${index} differs`);
    this.#appliedState.set(index, stateHash);
    insist(index <= this.committedIndex, 'applied-uncommitted', () => `${node.name} applies ${index}`);
  }

  /** What a message promises is on disk when it leaves. */
  sending(node: Observed, message: Message): void {
    if (!this.#checksDurability || message.reject) return;
    const { durable } = node;
    const { term, vote } = durable.hardState;
    if (message.type === MessageType.voteResp) {
      const holds = term > message.term || (term === message.term && vote === message.to);
      insist(holds, 'vote-before-disk', () => `${node.name} grants term ${message.term} to ${message.to}`);
    }
    if (message.type === MessageType.appResp) {
      const holds = term > message.term || (term === message.term && durable.lastIndex >= message.index);
      insist(holds, 'ack-before-disk', () => `${node.name} acknowledges ${message.index} of term ${message.term}`);
    }
    if (message.type === MessageType.vote) {
      // A candidate may ask before its own vote is durable; it counts that vote only afterwards.
      insist(message.term >= term, 'term-fell', () => `${node.name} asks for votes of term ${message.term}`);
    }
  }

  #progressOf(node: Observed): Progress {
    let progress = this.#progress.get(node.number);
    if (progress === undefined) {
      progress = { role: RaftRole.follower, term: 0, commit: 0, applied: 0 };
      this.#progress.set(node.number, progress);
    }
    return progress;
  }
}
