import { ZERO_INDEX, ZERO_TERM, type Entry, type EntryId, type LogIndex } from '../../consensus/types.ts';
import { CHAIN_START, chainHashFrom, chainHashOf } from './chain-hash.ts';
import type { EntryPath } from './entry-pool.ts';
import type { LogPieces } from './log-pieces.ts';
import type { LogBase } from './log-rows.ts';
import type { Mark } from './node-store.ts';

export interface PlannedLog {
  readonly base: LogBase;
  /** From the base on, without a gap. */
  readonly entries: readonly Entry[];
  /** Whether they hold the entry that the mark names. */
  readonly reachesMark: boolean;
}

/** What is known beside the pieces of the log. */
export interface LogWitness {
  readonly mark: Mark;
  /** The last entry that the state contains; index 0 when the state is empty, or lost as well. */
  readonly applied: EntryId;
  /** How far the log is known to have been committed. */
  readonly commit: LogIndex;
}

/** A path with the index of the position before its first entry. */
interface Chain extends EntryPath {
  readonly start: LogIndex;
}

const NEW_LOG: LogBase = { epoch: 1, index: ZERO_INDEX, term: ZERO_TERM, hash: CHAIN_START };

/**
 * Which log can be made of the pieces of one. The mark names the hash of the last entry that was promised: all that
 * leads to it, and all that continues it, is what this log was. In the order of what is best:
 *
 * 1. The pieces lead back to where the log began: nothing is lost.
 * 2. They lead back to something that the state contains: the log begins there, as if it had been compacted. Nothing
 *    that counts is lost.
 * 3. They do not, and there is no state: the log begins where they do, and a state has to be fetched that reaches
 *    that far. Everything that was promised is there. Not where they begin beyond what is known to be committed: a log
 *    begins with what can never be replaced.
 * 4. There is a gap. What comes before it stays; what comes after it is used once others have filled it.
 */
export function planLog({ base, pool }: LogPieces, { mark, applied, commit }: LogWitness): PlannedLog {
  const promised = chainHashFrom(mark.hash);
  if (base !== undefined && mark.index <= base.index) {
    return { base, entries: pool.pathFrom(base.hash).entries, reachesMark: true };
  }
  const back = pool.pathTo(promised, base?.hash);
  const chain: Chain = {
    before: back.before,
    start: (mark.index - back.entries.length) as LogIndex,
    entries: [...back.entries, ...pool.pathFrom(promised).entries],
  };
  if (base !== undefined && chain.before === base.hash) return { base, entries: chain.entries, reachesMark: true };
  const { epoch } = base ?? NEW_LOG;
  const rebased = beginAtApplied(chain, { applied, mark, epoch });
  if (rebased !== undefined) return rebased;
  const isLost = applied.index === 0 && (base === undefined || base.index > 0);
  const first = chain.entries[0];
  if (isLost && first !== undefined && first.index <= commit) return beginAtFirst(chain, epoch);
  if (base === undefined) return { base: NEW_LOG, entries: [], reachesMark: false };
  return { base, entries: pool.pathFrom(base.hash).entries, reachesMark: false };
}

function beginAtApplied(
  chain: Chain,
  { applied, mark, epoch }: Pick<LogWitness, 'applied' | 'mark'> & { readonly epoch: number },
): PlannedLog | undefined {
  const { start, before, entries } = chain;
  const { index, term } = applied;
  if (index < start || index > start + entries.length) return undefined;
  if (index > start) return entries[index - start - 1]!.term === term ? beginAtFirst(chain, epoch) : undefined;
  // Without a single entry the position before the chain is that of the mark.
  if (entries.length === 0 && term !== mark.term) return undefined;
  return { base: { epoch, index, term, hash: before }, entries, reachesMark: true };
}

function beginAtFirst({ before, entries }: Chain, epoch: number): PlannedLog {
  const [first, ...rest] = entries;
  const { index, term } = first!;
  return { base: { epoch, index, term, hash: chainHashOf(before, first!) }, entries: rest, reachesMark: true };
}
