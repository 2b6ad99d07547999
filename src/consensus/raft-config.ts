import { ConsensusError } from './errors.ts';
import type { RaftEvent } from './events.ts';
import type { LogStorage } from './log-storage.ts';
import { leaseTicks } from './lease-ticks.ts';
import type { RepairGoal } from './repair.ts';
import { isLocalThread, NO_PEER, ZERO_INDEX, type LogIndex, type PeerId } from './types.ts';

/** How linearizable reads are answered: by a round of heartbeats, or from a lease (dissertation 6.4). */
export type ReadOnlyOption = 'safe' | 'lease';

export interface RaftConfig {
  readonly id: PeerId;
  /** A follower stands for election after a random number of ticks in `[n, 2n)` without a leader. */
  readonly electionTicks: number;
  /** The leader sends heartbeats every that many ticks. */
  readonly heartbeatTicks: number;
  readonly storage: LogStorage;
  /**
   * Last index the state machine had applied when the process started; the storage's `confState` is
   * the membership as of this index.
   */
  readonly applied?: LogIndex;
  /**
   * The state machine lost its state, and the log begins too late to make it again: nothing is applied before
   * `restoreState`, and until then this peer does not know who is in the cluster. `confState` is empty.
   */
  readonly lacksState?: boolean;
  /** Set when the stored log may have lost entries that this peer acknowledged: what it has to reach again. */
  readonly repair?: RepairGoal | undefined;
  /**
   * Random numbers in `[0, 1)` for the election jitter, from a seeded generator in simulations. The
   * core's only source of chance.
   */
  readonly random: () => number;
  /** Writes go through `MsgStorageAppend` and `MsgStorageApply` instead of `ready`/`advance` pairs. */
  readonly asyncStorageWrites?: boolean;
  /** Bound on the entries of one `MsgApp` (at least one entry is sent). 0: one entry per message. */
  readonly maxBytesPerMessage: number;
  /** Bound on committed entries handed out but not yet applied. Default: `maxBytesPerMessage`. */
  readonly maxCommittedBytesPerReady?: number;
  /** Bound on proposals that are not committed yet; further ones are dropped. Default: none. */
  readonly maxUncommittedBytes?: number;
  /** Bound on `MsgApp`s under way to one peer. */
  readonly maxInflightMessages: number;
  /** Bound on bytes under way to one peer, at least `maxBytesPerMessage`. Default: none. */
  readonly maxInflightBytes?: number;
  /** The leader steps down when no majority answered within an election timeout. */
  readonly checkQuorum?: boolean;
  /** Ask for votes before raising the term (dissertation 9.6). */
  readonly preVote?: boolean;
  /**
   * `lease` needs `checkQuorum`, excludes `hintVotes`, and has to be chosen by all peers or none: a lease rests on
   * what the followers promise.
   */
  readonly readOnlyOption?: ReadOnlyOption;
  /**
   * How many ticks late a tick may come, and be made up for, without the driver calling `voidLease()`. Leases are
   * shorter by it. Default: none, which only a simulated clock can keep.
   */
  readonly leaseSlackTicks?: number;
  /** Followers drop proposals instead of forwarding them to the leader. */
  readonly disableProposalForwarding?: boolean;
  /** Accept conf change proposals unseen; for those who serialise them elsewhere. */
  readonly disableConfChangeValidation?: boolean;
  /** A leader that applies its own removal or demotion becomes a follower. */
  readonly stepDownOnRemoval?: boolean;
  /** Listen to `hintLeaderDead`: votes may then be granted before the election timeout. */
  readonly hintVotes?: boolean;
  /** Told of every noteworthy thing the core does, for logs, metrics and tests. Must not call back. */
  readonly onEvent?: (event: RaftEvent) => void;
}

/** A configuration that was checked and has no field left open. */
export type CheckedRaftConfig = Required<RaftConfig>;

const ignoreEvent = (): void => {};

const refuse = (problem: string): never => {
  throw new ConsensusError('invalid-config', problem);
};

/** Fills in defaults. Throws `ConsensusError` with code `invalid-config`. */
export const checkRaftConfig = (config: RaftConfig): CheckedRaftConfig => {
  const checked: CheckedRaftConfig = {
    id: config.id,
    electionTicks: config.electionTicks,
    heartbeatTicks: config.heartbeatTicks,
    storage: config.storage,
    applied: config.applied ?? ZERO_INDEX,
    lacksState: config.lacksState ?? false,
    repair: config.repair,
    random: config.random,
    asyncStorageWrites: config.asyncStorageWrites ?? false,
    maxBytesPerMessage: config.maxBytesPerMessage,
    maxCommittedBytesPerReady: config.maxCommittedBytesPerReady || config.maxBytesPerMessage,
    maxUncommittedBytes: config.maxUncommittedBytes || Number.POSITIVE_INFINITY,
    maxInflightMessages: config.maxInflightMessages,
    maxInflightBytes: config.maxInflightBytes || Number.POSITIVE_INFINITY,
    checkQuorum: config.checkQuorum ?? false,
    preVote: config.preVote ?? false,
    readOnlyOption: config.readOnlyOption ?? 'safe',
    leaseSlackTicks: config.leaseSlackTicks ?? 0,
    disableProposalForwarding: config.disableProposalForwarding ?? false,
    disableConfChangeValidation: config.disableConfChangeValidation ?? false,
    stepDownOnRemoval: config.stepDownOnRemoval ?? false,
    hintVotes: config.hintVotes ?? false,
    onEvent: config.onEvent ?? ignoreEvent,
  };
  refuseContradictions(checked);
  if (checked.readOnlyOption === 'lease') refuseBadLeases(checked);
  return checked;
};

const refuseContradictions = (config: CheckedRaftConfig): void => {
  if (config.id === NO_PEER || isLocalThread(config.id)) refuse(`${config.id} cannot be the id of a peer`);
  if (config.heartbeatTicks <= 0) refuse('heartbeatTicks must be positive');
  if (config.electionTicks <= config.heartbeatTicks) refuse('electionTicks must be greater than heartbeatTicks');
  if (config.maxInflightMessages <= 0) refuse('maxInflightMessages must be positive');
  if (config.maxInflightBytes < config.maxBytesPerMessage) {
    refuse('maxInflightBytes must be at least maxBytesPerMessage');
  }
  if (!Number.isSafeInteger(config.leaseSlackTicks) || config.leaseSlackTicks < 0) {
    refuse('leaseSlackTicks must be a whole number');
  }
};

const refuseBadLeases = ({ checkQuorum, hintVotes, electionTicks, leaseSlackTicks }: CheckedRaftConfig): void => {
  if (!checkQuorum) refuse('lease reads need checkQuorum');
  if (hintVotes) refuse('lease reads exclude hintVotes: a hint makes followers break the promise that leases rest on');
  if (leaseTicks(electionTicks, leaseSlackTicks) < 1) {
    refuse('a lease would be over before it begins: raise electionTicks or lower leaseSlackTicks');
  }
};
