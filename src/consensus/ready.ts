import type { Message } from './message.ts';
import type { Entry, HardState, LogIndex, PeerId, RaftRole, Snapshot } from './types.ts';

/** What only matters to observers and need not be durable. */
export interface SoftState {
  readonly leader: PeerId;
  readonly role: RaftRole;
}

/** Once the state machine has applied `index`, the read that was asked for with `context` may run. */
export interface ReadState {
  readonly index: LogIndex;
  readonly context: Uint8Array;
}

/**
 * The work that is to be done now. Without asynchronous storage writes the order is: persist
 * `hardState`, `entries` and `snapshot` (synced when `mustSync`), then send `messages`, then apply
 * `committedEntries`, then call `advance()`. With them, `messages` also holds `MsgStorageAppend`
 * and `MsgStorageApply`, which say the same and carry the answers to deliver afterwards; all other
 * messages may leave at once.
 */
export interface Ready {
  /** Set when it changed since the last one handed out. */
  readonly softState: SoftState | undefined;
  /** Set when it changed since the last one handed out. */
  readonly hardState: HardState | undefined;
  readonly readStates: readonly ReadState[];
  /** To be appended to the stored log, replacing whatever it holds from the first index on. */
  readonly entries: readonly Entry[];
  /** To be installed in place of the stored log and state. */
  readonly snapshot: Snapshot | undefined;
  readonly committedEntries: readonly Entry[];
  readonly messages: readonly Message[];
  readonly mustSync: boolean;
}
