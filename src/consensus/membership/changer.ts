import { ConsensusError } from '../errors.ts';
import { Progress, type ProgressLimits } from '../progress/progress.ts';
import type { ProgressMap } from '../progress/progress-tracker.ts';
import {
  ConfChangeKind,
  NO_PEER,
  ZERO_INDEX,
  type ConfChange,
  type ConfChangeStep,
  type ConfState,
  type LogIndex,
  type PeerId,
} from '../types.ts';
import { routeOf, stepsOf } from './conf-change.ts';
import { checkMembership } from './membership-invariants.ts';

/** A configuration together with the progress of its members. */
export interface Membership {
  readonly confState: ConfState;
  readonly progress: ProgressMap;
}

export interface ChangerOptions {
  readonly current: Membership;
  /** Where probing a new member begins. */
  readonly lastIndex: LogIndex;
  readonly limits: ProgressLimits;
}

const refused = (why: string): ConsensusError => new ConsensusError('invalid-conf-change', why);

const sorted = (ids: ReadonlySet<PeerId>): PeerId[] => [...ids].toSorted((a, b) => a - b);

/** How many voters `a` and `b` do not share. */
const difference = (a: ReadonlySet<PeerId>, b: ReadonlySet<PeerId>): number =>
  [...a].filter((id) => !b.has(id)).length + [...b].filter((id) => !a.has(id)).length;

/**
 * Derives the next membership from the current one. Works on copies: a change that is refused, with
 * `ConsensusError` `invalid-conf-change`, leaves nothing behind.
 */
export class Changer {
  readonly #lastIndex: LogIndex;
  readonly #limits: ProgressLimits;
  readonly #voters: Set<PeerId>;
  readonly #outgoing: Set<PeerId>;
  readonly #learners: Set<PeerId>;
  readonly #learnersNext: Set<PeerId>;
  readonly #progress = new Map<PeerId, Progress>();
  #autoLeave: boolean;

  constructor({ current, lastIndex, limits }: ChangerOptions) {
    checkMembership(current.confState, current.progress);
    this.#lastIndex = lastIndex;
    this.#limits = limits;
    this.#voters = new Set(current.confState.voters);
    this.#outgoing = new Set(current.confState.votersOutgoing);
    this.#learners = new Set(current.confState.learners);
    this.#learnersNext = new Set(current.confState.learnersNext);
    this.#autoLeave = current.confState.autoLeave;
    for (const [id, progress] of current.progress) this.#progress.set(id, progress.copy());
  }

  /** Carries out `change` by whichever of the three ways it asks for. */
  apply(change: ConfChange): Membership {
    const route = routeOf(change);
    if (route.kind === 'leave-joint') return this.leaveJoint();
    if (route.kind === 'enter-joint') return this.enterJoint(route.autoLeave, stepsOf(change));
    return this.simple(stepsOf(change));
  }

  /** Changes at most one voter, and any number of learners. Any two majorities then still overlap. */
  simple(steps: readonly ConfChangeStep[]): Membership {
    if (this.#outgoing.size > 0) throw refused("can't apply simple config change in joint config");
    const before = new Set(this.#voters);
    this.#applySteps(steps);
    if (difference(before, this.#voters) > 1) {
      throw refused('more than one voter changed without entering joint config');
    }
    return this.#result();
  }

  /** From `C_old` to `C_old,new`: the present voters become the outgoing ones. */
  enterJoint(autoLeave: boolean, steps: readonly ConfChangeStep[]): Membership {
    if (this.#outgoing.size > 0) throw refused('config is already joint');
    if (this.#voters.size === 0) throw refused("can't make a zero-voter config joint");
    for (const id of this.#voters) this.#outgoing.add(id);
    this.#applySteps(steps);
    this.#autoLeave = autoLeave;
    return this.#result();
  }

  /** From `C_old,new` to `C_new`: outgoing voters go, or become the learners they are staged to be. */
  leaveJoint(): Membership {
    if (this.#outgoing.size === 0) throw refused("can't leave a non-joint config");
    for (const id of this.#learnersNext) {
      this.#learners.add(id);
      this.#progressOf(id).isLearner = true;
    }
    this.#learnersNext.clear();
    for (const id of this.#outgoing) {
      if (!this.#voters.has(id) && !this.#learners.has(id)) this.#progress.delete(id);
    }
    this.#outgoing.clear();
    this.#autoLeave = false;
    return this.#result();
  }

  #applySteps(steps: readonly ConfChangeStep[]): void {
    for (const { kind, peer } of steps) {
      if (peer === NO_PEER) continue;
      if (kind === ConfChangeKind.addVoter) this.#makeVoter(peer);
      else if (kind === ConfChangeKind.addLearner) this.#makeLearner(peer);
      else if (kind === ConfChangeKind.remove) this.#remove(peer);
    }
    if (this.#voters.size === 0) throw refused('removed all voters');
  }

  #makeVoter(id: PeerId): void {
    this.#learners.delete(id);
    this.#learnersNext.delete(id);
    this.#voters.add(id);
    const progress = this.#progress.get(id);
    if (progress === undefined) this.#begin(id, false);
    else progress.isLearner = false;
  }

  #makeLearner(id: PeerId): void {
    const progress = this.#progress.get(id);
    if (progress === undefined) {
      this.#learners.add(id);
      this.#begin(id, true);
      return;
    }
    if (progress.isLearner) return;
    this.#remove(id);
    this.#progress.set(id, progress);
    // A peer is never voter and learner at once: an outgoing voter waits until the joint
    // configuration is left.
    if (this.#outgoing.has(id)) {
      this.#learnersNext.add(id);
    } else {
      progress.isLearner = true;
      this.#learners.add(id);
    }
  }

  #remove(id: PeerId): void {
    if (!this.#progress.has(id)) return;
    this.#voters.delete(id);
    this.#learners.delete(id);
    this.#learnersNext.delete(id);
    if (!this.#outgoing.has(id)) this.#progress.delete(id);
  }

  /**
   * A new member counts as recently active: it must not cost the leader its quorum before it had a
   * chance to speak.
   */
  #begin(id: PeerId, isLearner: boolean): void {
    const next = Math.max(this.#lastIndex, 1) as LogIndex;
    this.#progress.set(id, Progress.create({ match: ZERO_INDEX, next, isLearner, recentActive: true }, this.#limits));
  }

  #progressOf(id: PeerId): Progress {
    const progress = this.#progress.get(id);
    if (progress === undefined) throw refused(`no progress for ${id}`);
    return progress;
  }

  #result(): Membership {
    const confState: ConfState = {
      voters: sorted(this.#voters),
      learners: sorted(this.#learners),
      votersOutgoing: sorted(this.#outgoing),
      learnersNext: sorted(this.#learnersNext),
      autoLeave: this.#autoLeave && this.#outgoing.size > 0,
    };
    checkMembership(confState, this.#progress);
    return { confState, progress: this.#progress };
  }
}
