import { violation } from './invariants.ts';
import type { Raft } from './raft.ts';
import { NO_PEER, RaftRole, type LogIndex, type PeerId, type Term } from './types.ts';

/**
 * Compares a peer's state before and after every input with what Raft promises (Figure 3 of the
 * paper, as far as one peer can see it). That no committed entry is replaced, that a leader only
 * appends, and that a term has one leader is asserted where it happens: in the log, in `appendOwn`
 * and in `noteLeaderOfTerm`.
 */
export class InvariantWatch {
  readonly #raft: Raft;
  #term: Term;
  #vote: PeerId;
  #committed: LogIndex;
  #applied: LogIndex;

  constructor(raft: Raft) {
    this.#raft = raft;
    this.#term = raft.term;
    this.#vote = raft.vote;
    this.#committed = raft.log.committed;
    this.#applied = raft.log.applied;
    this.check();
  }

  /** To be called after every input. Throws `ConsensusError` `invariant`. */
  check(): void {
    this.#checkDurable();
    this.#checkLog();
    this.#checkRole();
    const { term, vote, log } = this.#raft;
    this.#term = term;
    this.#vote = vote;
    this.#committed = log.committed;
    this.#applied = log.applied;
  }

  #checkDurable(): void {
    const { term, vote } = this.#raft;
    if (term < this.#term) throw violation(`term fell from ${this.#term} to ${term}`);
    if (term === this.#term && this.#vote !== NO_PEER && vote !== this.#vote) {
      throw violation(`vote of term ${term} changed from ${this.#vote} to ${vote}`);
    }
  }

  #checkLog(): void {
    const { committed, applying, applied } = this.#raft.log;
    if (committed < this.#committed) throw violation(`commit fell from ${this.#committed} to ${committed}`);
    if (applied < this.#applied) throw violation(`applied fell from ${this.#applied} to ${applied}`);
    if (applied > applying || applying > committed) {
      throw violation(`not applied ${applied} ≤ applying ${applying} ≤ committed ${committed}`);
    }
    const last = this.#raft.log.lastIndex();
    if (committed > last) throw violation(`committed ${committed} but the log ends at ${last}`);
  }

  #checkRole(): void {
    const { role, id, leader, vote, term } = this.#raft;
    switch (role) {
      case RaftRole.leader:
        if (leader !== id) throw violation(`leads term ${term} but follows ${leader}`);
        return;
      case RaftRole.candidate:
        if (vote !== id) throw violation(`stands in term ${term} but voted for ${vote}`);
        return;
      case RaftRole.preCandidate:
        if (leader !== NO_PEER) throw violation(`stands against a leader it follows, ${leader}`);
        return;
      case RaftRole.follower:
        if (leader === id) throw violation(`follows itself in term ${term}`);
    }
  }
}
