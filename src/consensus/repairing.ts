import type { Raft } from './raft.ts';
import { reaches } from './repair.ts';
import type { EntryId } from './types.ts';

/** Whether this peer's promises allow it to vote for a candidate whose log ends with `last`. */
export const keepsPromise = ({ repair }: Raft, last: EntryId): boolean =>
  repair === undefined || reaches(last, repair.entry);

/** Ends the repair once the log on disk has come that far: this peer is then like any other. */
export const endRepairIfDone = (raft: Raft): void => {
  const { repair, log } = raft;
  if (repair === undefined || log.committed < repair.commit) return;
  const stored = log.lastStoredId();
  if (stored === undefined || !reaches(stored, repair.entry)) return;
  raft.repair = undefined;
  raft.config.onEvent({ kind: 'repaired', term: raft.term, index: log.lastIndex() });
};
