import type { LogIndex, Term } from '../../consensus/types.ts';

interface TermRun {
  readonly term: Term;
  /** Of the first entry with this term. */
  first: LogIndex;
}

/** The term of every retained entry: terms change rarely, so a short list of where they do. */
export class TermRuns {
  readonly #runs: TermRun[] = [];

  /** Indexes arrive in order, terms never go down. */
  push(index: LogIndex, term: Term): void {
    const last = this.#runs.at(-1);
    if (last === undefined || last.term !== term) this.#runs.push({ term, first: index });
  }

  /** Undefined before the first one; for any later index, the term of the last entry that was pushed. */
  termAt(index: LogIndex): Term | undefined {
    let at = this.#runs.length - 1;
    // Nearly always one of the last runs is wanted.
    while (at >= 0 && this.#runs[at]!.first > index) at -= 1;
    return this.#runs[at]?.term;
  }

  /** Forgets `index` and everything after it. */
  truncateFrom(index: LogIndex): void {
    while (this.#runs.length > 0 && this.#runs.at(-1)!.first >= index) this.#runs.pop();
  }

  /** Forgets everything before `index`. */
  dropBefore(index: LogIndex): void {
    while (this.#runs.length > 1 && this.#runs[1]!.first <= index) this.#runs.shift();
    const first = this.#runs[0];
    if (first !== undefined && first.first < index) first.first = index;
  }

  clear(): void {
    this.#runs.length = 0;
  }
}
