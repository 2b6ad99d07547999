import { payloadBytes } from './log/entry-bytes.ts';
import { RaftLog } from './log/raft-log.ts';
import { draftMessage, MessageType, type Message, type MessageFields } from './message.ts';
import { violation } from './invariants.ts';
import { ProgressTracker } from './progress/progress-tracker.ts';
import type { CheckedRaftConfig } from './raft-config.ts';
import { ReadRounds } from './read-rounds.ts';
import type { RepairGoal } from './repair.ts';
import type { ReadState } from './ready.ts';
import {
  NO_PEER,
  plus,
  RaftRole,
  ZERO_INDEX,
  ZERO_TERM,
  type Entry,
  type EntryType,
  type LogIndex,
  type PeerId,
  type Term,
} from './types.ts';

/** Signs that the process of `leader`, who led `term`, is dead. */
export interface DeadLeaderHint {
  readonly leader: PeerId;
  readonly term: Term;
}

/** What a proposal says: an entry without its place in the log. */
export interface ProposedEntry {
  readonly type: EntryType;
  readonly data: Uint8Array;
}

/** Answers that promise something durable, in every configuration. */
const AFTER_APPEND: ReadonlySet<MessageType> = new Set<MessageType>([
  MessageType.appResp,
  MessageType.voteResp,
  MessageType.preVoteResp,
]);

/**
 * The state of one peer, and the few operations that everything else is made of. What happens when
 * is decided in `step.ts` and `roles/`; who may call what from outside, in `raw-node.ts`.
 */
export class Raft {
  readonly id: PeerId;
  readonly config: CheckedRaftConfig;
  readonly log: RaftLog;
  readonly tracker: ProgressTracker;
  readonly reads = new ReadRounds();

  term: Term = ZERO_TERM;
  vote: PeerId = NO_PEER;
  role: RaftRole = RaftRole.follower;
  leader: PeerId = NO_PEER;
  /** Who was seen to lead the current term; unlike `leader` it is never forgotten within the term. */
  leaderOfTerm: PeerId = NO_PEER;
  isLearner = false;
  /** What this peer once promised and does not hold at present. */
  repair: RepairGoal | undefined;
  /** The state of this peer is lost: it applies nothing, and does not know the membership. */
  lacksState: boolean;

  /** The peer that leadership is being handed to. */
  transferee: PeerId = NO_PEER;
  /**
   * The leader's guard for "one membership change at a time": no change may be proposed before this
   * index is applied. At least the index of the last change in the log.
   */
  pendingConfIndex: LogIndex = ZERO_INDEX;
  /** Bytes that this leader has proposed in its term and not applied yet. */
  uncommittedBytes = 0;

  /** Whether this peer took part before this process started. */
  restarted = false;
  /** Ticks since the process started. */
  ticks = 0;
  /** Ticks since a leader was heard, or since the last quorum check of a leader. */
  electionElapsed = 0;
  heartbeatElapsed = 0;
  /** When a leader, of whatever term, was last heard. */
  heardAtTick: number | undefined;
  /** Drawn from `[electionTicks, 2 · electionTicks)` with every `reset`. */
  electionTimeoutTicks = 0;

  hint: DeadLeaderHint | undefined;
  /** This pre-candidacy began with a hint, not with a timeout. */
  campaignsOnHint = false;
  /** A `MsgTimeoutNow` of this term may still be under way, so its leases mean nothing. */
  leaseBroken = false;

  /** To be sent at once. */
  messages: Message[] = [];
  /** To be sent, or delivered to this peer itself, once all that is unstable now is on disk. */
  messagesAfterAppend: Message[] = [];
  readStates: ReadState[] = [];
  /** Reads that came before this leader committed an entry of its term. */
  earlyReads: Message[] = [];
  /** Reads wait for a heartbeat round that has not begun. */
  readRoundDue = false;

  constructor(config: CheckedRaftConfig) {
    this.id = config.id;
    this.config = config;
    this.repair = config.repair;
    this.lacksState = config.lacksState;
    this.log = new RaftLog(config.storage, {
      applyingBytesMax: config.maxCommittedBytesPerReady,
      lacksState: config.lacksState,
      onConflict: (index, existing, received) => config.onEvent({ kind: 'log-conflict', index, existing, received }),
    });
    this.tracker = new ProgressTracker({
      inflightMessagesMax: config.maxInflightMessages,
      inflightBytesMax: config.maxInflightBytes,
    });
  }

  /**
   * Queues a message. Answers that promise something durable (votes, acknowledged entries) wait
   * until it is; Raft dissertation 3.8. So do rejections, which can rest on state as fresh.
   */
  send(type: MessageType, to: PeerId, fields: MessageFields = {}): void {
    const message = draftMessage(type);
    message.to = to;
    message.from = this.id;
    message.term = this.#termFor(type);
    this.#queue(Object.assign(message, fields));
  }

  /** Passes somebody's request on to `to`; the answer goes to whoever asked. */
  forward(message: Message, to: PeerId): void {
    const from = message.from === NO_PEER ? this.id : message.from;
    this.#queue({ ...message, to, from, term: this.#termFor(message.type) });
  }

  /** Forwarded requests belong to no term: whoever leads when they arrive may answer. */
  #termFor(type: MessageType): Term {
    return type === MessageType.prop || type === MessageType.readIndex ? ZERO_TERM : this.term;
  }

  /**
   * With leases a heartbeat's answer is a promise too, which a peer keeps after a restart only if it then knows that
   * it took part before.
   */
  #promises(type: MessageType): boolean {
    if (AFTER_APPEND.has(type)) return true;
    return type === MessageType.heartbeatResp && this.config.readOnlyOption === 'lease';
  }

  #queue(message: Message): void {
    if (this.#promises(message.type)) {
      this.messagesAfterAppend.push(message);
      return;
    }
    if (message.to === this.id) throw violation(`${message.type} to oneself`);
    this.messages.push(message);
  }

  /** Begins `term`, or begins anew within the current one. Nothing volatile survives. */
  reset(term: Term): void {
    if (term < this.term) throw violation(`term would fall from ${this.term} to ${term}`);
    if (term !== this.term) {
      this.term = term;
      this.vote = NO_PEER;
      this.leaderOfTerm = NO_PEER;
      this.leaseBroken = false;
    }
    this.leader = NO_PEER;
    this.hint = undefined;
    this.campaignsOnHint = false;
    this.electionElapsed = 0;
    this.heartbeatElapsed = 0;
    this.drawElectionTimeout();
    this.transferee = NO_PEER;
    this.tracker.resetVotes();
    this.#restartProgress();
    this.pendingConfIndex = ZERO_INDEX;
    this.uncommittedBytes = 0;
    this.reads.reset();
    this.readRoundDue = false;
    this.earlyReads = [];
  }

  /** A message of a leader came in, so the election timeout begins anew. */
  hearLeader(leader: PeerId): void {
    this.leader = leader;
    this.electionElapsed = 0;
    this.heardAtTick = this.ticks;
  }

  /** Takes note of the leader of the current term. There is never a second one (5.2). */
  noteLeaderOfTerm(leader: PeerId): void {
    if (this.leaderOfTerm !== NO_PEER && this.leaderOfTerm !== leader) {
      throw violation(`${this.leaderOfTerm} and ${leader} both lead term ${this.term}`);
    }
    this.leaderOfTerm = leader;
  }

  #restartProgress(): void {
    const lastIndex = this.log.lastIndex();
    for (const id of this.tracker.members) {
      const progress = this.tracker.member(id);
      progress.restart(plus(lastIndex, 1));
      if (id === this.id) progress.match = lastIndex;
    }
  }

  drawElectionTimeout(): void {
    const { electionTicks, random } = this.config;
    this.electionTimeoutTicks = electionTicks + Math.floor(random() * electionTicks);
  }

  /**
   * Appends to the leader's own log. Returns false, without effect, when too many bytes are
   * uncommitted already. The acknowledgement of the leader to itself is due once they are on disk.
   */
  appendOwn(proposed: readonly ProposedEntry[]): boolean {
    if (this.role !== RaftRole.leader) throw violation('only a leader appends entries of its own');
    const lastIndex = this.log.lastIndex();
    const entries: Entry[] = proposed.map(({ type, data }, position) => ({
      term: this.term,
      index: plus(lastIndex, position + 1),
      type,
      data,
    }));
    if (!this.#addUncommitted(payloadBytes(entries))) return false;
    const index = this.log.append(entries);
    this.send(MessageType.appResp, this.id, { index });
    return true;
  }

  /** A first proposal of any size is accepted, and empty entries always are. */
  #addUncommitted(bytes: number): boolean {
    const sum = this.uncommittedBytes + bytes;
    if (this.uncommittedBytes > 0 && bytes > 0 && sum > this.config.maxUncommittedBytes) return false;
    this.uncommittedBytes = sum;
    return true;
  }

  /** `entries` have been applied; those of older terms were never counted. */
  reduceUncommitted(entries: readonly Entry[]): void {
    if (this.role !== RaftRole.leader) return;
    for (const { term, data } of entries) if (term === this.term) this.uncommittedBytes -= data.length;
    if (this.uncommittedBytes < 0) throw violation('more was applied than this leader has proposed');
  }

  /** Whether this peer may become leader: a voter that is whole, and not busy installing a snapshot. */
  get promotable(): boolean {
    if (this.repair !== undefined) return false;
    if (this.lacksState) return false;
    const progress = this.tracker.get(this.id);
    return progress !== undefined && !progress.isLearner && !this.log.hasUnstableSnapshot;
  }

  /**
   * Whether an entry of this term is committed. Until then a new leader cannot know the commit index
   * (dissertation 6.4, step 1).
   */
  get committedInThisTerm(): boolean {
    return this.log.term(this.log.committed) === this.term;
  }
}
