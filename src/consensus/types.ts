/**
 * The nouns of the consensus core: identities, positions in the log, entries, durable state and
 * configurations. Nothing here knows how they are written to disk or sent over a network.
 */

declare const brand: unique symbol;
type Brand<Name extends string> = number & { readonly [brand]: Name };

/** Identity of a peer: a positive safe integer. `NO_PEER` stands for "nobody". */
export type PeerId = Brand<'PeerId'>;
/** Election term. 0 comes before every election. */
export type Term = Brand<'Term'>;
/** Position in the log. The first entry has index 1; 0 is the position before it. */
export type LogIndex = Brand<'LogIndex'>;

export const NO_PEER = 0 as PeerId;
export const ZERO_TERM = 0 as Term;
export const ZERO_INDEX = 0 as LogIndex;

/**
 * Pseudo peers: with asynchronous storage writes, messages to these go to the local log and to the
 * local state machine, never to the network.
 */
export const APPEND_THREAD = -1 as PeerId;
export const APPLY_THREAD = -2 as PeerId;

/** Whether `id` is one of the two local pseudo peers. */
export const isLocalThread = (id: PeerId): boolean => id < 0;

const checkedNumber = (value: number, name: string, min: number): number => {
  if (!Number.isSafeInteger(value) || value < min) {
    throw new RangeError(`${name} must be a safe integer of at least ${min}, got ${value}`);
  }
  return value;
};

/** Checks and brands a peer id. Throws `RangeError` when it is not a positive safe integer. */
export const peerId = (value: number): PeerId => checkedNumber(value, 'peer id', 1) as PeerId;
/** Checks and brands a term. Throws `RangeError` when it is not a safe integer ≥ 0. */
export const term = (value: number): Term => checkedNumber(value, 'term', 0) as Term;
/** Checks and brands a log index. Throws `RangeError` when it is not a safe integer ≥ 0. */
export const logIndex = (value: number): LogIndex => checkedNumber(value, 'log index', 0) as LogIndex;

/** The index `count` positions after `index` (before it, when negative). */
export const plus = (index: LogIndex, count: number): LogIndex => (index + count) as LogIndex;
export const minIndex = (a: LogIndex, b: LogIndex): LogIndex => (a < b ? a : b);
export const maxIndex = (a: LogIndex, b: LogIndex): LogIndex => (a > b ? a : b);

export const EntryType = {
  normal: 'normal',
  confChange: 'conf-change',
  confChangeV2: 'conf-change-v2',
} as const;
export type EntryType = (typeof EntryType)[keyof typeof EntryType];

export const EMPTY_BYTES: Uint8Array = new Uint8Array(0);

/**
 * One log entry. `data` is opaque to the core, except for the two conf change types, whose data
 * `conf-change-codec.ts` reads. Entries are immutable once they are part of a log or a message.
 * A normal entry without data is the no-op a new leader begins its term with.
 */
export interface Entry {
  readonly term: Term;
  readonly index: LogIndex;
  readonly type: EntryType;
  readonly data: Uint8Array;
}

/** What names an entry for ever: no two entries with the same term and index differ. */
export interface EntryId {
  readonly term: Term;
  readonly index: LogIndex;
}

/** What must be durable before any message that depends on it leaves (Raft paper, Figure 2). */
export interface HardState {
  readonly term: Term;
  readonly vote: PeerId;
  /** Need not be synced to disk: it is only an optimisation for restarts. */
  readonly commit: LogIndex;
}

export const EMPTY_HARD_STATE: HardState = { term: ZERO_TERM, vote: NO_PEER, commit: ZERO_INDEX };

export const isEmptyHardState = (state: HardState): boolean =>
  state.term === 0 && state.vote === NO_PEER && state.commit === 0;

/** A membership as it is stored in snapshots. All lists are sorted and free of duplicates. */
export interface ConfState {
  /** The voters, or in a joint configuration the incoming voters. */
  readonly voters: readonly PeerId[];
  readonly learners: readonly PeerId[];
  /** The voters that are being replaced; empty unless the configuration is joint. */
  readonly votersOutgoing: readonly PeerId[];
  /** Outgoing voters that become learners once the joint configuration is left. */
  readonly learnersNext: readonly PeerId[];
  /** Whether the leader leaves the joint configuration by itself as soon as it can. */
  readonly autoLeave: boolean;
}

export const EMPTY_CONF_STATE: ConfState = {
  voters: [],
  learners: [],
  votersOutgoing: [],
  learnersNext: [],
  autoLeave: false,
};

export interface SnapshotMetadata {
  /** The last index and term the snapshot covers, and the membership as of that index. */
  readonly index: LogIndex;
  readonly term: Term;
  readonly confState: ConfState;
}

/**
 * A snapshot as the core sees it. `data` is opaque and expected to be small: a description that the
 * driver streams the state by, not the state itself.
 */
export interface Snapshot {
  readonly metadata: SnapshotMetadata;
  readonly data: Uint8Array;
}

export const RaftRole = {
  follower: 'follower',
  preCandidate: 'precandidate',
  candidate: 'candidate',
  leader: 'leader',
} as const;
export type RaftRole = (typeof RaftRole)[keyof typeof RaftRole];

export const ConfChangeKind = {
  addVoter: 'add-voter',
  addLearner: 'add-learner',
  remove: 'remove',
  /** Changes nothing in the membership; the application may read the context. */
  update: 'update',
} as const;
export type ConfChangeKind = (typeof ConfChangeKind)[keyof typeof ConfChangeKind];

export interface ConfChangeStep {
  readonly kind: ConfChangeKind;
  /** `NO_PEER` makes the step a no-op: an application may cancel a change when it applies it. */
  readonly peer: PeerId;
}

export const ConfChangeTransition = {
  /** The simple protocol when at most one voter changes, else joint with auto-leave. */
  auto: 'auto',
  /** Always joint; the leader leaves the joint configuration by itself. */
  jointImplicit: 'joint-implicit',
  /** Always joint; an empty change has to be proposed to leave. */
  jointExplicit: 'joint-explicit',
} as const;
export type ConfChangeTransition = (typeof ConfChangeTransition)[keyof typeof ConfChangeTransition];

/** One membership step at a time (dissertation 4.1). Stored as an entry of type `conf-change`. */
export interface ConfChangeV1 {
  readonly version: 1;
  readonly step: ConfChangeStep;
  readonly context: Uint8Array;
}

/**
 * Any number of steps, through joint consensus where needed (dissertation 4.3). Stored as an entry
 * of type `conf-change-v2`. Without steps and with transition `auto` it leaves a joint configuration.
 */
export interface ConfChangeV2 {
  readonly version: 2;
  readonly transition: ConfChangeTransition;
  readonly steps: readonly ConfChangeStep[];
  readonly context: Uint8Array;
}

export type ConfChange = ConfChangeV1 | ConfChangeV2;
