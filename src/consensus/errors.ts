/**
 * - `invalid-config`: the configuration contradicts itself.
 * - `invariant`: the core, its storage or its driver broke a promise of Raft. Going on could lose
 *   acknowledged entries, so the process must end.
 * - `invalid-conf-change`: a membership change that cannot follow the current membership.
 */
export type ConsensusErrorCode = 'invalid-config' | 'invariant' | 'invalid-conf-change';

export class ConsensusError extends Error {
  readonly code: ConsensusErrorCode;

  constructor(code: ConsensusErrorCode, message: string) {
    super(message);
    this.name = 'ConsensusError';
    this.code = code;
  }
}
