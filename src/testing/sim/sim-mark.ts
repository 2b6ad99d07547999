import { EMPTY_HARD_STATE, ZERO_INDEX, ZERO_TERM, type EntryId, type HardState } from '../../consensus/types.ts';

/** What a node has promised to others. */
export interface Promised {
  readonly hardState: HardState;
  /** The last entry that was ever durable here, unless it was truncated since. */
  readonly entry: EntryId;
  /** The chain of hashes up to that entry. */
  readonly hash: number;
}

const NOTHING: Promised = { hardState: EMPTY_HARD_STATE, entry: { index: ZERO_INDEX, term: ZERO_TERM }, hash: 0 };

/** Which of the two copies loses a bit: the one that was written last, the one before it, or both. */
export type MarkCopy = 'newest' | 'older' | 'both';

/** The file beside a node's log that outlives damage to it: two copies, written by turns. */
export class SimMark {
  #newest: Promised | undefined = NOTHING;
  #older: Promised | undefined = NOTHING;

  /** Undefined when nothing is left of it. */
  get content(): Promised | undefined {
    return this.#newest ?? this.#older;
  }

  /** Whether nothing newer can have stood there. */
  get isNewest(): boolean {
    return this.#newest !== undefined && this.#older !== undefined;
  }

  update(content: Promised): void {
    // A broken copy is the one that is written next.
    this.#older = this.content;
    this.#newest = content;
  }

  copy(): SimMark {
    const mark = new SimMark();
    mark.#newest = this.#newest;
    mark.#older = this.#older;
    return mark;
  }

  damage(copy: MarkCopy): void {
    if (copy !== 'older') this.#newest = undefined;
    if (copy !== 'newest') this.#older = undefined;
  }
}
