import type { CampaignRefusal } from './events.ts';
import type { ConfState, HardState, LogIndex, PeerId, RaftRole } from './types.ts';

export interface BasicStatus {
  readonly id: PeerId;
  readonly hardState: HardState;
  readonly leader: PeerId;
  readonly role: RaftRole;
  readonly applied: LogIndex;
  readonly firstIndex: LogIndex;
  readonly lastIndex: LogIndex;
  /** The peer leadership is being handed to, or `NO_PEER`. */
  readonly transferee: PeerId;
  readonly isLearner: boolean;
  /** It lacks entries that it has acknowledged, or its state, and waits for others to bring them. */
  readonly isRepairing: boolean;
}

export type ProgressState = 'probe' | 'replicate' | 'snapshot';

/** What the leader knows about one peer. */
export interface PeerProgress {
  readonly id: PeerId;
  readonly match: LogIndex;
  readonly next: LogIndex;
  readonly state: ProgressState;
  readonly paused: boolean;
  /** Index of the snapshot under way, 0 when there is none. */
  readonly pendingSnapshot: LogIndex;
  /** Whether anything came from the peer since quorum was last checked: false for a while after every check. */
  readonly recentActive: boolean;
  /** Whether anything came since the check before that: false for nobody who answers. */
  readonly activeLately: boolean;
  readonly inflightMessages: number;
  readonly inflightBytes: number;
  readonly inflightsFull: boolean;
  readonly isLearner: boolean;
}

export interface Status extends BasicStatus {
  readonly confState: ConfState;
  /** Sorted by peer id; empty unless this peer leads. */
  readonly progress: readonly PeerProgress[];
}

/** Why this peer knows no leader. */
export type NoLeaderReason =
  | { readonly kind: 'not-a-member' }
  | { readonly kind: 'learner' }
  /** It waits for its election timeout; `ticksLeft` ticks remain. */
  | { readonly kind: 'waiting-for-timeout'; readonly ticksLeft: number }
  | { readonly kind: 'campaign-refused'; readonly reason: CampaignRefusal }
  /** It stands for election and lacks votes. */
  | {
      readonly kind: 'votes-missing';
      readonly granted: readonly PeerId[];
      readonly refused: readonly PeerId[];
      readonly silent: readonly PeerId[];
    };

/** Why the commit index does not move. */
export type NotCommittingReason =
  | { readonly kind: 'no-leader' }
  /** Another peer leads: ask it. */
  | { readonly kind: 'not-leader'; readonly leader: PeerId }
  /** The entry of this term that would commit the older ones is not on a majority yet. */
  | { readonly kind: 'no-entry-of-this-term-committed'; readonly lagging: readonly LaggingPeer[] }
  | { readonly kind: 'majority-behind'; readonly lagging: readonly LaggingPeer[] }
  // All that was proposed is committed, but nothing more can be proposed:
  /** This leader was removed, and leads on until somebody else is elected. */
  | { readonly kind: 'leader-not-a-member' }
  | { readonly kind: 'transfer-in-progress'; readonly to: PeerId }
  /** The state machine is behind by all that may be uncommitted (`maxUncommittedBytes`). */
  | { readonly kind: 'state-machine-behind'; readonly bytes: number };

/**
 * A voter whose acknowledgement is missing, and what the leader is waiting for: `contact` when it has been silent
 * for longer than an election timeout, `snapshot` while one is being made for it or is under way.
 */
export interface LaggingPeer {
  readonly id: PeerId;
  readonly match: LogIndex;
  readonly waitingFor: 'own-disk' | 'probe-answer' | 'snapshot' | 'inflight-window' | 'acknowledgement' | 'contact';
}

/** Answers to the two questions an operator has, from this peer's own state alone. */
export interface Explanation {
  /** `undefined` when a leader is known. */
  readonly noLeader: NoLeaderReason | undefined;
  /** `undefined` when all that is in this leader's log is committed, and it takes proposals. */
  readonly notCommitting: NotCommittingReason | undefined;
  /** Committed but not yet applied entries. */
  readonly unapplied: number;
}
