import { ELECTION_MUTANTS } from './election-mutants.ts';
import { LOG_MUTANTS } from './log-mutants.ts';
import { MEMBERSHIP_MUTANTS } from './membership-mutants.ts';
import type { Mutant } from './mutant.ts';
import { READ_MUTANTS } from './read-mutants.ts';
import { REPAIR_MUTANTS } from './repair-mutants.ts';
import { SNAPSHOT_MUTANTS } from './snapshot-mutants.ts';
import { STATE_MUTANTS } from './state-mutants.ts';

/** Every bug that can be planted. */
export const MUTANTS: readonly Mutant[] = [
  ...ELECTION_MUTANTS,
  ...LOG_MUTANTS,
  ...MEMBERSHIP_MUTANTS,
  ...READ_MUTANTS,
  ...REPAIR_MUTANTS,
  ...SNAPSHOT_MUTANTS,
  ...STATE_MUTANTS,
];

/** @throws Error when there is none of that name */
export function findMutant(name: string): Mutant {
  const mutant = MUTANTS.find((other) => other.name === name);
  if (mutant === undefined) throw new Error(`There is no mutant ${name}: see \`npm run mutants -- --list\`.`);
  return mutant;
}
