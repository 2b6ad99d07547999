import { violation } from '../invariants.ts';
import { isJoint, isVoter, jointCommittedIndex, jointVoteResult } from '../quorum/joint.ts';
import type { VoteResult } from '../quorum/vote-result.ts';
import { EMPTY_CONF_STATE, type ConfState, type LogIndex, type PeerId } from '../types.ts';
import type { Progress, ProgressLimits } from './progress.ts';

export type ProgressMap = ReadonlyMap<PeerId, Progress>;

/** The active membership, what is known of each member, and the votes of the current election. */
export class ProgressTracker {
  readonly limits: ProgressLimits;
  #confState: ConfState = EMPTY_CONF_STATE;
  #progress: ProgressMap = new Map();
  /** All members, sorted: the order in which they are told things. */
  #members: readonly PeerId[] = [];
  readonly #votes = new Map<PeerId, boolean>();
  readonly #acked = (id: PeerId): LogIndex | undefined => this.#progress.get(id)?.match;

  constructor(limits: ProgressLimits) {
    this.limits = limits;
  }

  get confState(): ConfState {
    return this.#confState;
  }

  get progressMap(): ProgressMap {
    return this.#progress;
  }

  get members(): readonly PeerId[] {
    return this.#members;
  }

  get votes(): ReadonlyMap<PeerId, boolean> {
    return this.#votes;
  }

  switchTo(confState: ConfState, progress: ProgressMap): void {
    this.#confState = confState;
    this.#progress = progress;
    this.#members = [...progress.keys()].toSorted((a, b) => a - b);
  }

  get(id: PeerId): Progress | undefined {
    return this.#progress.get(id);
  }

  /** The progress of a peer that is known to be a member. */
  member(id: PeerId): Progress {
    const progress = this.#progress.get(id);
    if (progress === undefined) throw violation(`${id} is not a member`);
    return progress;
  }

  isVoter(id: PeerId): boolean {
    return isVoter(this.#confState, id);
  }

  /** Whether this membership has one voter only, who then decides alone. */
  get isSingleton(): boolean {
    return this.#confState.voters.length === 1 && !isJoint(this.#confState);
  }

  /** The highest index that the voters have acknowledged. */
  committed(): LogIndex {
    return jointCommittedIndex(this.#confState, this.#acked);
  }

  /** Whether a quorum gave a sign of life since it was last checked. */
  quorumActive(): boolean {
    const active = new Map<PeerId, boolean>();
    for (const [id, progress] of this.#progress) active.set(id, progress.recentActive);
    return jointVoteResult(this.#confState, active) === 'won';
  }

  resetVotes(): void {
    this.#votes.clear();
  }

  /** Only the first vote of a peer counts. */
  recordVote(id: PeerId, granted: boolean): void {
    if (!this.#votes.has(id)) this.#votes.set(id, granted);
  }

  voteResult(): VoteResult {
    return jointVoteResult(this.#confState, this.#votes);
  }
}
