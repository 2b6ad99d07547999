/**
 * The entry to the consensus core: one peer of one Raft group, as a state machine.
 *
 * Inputs go in (`tick`, `step`, `propose` …), work comes out (`ready`). The core knows no clock, no
 * disk, no network and no promises: it is the caller who ticks, writes and sends. The one rule the
 * caller has to keep is **persist, then send, then apply**:
 *
 * 1. Write `ready.hardState`, `ready.entries` and `ready.snapshot` to disk, synced when
 *    `ready.mustSync`; entries replace whatever was stored from the first one's index on.
 * 2. Then send `ready.messages`: they may promise what was just written. Leaders may send `MsgApp`
 *    before the write is done, since they count themselves only after it (dissertation 10.2.1).
 * 3. Then apply `ready.committedEntries` to the state machine, calling `applyConfChange` for every
 *    conf change among them, in order.
 * 4. Then call `advance()`. Exactly one `ready()` is outstanding at a time.
 *
 * With `asyncStorageWrites` the same order is kept by messages instead, and any number of `ready()`
 * may be outstanding: `MsgStorageAppend` asks for step 1, `MsgStorageApply` for step 3. Each is
 * executed in the order handed out, and its `responses` are delivered afterwards: to `step` of this
 * peer, or over the network. `advance()` is then never called. The two kinds run side by side: a
 * snapshot may be installed while older entries still wait to be applied, which then are to be
 * skipped (but answered).
 *
 * Broken promises, of the core itself, of its storage or of its caller, throw `ConsensusError` with
 * code `invariant`; the process must then end, for going on could lose acknowledged entries.
 */
import { explain } from './explain.ts';
import { takeHint } from './hint.ts';
import { InvariantWatch } from './invariant-watch.ts';
import { violation } from './invariants.ts';
import { entriesBytes } from './log/entry-bytes.ts';
import { Changer } from './membership/changer.ts';
import { encodeConfChange, entryTypeOf } from './membership/conf-change-codec.ts';
import { restoreMembership } from './membership/restore.ts';
import { isLocalMessageType, isResponseMessageType, makeMessage, MessageType, type Message } from './message.ts';
import { propose } from './propose.ts';
import type { ProposeOutcome, StepOutcome } from './propose-outcome.ts';
import { Raft, type ProposedEntry } from './raft.ts';
import { checkRaftConfig, type RaftConfig } from './raft-config.ts';
import type { Ready, SoftState } from './ready.ts';
import { endRepairIfDone } from './repair.ts';
import { broadcastHeartbeat, restartReplication } from './replication.ts';
import { readStatus, readBasicStatus } from './read-status.ts';
import type { BasicStatus, Explanation, Status } from './status.ts';
import { step } from './step.ts';
import { needsAppend, storageAppend, storageAppendResp, storageApply, storageApplyResp } from './storage-messages.ts';
import { switchMembership } from './switch-membership.ts';
import { tick } from './tick.ts';
import { becomeFollower } from './transitions.ts';
import {
  EntryType,
  isEmptyHardState,
  isLocalThread,
  maxIndex,
  NO_PEER,
  RaftRole,
  ZERO_INDEX,
  ZERO_TERM,
  type ConfChange,
  type ConfState,
  type Entry,
  type HardState,
  type PeerId,
  type Snapshot,
  type Term,
} from './types.ts';

const NO_ENTRIES: readonly Entry[] = [];

export class RawNode {
  readonly #raft: Raft;
  readonly #watch: InvariantWatch;
  #handedSoftState: SoftState;
  #handedHardState: HardState;
  /** Without asynchronous writes: what `advance()` delivers to this peer itself. */
  #stepsOnAdvance: Message[] | undefined;

  /**
   * Resumes from what `config.storage` holds. Throws `ConsensusError`: `invalid-config`,
   * `invalid-conf-change` for a stored membership that cannot be, `invariant` for stored state that
   * contradicts itself.
   */
  constructor(config: RaftConfig) {
    const raft = new Raft(checkRaftConfig(config));
    const { hardState, confState } = raft.config.storage.initialState();
    const last = raft.log.lastEntryId();
    switchMembership(raft, restoreMembership(confState, last.index, raft.tracker.limits));
    if (!isEmptyHardState(hardState)) {
      raft.restarted = true;
      raft.term = hardState.term;
      raft.vote = hardState.vote;
    }
    const { applied } = raft.config;
    raft.log.resume(maxIndex(hardState.commit, applied), applied);
    endRepairIfDone(raft);
    becomeFollower(raft, raft.term, NO_PEER);
    this.#raft = raft;
    this.#handedSoftState = { leader: raft.leader, role: raft.role };
    this.#handedHardState = { term: raft.term, vote: raft.vote, commit: raft.log.committed };
    this.#watch = new InvariantWatch(raft);
  }

  // Inputs

  /** Advances the logical clock by one tick. */
  tick(): void {
    tick(this.#raft);
    endRepairIfDone(this.#raft);
    this.#watch.check();
  }

  /**
   * Stands for election now, if this peer may. Its own vote breaks the protection that leases rest on,
   * so with leases this is for clusters without a leader.
   */
  campaign(): void {
    this.#stepLocal(MessageType.hup);
  }

  /** Proposes a normal entry. */
  propose(data: Uint8Array): ProposeOutcome {
    return this.#propose({ type: EntryType.normal, data });
  }

  /** Proposes a change of the membership. */
  proposeConfChange(change: ConfChange): ProposeOutcome {
    return this.#propose({ type: entryTypeOf(change), data: encodeConfChange(change) });
  }

  #propose(entry: ProposedEntry): ProposeOutcome {
    const entries = [{ term: ZERO_TERM, index: ZERO_INDEX, ...entry }];
    const outcome = propose(this.#raft, makeMessage(MessageType.prop, { from: this.#raft.id, entries }));
    this.#watch.check();
    return outcome;
  }

  /**
   * To be called when a conf change entry is applied, unless the application decides to ignore it.
   * Returns the new membership. Throws `ConsensusError` `invalid-conf-change`, without effect, when
   * the change cannot follow the present one; validated proposals always can.
   */
  applyConfChange(change: ConfChange): ConfState {
    const { tracker, log } = this.#raft;
    const current = { confState: tracker.confState, progress: tracker.progressMap };
    const changer = new Changer({ current, lastIndex: log.lastIndex(), limits: tracker.limits });
    const confState = switchMembership(this.#raft, changer.apply(change));
    this.#watch.check();
    return confState;
  }

  /** Handles a message from another peer, or a response from the local storage. */
  step(message: Message): StepOutcome {
    const { type, from } = message;
    if (!isLocalThread(from)) {
      if (isLocalMessageType(type)) return 'local-message-refused';
      if (isResponseMessageType(type) && this.#raft.tracker.get(from) === undefined) return 'unknown-peer';
    }
    const outcome = step(this.#raft, message);
    endRepairIfDone(this.#raft);
    this.#watch.check();
    return outcome;
  }

  /** A message to `id` could not be delivered. */
  reportUnreachable(id: PeerId): void {
    this.#stepLocal(MessageType.unreachable, id);
  }

  /**
   * The process of `id` was restarted: it may have lost what it acknowledged, so what a leader knows of its log counts
   * no more. What was committed because of it stays committed.
   */
  reportRestarted(id: PeerId): void {
    restartReplication(this.#raft, id);
    this.#watch.check();
  }

  /**
   * Sending a snapshot to `id` ended, well or not. Has to be called for every `MsgSnap`: until then, or
   * until the peer acknowledges it, nothing else is sent to that peer.
   */
  reportSnapshot(id: PeerId, ok: boolean): void {
    step(this.#raft, makeMessage(MessageType.snapStatus, { from: id, reject: !ok }));
    this.#watch.check();
  }

  /** Hands leadership to `to`; on a follower, asks the leader to. Given up after an election timeout. */
  transferLeader(to: PeerId): void {
    this.#stepLocal(MessageType.transferLeader, to);
  }

  /** Makes a follower stop protecting its leader from being voted out. */
  forgetLeader(): void {
    this.#stepLocal(MessageType.forgetLeader);
  }

  /**
   * Asks for a linearizable read. The answer comes in `Ready.readStates` with the same `context`; it
   * never comes when there is no leader or the leader changes, so the caller asks again after a while.
   */
  readIndex(context: Uint8Array): void {
    const entries = [{ term: ZERO_TERM, index: ZERO_INDEX, type: EntryType.normal, data: context }];
    step(this.#raft, makeMessage(MessageType.readIndex, { entries }));
    this.#watch.check();
  }

  /**
   * There are signs that the process of `leader`, who leads `term`, is dead. Returns whether that was
   * acted upon; it may be repeated as long as the signs last. Needs `hintVotes`.
   */
  hintLeaderDead(leader: PeerId, term: Term): boolean {
    const taken = takeHint(this.#raft, leader, term);
    this.#watch.check();
    return taken;
  }

  /** Ends the present read lease: time passed that was not ticked for. */
  voidLease(): void {
    this.#raft.reads.voidSent();
  }

  /** Sets the number of ticks until the next election timeout, until it is drawn again. For tests. */
  overrideElectionTimeout(ticks: number): void {
    this.#raft.electionTimeoutTicks = ticks;
  }

  #stepLocal(type: MessageType, from: PeerId = NO_PEER): void {
    step(this.#raft, makeMessage(type, { from }));
    this.#watch.check();
  }

  // Work

  hasReady(): boolean {
    const raft = this.#raft;
    const { log } = raft;
    return (
      raft.messages.length > 0 ||
      raft.messagesAfterAppend.length > 0 ||
      raft.readRoundDue ||
      raft.readStates.length > 0 ||
      log.hasNextUnstableEntries ||
      log.hasNextCommittedEntries(this.#mayApplyUnstable) ||
      log.nextUnstableSnapshot() !== undefined ||
      this.#softStateChanged ||
      this.#hardStateChanged
    );
  }

  /**
   * Takes the outstanding work, which the caller then has to do. Without asynchronous writes,
   * `advance()` has to be called before the next time.
   */
  ready(): Ready {
    if (this.#stepsOnAdvance !== undefined) throw violation('ready() before advance() of the previous one');
    const raft = this.#raft;
    const { log } = raft;
    if (raft.readRoundDue && raft.role === RaftRole.leader) broadcastHeartbeat(raft);

    const mustSync = this.#mustSync();
    const softState = this.#takeSoftState();
    const hardState = this.#takeHardState();
    const entries = log.hasNextUnstableEntries ? log.nextUnstableEntries() : NO_ENTRIES;
    const snapshot = log.nextUnstableSnapshot();
    const committedEntries = log.nextCommittedEntries(this.#mayApplyUnstable);
    const { readStates } = raft;
    const messages = raft.messages;
    const writes = { hardState, entries, snapshot };

    if (raft.config.asyncStorageWrites) {
      if (needsAppend(raft, writes)) messages.push(storageAppend(raft, writes));
      if (committedEntries.length > 0) messages.push(storageApply(raft, committedEntries));
    } else {
      this.#stepsOnAdvance = this.#planAdvance(messages, snapshot, committedEntries);
    }
    raft.messages = [];
    raft.messagesAfterAppend = [];
    raft.readStates = [];
    log.acceptUnstable();
    const lastCommitted = committedEntries.at(-1);
    if (lastCommitted !== undefined) {
      log.acceptApplying(lastCommitted.index, entriesBytes(committedEntries), this.#mayApplyUnstable);
    }
    return { softState, hardState, readStates, entries, snapshot, committedEntries, messages, mustSync };
  }

  /** Splits what waits for this `Ready` into what is sent and what this peer tells itself afterwards. */
  #planAdvance(messages: Message[], snapshot: Snapshot | undefined, committed: readonly Entry[]): Message[] {
    const raft = this.#raft;
    const steps: Message[] = [];
    for (const message of raft.messagesAfterAppend) {
      if (message.to === raft.id) steps.push(message);
      else messages.push(message);
    }
    const stored = storageAppendResp(raft, snapshot);
    if (stored !== undefined) steps.push(stored);
    if (committed.length > 0) steps.push(storageApplyResp(raft, committed));
    return steps;
  }

  /** All that the last `Ready` asked for has been done. Not with asynchronous writes. */
  advance(): void {
    const steps = this.#stepsOnAdvance;
    if (steps === undefined) throw violation('advance() without a ready() before it');
    this.#stepsOnAdvance = undefined;
    for (const message of steps) step(this.#raft, message);
    endRepairIfDone(this.#raft);
    this.#watch.check();
  }

  /**
   * Whether committed entries may be applied before they are on this peer's own disk. With
   * asynchronous writes they may not: the write may not even have begun.
   */
  get #mayApplyUnstable(): boolean {
    return !this.#raft.config.asyncStorageWrites;
  }

  get #softStateChanged(): boolean {
    const { leader, role } = this.#raft;
    return leader !== this.#handedSoftState.leader || role !== this.#handedSoftState.role;
  }

  get #hardStateChanged(): boolean {
    const { term, vote, log } = this.#raft;
    const handed = this.#handedHardState;
    return term !== handed.term || vote !== handed.vote || log.committed !== handed.commit;
  }

  #takeSoftState(): SoftState | undefined {
    if (!this.#softStateChanged) return undefined;
    const { leader, role } = this.#raft;
    this.#handedSoftState = { leader, role };
    return this.#handedSoftState;
  }

  #takeHardState(): HardState | undefined {
    if (!this.#hardStateChanged) return undefined;
    const { term, vote, log } = this.#raft;
    this.#handedHardState = { term, vote, commit: log.committed };
    return this.#handedHardState;
  }

  /** A commit index alone can be lost: the leader tells it again. */
  #mustSync(): boolean {
    const { term, vote, log } = this.#raft;
    const handed = this.#handedHardState;
    return log.hasNextUnstableEntries || term !== handed.term || vote !== handed.vote;
  }

  // Looking inside

  status(): Status {
    return readStatus(this.#raft);
  }

  basicStatus(): BasicStatus {
    return readBasicStatus(this.#raft);
  }

  /** Why there is no leader, or why nothing is being committed, as far as this peer can tell. */
  explain(): Explanation {
    return explain(this.#raft);
  }
}
