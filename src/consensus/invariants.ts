import { ConsensusError } from './errors.ts';

/**
 * A broken promise of Raft. Callers write `if (broken) throw violation(...)`, so that a check costs
 * nothing but its condition and can stay on in production.
 */
export const violation = (what: string): ConsensusError => new ConsensusError('invariant', what);
