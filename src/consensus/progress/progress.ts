import { violation } from '../invariants.ts';
import type { ProgressState } from '../status.ts';
import { maxIndex, minIndex, plus, ZERO_INDEX, type LogIndex } from '../types.ts';
import { Inflights } from './inflights.ts';

export interface ProgressLimits {
  readonly inflightMessagesMax: number;
  readonly inflightBytesMax: number;
}

export interface NewProgress {
  readonly match: LogIndex;
  readonly next: LogIndex;
  readonly isLearner: boolean;
  readonly recentActive: boolean;
}

/**
 * What a leader knows about one peer's log, and how it talks to that peer:
 *
 * - `probe`: where the logs part is unknown; one append at a time, until one is accepted;
 * - `replicate`: appends are sent ahead of their acknowledgements, within the inflight window;
 * - `snapshot`: the peer needs entries that were compacted; nothing is sent until it has a snapshot.
 */
export class Progress {
  /** Highest index known to be the same in both logs. */
  match: LogIndex;
  /** Index of the next entry to send; those in `(match, next)` are under way. `match < next`. */
  next: LogIndex;
  /** Highest commit index sent. May fall when messages are presumed lost. */
  sentCommit: LogIndex = ZERO_INDEX;
  state: ProgressState = 'probe';
  /** In state `snapshot`: the index of the snapshot under way. */
  pendingSnapshot: LogIndex = ZERO_INDEX;
  /** Whether anything came from the peer since quorum was last checked. */
  recentActive: boolean;
  /** The same for the interval before that. */
  activeBefore = false;
  /** Set when no further append may be sent until the peer gives a sign of life. */
  appendsPaused = false;
  isLearner: boolean;
  readonly inflights: Inflights;

  constructor(initial: NewProgress, inflights: Inflights) {
    this.match = initial.match;
    this.next = initial.next;
    this.isLearner = initial.isLearner;
    this.recentActive = initial.recentActive;
    this.inflights = inflights;
  }

  static create(initial: NewProgress, limits: ProgressLimits): Progress {
    return new Progress(initial, new Inflights(limits.inflightMessagesMax, limits.inflightBytesMax));
  }

  /** A copy that shares the inflights: good for trying a change of `isLearner` that may be refused. */
  copy(): Progress {
    const copy = new Progress(this, this.inflights);
    copy.sentCommit = this.sentCommit;
    copy.state = this.state;
    copy.pendingSnapshot = this.pendingSnapshot;
    copy.appendsPaused = this.appendsPaused;
    copy.activeBefore = this.activeBefore;
    return copy;
  }

  /** A new term begins: whatever was known or under way no longer counts. */
  restart(next: LogIndex): void {
    this.#enter('probe');
    this.match = ZERO_INDEX;
    this.next = next;
    this.sentCommit = ZERO_INDEX;
    this.recentActive = false;
    this.activeBefore = false;
  }

  /** Quorum was checked: from now on it counts anew who gives a sign of life. */
  beginInterval(): void {
    this.activeBefore = this.recentActive;
    this.recentActive = false;
  }

  /** Whether anything came from the peer since the quorum check before the last one. */
  get activeLately(): boolean {
    return this.recentActive || this.activeBefore;
  }

  get paused(): boolean {
    return this.state === 'snapshot' || this.appendsPaused;
  }

  #enter(state: ProgressState): void {
    this.state = state;
    this.appendsPaused = false;
    this.pendingSnapshot = ZERO_INDEX;
    this.inflights.reset();
  }

  becomeProbe(): void {
    // Coming from a snapshot that was delivered, the probe starts behind it.
    const { pendingSnapshot } = this;
    this.#enter('probe');
    this.next = maxIndex(plus(this.match, 1), plus(pendingSnapshot, 1));
    this.sentCommit = minIndex(this.sentCommit, plus(this.next, -1));
  }

  becomeReplicate(): void {
    this.#enter('replicate');
    this.next = plus(this.match, 1);
  }

  becomeSnapshot(index: LogIndex): void {
    this.#enter('snapshot');
    this.pendingSnapshot = index;
    // The snapshot may be older than what the peer acknowledged, when the log was compacted beyond both.
    this.next = plus(maxIndex(index, this.match), 1);
    this.sentCommit = index;
  }

  /** An append with `count` entries from `next` on was sent. */
  sentEntries(count: number, bytes: number): void {
    switch (this.state) {
      case 'replicate':
        if (count > 0) {
          this.next = plus(this.next, count);
          this.inflights.add(plus(this.next, -1), bytes);
        }
        this.appendsPaused = this.inflights.full;
        return;
      case 'probe':
        if (count > 0) this.appendsPaused = true;
        return;
      case 'snapshot':
        throw violation('an append was sent to a peer that waits for a snapshot');
    }
  }

  /** Whether sending `commit` can move the peer's commit index, as far as its log reaches. */
  canRaiseCommit(commit: LogIndex): boolean {
    return commit > this.sentCommit && this.sentCommit < this.next - 1;
  }

  /** The peer acknowledged `index`. Returns whether that is news. */
  maybeUpdate(index: LogIndex): boolean {
    if (index <= this.match) return false;
    this.match = index;
    this.next = maxIndex(this.next, plus(index, 1));
    this.appendsPaused = false;
    return true;
  }

  /**
   * The peer rejected an append after `rejected` and hints that `matchHint` may match. Returns
   * whether to send again; a rejection that cannot be meant for the last append changes nothing.
   */
  maybeDecrease(rejected: LogIndex, matchHint: LogIndex): boolean {
    if (this.state === 'replicate') {
      if (rejected <= this.match) return false;
      this.next = plus(this.match, 1);
    } else {
      if (rejected !== this.next - 1) return false;
      this.next = maxIndex(minIndex(rejected, plus(matchHint, 1)), plus(this.match, 1));
      this.appendsPaused = false;
    }
    this.sentCommit = minIndex(this.sentCommit, plus(this.next, -1));
    return true;
  }
}
