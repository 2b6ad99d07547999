import type { LogIndex, PeerId, Term } from '../../consensus/types.ts';
import { isLineage } from './lineage.ts';
import type { Promises } from './promises.ts';
import type { Verdict } from './standing.ts';
import type { Life } from './witness.ts';

/** What nodes tell each other about their directories, as rows of numbers and texts inside a hello. */

export function lifeRow({ peer, boot, lineage, promises, isConfirmed, refusal }: Life): readonly unknown[] {
  const { since, starts } = lineage;
  return [peer, boot, since, starts, ...promisesRow(promises), isConfirmed, refusal];
}

/** Null for what is not such a row. */
export function readLife(row: unknown): Life | null {
  if (!Array.isArray(row)) return null;
  const [peer, boot, since, starts, term, vote, index, entryTerm, isConfirmed, refusal] = row as unknown[];
  const lineage = { since, starts };
  const promises = readPromises([term, vote, index, entryTerm]);
  if (!isCount(peer) || !isCount(boot) || promises === null || !isLineage(lineage)) return null;
  return {
    peer: peer as PeerId,
    boot: boot as number,
    lineage,
    promises,
    isConfirmed: isConfirmed === true,
    refusal: typeof refusal === 'string' ? refusal : null,
  };
}

export function verdictRow({ known, witness }: Verdict): readonly unknown[] {
  const { peer, boot, refused } = known;
  const view = [witness.peer, witness.isVoter, witness.otherVotesAlone, witness.appliedIndex];
  return [peer, boot, ...promisesRow(known.promises), refused?.boot ?? null, refused?.reason ?? null, ...view];
}

/** Null for what is not such a row: what cannot be read confirms nothing. */
export function readVerdict(row: unknown): Verdict | null {
  if (!Array.isArray(row)) return null;
  const [peer, boot, term, vote, index, entryTerm, refusedBoot, reason, ...view] = row as unknown[];
  const [witness, isVoter, otherVotesAlone, appliedIndex] = view;
  const promises = readPromises([term, vote, index, entryTerm]);
  if (!isCount(peer) || !isCount(boot) || promises === null) return null;
  if (!isCount(witness) || !isCount(appliedIndex)) return null;
  const refused = isCount(refusedBoot) && typeof reason === 'string' ? { boot: refusedBoot as number, reason } : null;
  return {
    known: { peer: peer as PeerId, boot: boot as number, promises, refused },
    witness: {
      peer: witness as PeerId,
      isVoter: isVoter === true,
      otherVotesAlone: otherVotesAlone === true,
      appliedIndex: appliedIndex as LogIndex,
    },
  };
}

function promisesRow({ term, vote, entry }: Promises): readonly number[] {
  return [term, vote, entry.index, entry.term];
}

function readPromises(row: readonly unknown[]): Promises | null {
  if (!row.every(isCount)) return null;
  const [term, vote, index, entryTerm] = row as number[];
  return {
    term: term as Term,
    vote: vote as PeerId,
    entry: { index: index as LogIndex, term: entryTerm as Term },
  };
}

const isCount = (value: unknown): boolean => Number.isSafeInteger(value) && (value as number) >= 0;
