import type { MessageType } from './message.ts';
import type { ConfChange, ConfState, LogIndex, PeerId, RaftRole, Term } from './types.ts';

/** Noteworthy things the core does, in the order it does them. */
export type RaftEvent =
  | {
      readonly kind: 'role-changed';
      readonly role: RaftRole;
      readonly term: Term;
      readonly leader: PeerId;
    }
  | { readonly kind: 'campaign-started'; readonly term: Term; readonly campaign: CampaignKind }
  | { readonly kind: 'campaign-refused'; readonly term: Term; readonly reason: CampaignRefusal }
  | {
      readonly kind: 'vote-cast';
      readonly type: MessageType;
      readonly candidate: PeerId;
      readonly term: Term;
    }
  | {
      readonly kind: 'vote-refused';
      readonly type: MessageType;
      readonly candidate: PeerId;
      readonly term: Term;
      readonly reason: 'leader-alive' | 'log-behind' | 'already-voted' | 'stale-term' | 'better-placed';
    }
  | { readonly kind: 'config-switched'; readonly confState: ConfState }
  | {
      readonly kind: 'conf-change-refused';
      readonly change: ConfChange;
      readonly reason: ConfChangeRefusal;
    }
  | { readonly kind: 'quorum-lost'; readonly term: Term }
  | {
      readonly kind: 'log-conflict';
      readonly index: LogIndex;
      readonly existing: Term;
      readonly received: Term;
    }
  | {
      readonly kind: 'append-rejected';
      readonly from: PeerId;
      readonly index: LogIndex;
      readonly hint: LogIndex;
    }
  | {
      readonly kind: 'snapshot-sent';
      readonly to: PeerId;
      readonly index: LogIndex;
      readonly term: Term;
    }
  | { readonly kind: 'snapshot-restored'; readonly index: LogIndex; readonly term: Term }
  | { readonly kind: 'snapshot-ignored'; readonly index: LogIndex; readonly term: Term }
  | { readonly kind: 'snapshot-failed'; readonly to: PeerId }
  | { readonly kind: 'transfer-started'; readonly to: PeerId }
  | { readonly kind: 'transfer-aborted'; readonly to: PeerId }
  /** Entries that this peer once had, up to `index`, are back. */
  | { readonly kind: 'entries-restored'; readonly term: Term; readonly index: LogIndex }
  | { readonly kind: 'state-restored'; readonly term: Term; readonly index: LogIndex }
  | { readonly kind: 'repaired'; readonly term: Term; readonly index: LogIndex }
  | { readonly kind: 'peer-restarted'; readonly peer: PeerId }
  /** A linearizable read for which nobody had to be asked. */
  | { readonly kind: 'read-from-lease'; readonly index: LogIndex }
  | { readonly kind: 'leader-forgotten'; readonly leader: PeerId; readonly term: Term }
  | { readonly kind: 'hint-taken'; readonly leader: PeerId; readonly term: Term }
  | { readonly kind: 'hint-cancelled'; readonly leader: PeerId; readonly term: Term }
  | {
      readonly kind: 'message-ignored';
      readonly type: MessageType;
      readonly from: PeerId;
      readonly term: Term;
      readonly reason: 'stale-term' | 'malformed' | 'no-leader' | 'too-many-reads';
    };

export type CampaignKind = 'pre-election' | 'election' | 'transfer';

export type CampaignRefusal =
  /** Not a voter of the membership, or a snapshot is being installed. */
  | 'not-promotable'
  /** The log lacks entries that this peer has acknowledged. */
  | 'repairing'
  /** The state is lost, so this peer does not know who may vote. */
  | 'lacks-state'
  /** A committed membership change waits to be applied. */
  | 'unapplied-conf-change';

export type ConfChangeRefusal =
  /** An earlier change may not have been applied yet. */
  | 'change-pending'
  /** A joint configuration has to be left first. */
  | 'already-joint'
  /** There is no joint configuration to leave. */
  | 'not-joint'
  /** It does not fit the current membership, for example because no voter would remain. */
  | 'not-applicable';
