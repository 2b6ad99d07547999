import type { ConfChangeRefusal } from './events.ts';
import type { LogIndex, PeerId, Term } from './types.ts';

/** What became of a proposal. Appended is not committed: watch the committed entries for (index, term). */
export type ProposeOutcome =
  | { readonly kind: 'appended'; readonly index: LogIndex; readonly term: Term }
  /** Sent to the leader, which may still drop it. */
  | { readonly kind: 'forwarded'; readonly leader: PeerId }
  | { readonly kind: 'dropped'; readonly reason: DropReason }
  /** A membership change that cannot follow now; an empty entry took its place in the log. */
  | {
      readonly kind: 'refused';
      readonly reason: ConfChangeRefusal;
      readonly index: LogIndex;
      readonly term: Term;
    };

export type DropReason =
  | 'no-leader'
  | 'forwarding-disabled'
  /** This leader was removed from the membership. */
  | 'not-a-member'
  /** Leadership is being handed over. */
  | 'transfer-in-progress'
  /** `maxUncommittedBytes` is reached: back-pressure. */
  | 'uncommitted-bytes-full'
  /** The data of a conf change entry cannot be read. */
  | 'malformed-conf-change';

export type StepOutcome =
  | 'stepped'
  /** A `MsgProp` was dropped. */
  | 'proposal-dropped'
  /** A local message type came from another peer. */
  | 'local-message-refused'
  /** A response came from a peer that is no member. */
  | 'unknown-peer';

export const dropped = (reason: DropReason): ProposeOutcome => ({ kind: 'dropped', reason });
