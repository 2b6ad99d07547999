import { reaches } from '../../consensus/repair.ts';
import { NO_PEER, ZERO_INDEX, ZERO_TERM, type EntryId, type PeerId, type Term } from '../../consensus/types.ts';

/** What a peer has promised: its term, its vote in that term, and the last entry that it acknowledged. */
export interface Promises {
  readonly term: Term;
  readonly vote: PeerId;
  readonly entry: EntryId;
}

const NO_ENTRY: EntryId = { index: ZERO_INDEX, term: ZERO_TERM };

export const NO_PROMISES: Promises = { term: ZERO_TERM, vote: NO_PEER, entry: NO_ENTRY };

/**
 * What can be relied on later of all that a peer says it has on disk. The end of its log may still be replaced by the
 * leader of its term, unless an entry of that leader stands there: within one term a log then only grows.
 */
export function lastingPart(said: Promises): Promises {
  return said.entry.term === said.term ? said : { ...said, entry: NO_ENTRY };
}

/** Both of two things known about one peer; the first itself when the second adds nothing. */
export function joined(known: Promises, more: Promises): Promises {
  if (more.term !== known.term) return more.term > known.term ? more : known;
  const vote = known.vote === NO_PEER ? more.vote : known.vote;
  const entry = reaches(known.entry, more.entry) ? known.entry : more.entry;
  return vote === known.vote && entry === known.entry ? known : { term: known.term, vote, entry };
}

/**
 * What a restarted peer has forgotten; undefined when nothing that is known. A later term says that everything of the
 * earlier ones is there, too: terms on a disk only grow.
 * @param said all that it has on disk
 */
export function forgotten(said: Promises, known: Promises): string | undefined {
  if (said.term > known.term) return undefined;
  if (said.term < known.term) return `made in term ${said.term}, before it entered term ${known.term}`;
  if (known.vote !== NO_PEER && said.vote !== known.vote) {
    return `made before it voted in term ${known.term}`;
  }
  if (reaches(said.entry, known.entry)) return undefined;
  return `made when its log ended at entry ${said.entry.index}, before it acknowledged entry ${known.entry.index}`;
}
