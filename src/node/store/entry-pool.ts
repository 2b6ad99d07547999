import type { Entry, LogIndex } from '../../consensus/types.ts';
import type { ChainHash } from './chain-hash.ts';
import type { LogRecord } from './log-record.ts';

interface PooledEntry {
  readonly entry: Entry;
  /** Chain hash of the entry before it. */
  readonly before: ChainHash;
  readonly hash: ChainHash;
}

/** Entries that follow each other, and the chain hash that the first of them continues. */
export interface EntryPath {
  readonly before: ChainHash;
  readonly entries: readonly Entry[];
}

/**
 * Entries of a log that fell to pieces, in no order. Some may be long replaced ones: which of them belong together,
 * their hashes tell. Whatever leads, link by link, to a hash that is known to be of a log is part of that log.
 */
export class EntryPool {
  readonly #byHash = new Map<ChainHash, PooledEntry>();
  readonly #byBefore = new Map<ChainHash, PooledEntry[]>();

  get size(): number {
    return this.#byHash.size;
  }

  /** Takes in a record, whose own hashes were verified. */
  add({ before, entries, hashes }: LogRecord): void {
    for (const [at, entry] of entries.entries()) {
      const hash = hashes[at]!;
      if (this.#byHash.has(hash)) continue;
      const pooled: PooledEntry = { entry, before: at === 0 ? before : hashes[at - 1]!, hash };
      this.#byHash.set(hash, pooled);
      const siblings = this.#byBefore.get(pooled.before);
      if (siblings === undefined) this.#byBefore.set(pooled.before, [pooled]);
      else siblings.push(pooled);
    }
  }

  /** All that leads up to the entry with this hash, as far back as there is anything, or up to `stop`. */
  pathTo(hash: ChainHash, stop?: ChainHash): EntryPath {
    const entries: Entry[] = [];
    let before = hash;
    while (before !== stop) {
      const pooled = this.#byHash.get(before);
      if (pooled === undefined) break;
      entries.push(pooled.entry);
      ({ before } = pooled);
    }
    return { before, entries: entries.reverse() };
  }

  /**
   * What follows the entry with this hash, as far as there is anything. Where a leader has replaced entries by others,
   * the newer ones are taken: they have the greater term.
   */
  pathFrom(hash: ChainHash): EntryPath {
    const entries: Entry[] = [];
    let last = hash;
    for (;;) {
      const next = this.#byBefore.get(last)?.reduce((a, b) => (b.entry.term > a.entry.term ? b : a));
      if (next === undefined) return { before: hash, entries };
      entries.push(next.entry);
      last = next.hash;
    }
  }

  /** The index of the entry with this hash. */
  indexOf(hash: ChainHash): LogIndex | undefined {
    return this.#byHash.get(hash)?.entry.index;
  }
}
