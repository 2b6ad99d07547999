/** Every so many entries a hash is kept; the same ones on every node. */
const EVERY = 32;
const KEPT_MAX = 64;

export interface StateHash {
  readonly index: number;
  /** Hex. */
  readonly hash: string;
}

/** The latest state hashes of this node, at indices that all nodes pick alike, so that busy nodes can be compared. */
export class StateHashes {
  readonly #now: () => StateHash;
  #kept: StateHash[] = [];

  constructor(now: () => StateHash) {
    this.#now = now;
  }

  /** To be called right after the entry at `index` was applied. */
  applied(index: number): void {
    if (index % EVERY !== 0) return;
    this.#kept.push(this.#now());
    if (this.#kept.length > KEPT_MAX) this.#kept = this.#kept.slice(-KEPT_MAX);
  }

  /** Ascending; the last one is as of now. */
  list(): readonly StateHash[] {
    const now = this.#now();
    return [...this.#kept.filter(({ index }) => index < now.index), now];
  }
}
