import { ConsensusError } from "./errors.ts";
import type { ConfChangeRefusal } from "./events.ts";
import type { Message } from "./message.ts";
import type { RaftConfig } from "./raft-config.ts";
import type { Ready } from "./ready.ts";
import type { BasicStatus, Explanation, Status } from "./status.ts";
import type { ConfChange, ConfState, LogIndex, PeerId, Term } from "./types.ts";

/** What became of a proposal. Appended is not committed: watch the committed entries for (index, term). */
export type ProposeOutcome =
  | { readonly kind: "appended"; readonly index: LogIndex; readonly term: Term }
  /** Sent to the leader, which may still drop it. */
  | { readonly kind: "forwarded"; readonly leader: PeerId }
  | { readonly kind: "dropped"; readonly reason: DropReason }
  /** A membership change that cannot follow now; an empty entry took its place in the log. */
  | {
      readonly kind: "refused";
      readonly reason: ConfChangeRefusal;
      readonly index: LogIndex;
      readonly term: Term;
    };

export type DropReason =
  | "no-leader"
  | "forwarding-disabled"
  /** This leader was removed from the membership. */
  | "not-a-member"
  /** Leadership is being handed over. */
  | "transfer-in-progress"
  /** `maxUncommittedBytes` is reached: back-pressure. */
  | "uncommitted-bytes-full";

export type StepOutcome =
  | "stepped"
  /** A `MsgProp` was dropped. */
  | "proposal-dropped"
  /** A local message type came from another peer. */
  | "local-message-refused"
  /** A response came from a peer that is no member. */
  | "unknown-peer";

/** See the contract in `ready.ts`. */
export class RawNode {
  constructor(config: RaftConfig) {
    throw new ConsensusError("invariant", `not there yet: ${config.id}`);
  }

  /** Advances the logical clock by one tick. */
  tick(): void {}
  /** Starts an election now. */
  campaign(): void {}
  declare propose: (data: Uint8Array) => ProposeOutcome;
  declare proposeConfChange: (change: ConfChange) => ProposeOutcome;
  /**
   * To be called when a conf change entry is applied. Returns the new membership. Throws
   * `ConsensusError` `invalid-conf-change` when the change cannot follow the current membership.
   */
  declare applyConfChange: (change: ConfChange) => ConfState;
  declare step: (message: Message) => StepOutcome;
  declare hasReady: () => boolean;
  declare ready: () => Ready;
  declare advance: () => void;
  declare status: () => Status;
  declare basicStatus: () => BasicStatus;
  declare reportUnreachable: (id: PeerId) => void;
  declare reportSnapshot: (id: PeerId, ok: boolean) => void;
  declare transferLeader: (to: PeerId) => void;
  declare forgetLeader: () => void;
  /** The answer arrives in `Ready.readStates` with the same context. Lost when there is no leader. */
  declare readIndex: (context: Uint8Array) => void;
  /** The driver has signs that the leader's process is dead. Returns whether the hint was taken. */
  declare hintLeaderDead: (leader: PeerId, term: Term) => boolean;
  /** Ends the current read lease, for example after the event loop stalled. */
  declare voidLease: () => void;
  declare explain: () => Explanation;
}
