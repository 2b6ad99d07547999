import type { RestoredEntries } from '../../consensus/repairing.ts';
import { minIndex, type Entry, type Term } from '../../consensus/types.ts';
import type { LogStore, LostEntries } from '../ports.ts';
import type { RaftSettings } from './raft-settings.ts';
import type { ChainPoint, RepairRequest } from './repair-frames.ts';

export interface EntryRestorerEnv {
  readonly log: LogStore;
  readonly settings: Pick<RaftSettings, 'restoreBytesMax'>;
  /** Gives the entries to the core; returns whether it took them. */
  readonly restore: (restored: RestoredEntries) => boolean;
}

/**
 * Puts together what a damaged log has lost, from what was saved of it and from what other nodes still have. Nothing of
 * it is used before the chain of hashes leads, entry by entry, from the end of this log to the last entry that this node
 * ever acknowledged: then it is what was there before, whoever brought it.
 */
export class EntryRestorer {
  readonly #env: EntryRestorerEnv;
  /** The end of the log when this path was begun. */
  #origin: (ChainPoint & { readonly term: Term }) | undefined;
  #path: Entry[] = [];
  #tip: ChainPoint | undefined;
  #bytes = 0;
  /** Whether entries that were saved, but do not lead to the goal by themselves, are tried. */
  #trusts = true;
  /** All entries are there, but it is not known that as much is committed as there once was. */
  waitsForLeader = false;

  constructor(env: EntryRestorerEnv) {
    this.#env = env;
  }

  /** What to ask the others for; undefined when nothing is missing that they could bring. */
  wanted(): RepairRequest | undefined {
    const { log } = this.#env;
    const { repair, lost } = log;
    if (repair === undefined || lost === undefined) {
      this.waitsForLeader = false;
      this.#forget();
      return undefined;
    }
    if (!this.#isCurrent()) this.#begin(lost);
    const goal: ChainPoint = { index: repair.entry.index, hash: lost.hash };
    const tip = this.#tip!;
    this.waitsForLeader = tip.index >= goal.index && this.#path.length === 0;
    if (tip.index >= goal.index) this.#finish();
    if (tip.index >= goal.index || this.isTooMuch) return undefined;
    return { kind: 'entries', after: tip, goal };
  }

  get isTooMuch(): boolean {
    return this.#bytes > this.#env.settings.restoreBytesMax;
  }

  /** Takes what another node has sent after `after`. Returns whether it was of any use. */
  take(after: ChainPoint, entries: readonly Entry[]): boolean {
    const { lost, repair } = this.#env.log;
    if (lost === undefined || repair === undefined || !this.#isCurrent() || !samePoint(after, this.#tip!)) return false;
    if (!this.#extend(entries.filter(({ index }) => index <= repair.entry.index))) return false;
    this.#extend(this.#saved(lost));
    return true;
  }

  #forget(): void {
    this.#origin = undefined;
    this.#path = [];
    this.#bytes = 0;
  }

  /** The log has not gone on meanwhile. */
  #isCurrent(): boolean {
    const { log } = this.#env;
    const origin = this.#origin;
    return origin?.index === log.lastIndex() && samePoint(origin, endOf(log));
  }

  #begin(lost: LostEntries): void {
    const { log } = this.#env;
    this.#forget();
    this.#origin = endOf(log);
    this.#tip = this.#origin;
    this.#extend(this.#saved(lost));
  }

  #saved(lost: LostEntries): readonly Entry[] {
    const saved = lost.following(this.#tip!.hash);
    return this.#trusts || this.#leadsToGoal(saved) ? saved : [];
  }

  #leadsToGoal(entries: readonly Entry[]): boolean {
    const { repair, lost } = this.#env.log;
    let hash = this.#tip!.hash;
    for (const entry of entries) {
      hash = lost!.chain(hash, entry);
      if (entry.index === repair!.entry.index) return sameBytes(hash, lost!.hash);
    }
    return false;
  }

  /** False, and begun anew, where the goal would not be reached this way. */
  #extend(entries: readonly Entry[]): boolean {
    const { repair, lost } = this.#env.log;
    let tip = this.#tip!;
    for (const entry of entries) {
      if (entry.index !== tip.index + 1) return false;
      tip = { index: entry.index, hash: lost!.chain(tip.hash, entry) };
      if (tip.index === repair!.entry.index && !sameBytes(tip.hash, lost!.hash)) {
        this.#trusts = !this.#trusts;
        this.#forget();
        return false;
      }
      this.#path.push(entry);
      this.#bytes += entry.data.length;
    }
    this.#tip = tip;
    return true;
  }

  #finish(): void {
    const { repair } = this.#env.log;
    if (this.#origin === undefined || repair === undefined || this.#path.length === 0) return;
    const { index, term } = this.#origin;
    // Beyond the last entry that was promised, others may have been committed than those that were saved.
    const commit = minIndex(repair.commit, repair.entry.index);
    this.#env.restore({ previous: { index, term }, entries: this.#path, commit });
  }
}

function endOf(log: LogStore): ChainPoint & { readonly term: Term } {
  const index = log.lastIndex();
  return { index, hash: log.chainHash(index), term: log.term(index) as Term };
}

const sameBytes = (a: Uint8Array, b: Uint8Array): boolean => Buffer.from(a).equals(b);
const samePoint = (a: ChainPoint, b: ChainPoint): boolean => a.index === b.index && sameBytes(a.hash, b.hash);
