import type { Entry, LogIndex } from '../../consensus/types.ts';
import type { LostEntries } from '../../node/ports.ts';
import { hashBytes, hashOfBytes } from './fast-hash.ts';
import { entryHash, type LogImage } from './log-image.ts';

/** What can still be read of a damaged log, by the chain of hashes before it. */
export class SavedEntries {
  readonly #byPrevious = new Map<number, { readonly entry: Entry; readonly hash: number }>();

  /** @param broken entries that cannot */
  add(image: LogImage, broken: readonly LogIndex[]): void {
    for (let index = image.firstIndex; index <= image.lastIndex; index = (index + 1) as LogIndex) {
      if (broken.includes(index)) continue;
      const [entry] = image.entries(index, (index + 1) as LogIndex, Number.POSITIVE_INFINITY);
      const previous = image.hash((index - 1) as LogIndex)!;
      this.#byPrevious.set(previous, { entry: entry as Entry, hash: image.hash(index)! });
    }
  }

  /** As nodes see them, on the way to the entry with the chained hash `goal`. */
  leadingTo(goal: number): LostEntries {
    return {
      hash: hashBytes(goal),
      chain: (before, entry) => hashBytes(entryHash(hashOfBytes(before), entry)),
      following: (hash) => this.#following(hashOfBytes(hash)),
    };
  }

  #following(hash: number): readonly Entry[] {
    const entries: Entry[] = [];
    for (let next = this.#byPrevious.get(hash); next !== undefined; next = this.#byPrevious.get(next.hash)) {
      entries.push(next.entry);
    }
    return entries;
  }
}
