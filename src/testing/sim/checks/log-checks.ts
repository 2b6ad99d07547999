import { isConfChangeEntry } from '../../../consensus/membership/conf-change-codec.ts';
import { plus, RaftRole, type Entry, type LogIndex } from '../../../consensus/types.ts';
import type { SimNode } from '../sim-node.ts';
import { insist } from '../violation.ts';
import type { History } from './history.ts';

/** What is promised about logs, whoever leads. */
export class LogChecks {
  readonly #history: History;
  /** Chained hash by term and index: whatever was ever in any log. */
  readonly #hashesOfTerm = new Map<number, Map<number, number>>();

  constructor(history: History) {
    this.#history = history;
  }

  /** Log matching: entries with the same term and index are the same, and so is all before them. */
  accepted(node: SimNode, entries: readonly Entry[]): void {
    for (const entry of entries) {
      const { term, index } = entry;
      const hash = node.log.hash(index)!;
      const hashes = this.#hashesOf(term);
      const known = hashes.get(index);
      insist(known === undefined || known === hash, 'log-matching', () => `${node.name} at ${index} of term ${term}`);
      if (known === undefined) hashes.set(index, hash);
      if (isConfChangeEntry(entry)) this.#checkOneChange(node, entry);
    }
  }

  #hashesOf(term: number): Map<number, number> {
    let hashes = this.#hashesOfTerm.get(term);
    if (hashes === undefined) this.#hashesOfTerm.set(term, (hashes = new Map()));
    return hashes;
  }

  /** A leader proposes a change of the membership only when it has applied all earlier ones. */
  #checkOneChange(node: SimNode, { term, index }: Entry): void {
    const view = node.peer?.coreView;
    if (view?.role !== RaftRole.leader || view.term !== term) return;
    const from = Math.max(plus(node.appliedIndex, 1), node.log.firstIndex) as LogIndex;
    const earlier = node.log.entries(from, index, Number.POSITIVE_INFINITY);
    if (typeof earlier === 'string') return;
    const pending = earlier.find(isConfChangeEntry);
    insist(
      pending === undefined,
      'one-change-at-a-time',
      () => `${node.name} proposes one at ${index} while that at ${pending?.index} is not applied`,
    );
  }

  /** What is committed never leaves a disk that has it, unless a snapshot holds it. */
  durable(node: SimNode, change: () => void): void {
    const { durable } = node;
    const index = Math.min(this.#history.committedIndex, durable.lastIndex) as LogIndex;
    const hash = this.#history.committedHash(index);
    const held = hash !== undefined && durable.hash(index) === hash;
    change();
    if (!held || durable.firstIndex > index) return;
    insist(
      durable.hash(index) === hash,
      'committed-entry-dropped',
      () => `${node.name} no longer has ${index} on disk`,
    );
  }
}
