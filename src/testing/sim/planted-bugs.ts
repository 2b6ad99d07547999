import { RaftLog } from '../../consensus/log/raft-log.ts';
import type { LogIndex, Term } from '../../consensus/types.ts';
import type { Mutant } from './options.ts';

type Method = 'maybeCommit' | 'isUpToDate';

/** Puts `replacement` in the place of a method of all logs of this process. Returns the function that takes it back. */
function replaceMethod<M extends Method>(name: M, replacement: (original: RaftLog[M]) => RaftLog[M]): () => void {
  const { prototype } = RaftLog;
  const original: RaftLog[M] = prototype[name];
  prototype[name] = replacement(original);
  return () => {
    prototype[name] = original;
  };
}

/** Those of the bugs that sit inside the core; the others are switches of the simulated disk and state machine. */
const PLANT: { readonly [M in Mutant]?: () => () => void } = {
  // Figure 8 of the paper: an older entry on a majority may still be replaced.
  'commit-prior-term-by-counting': () =>
    replaceMethod('maybeCommit', (original) => {
      return function (this: RaftLog, index: LogIndex, currentTerm: Term): boolean {
        return original.call(this, index, index <= this.lastIndex() ? this.termOrZero(index) : currentTerm);
      };
    }),
  // Section 5.4.1: without it, a peer that lacks committed entries can win.
  'log-up-to-date-check-missing': () => replaceMethod('isUpToDate', () => () => true),
};

/** Plants a bug in the core of this process. Returns the function that removes it. */
export function plant(mutant: Mutant | undefined): () => void {
  const put = mutant === undefined ? undefined : PLANT[mutant];
  return put === undefined ? () => {} : put();
}
