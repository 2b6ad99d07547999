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
 * snapshot may be accepted while older entries still wait to be applied, which from then on are to be
 * skipped (but answered): the membership is the snapshot's already, so their changes cannot follow it.
 *
 * Broken promises, of the core itself, of its storage or of its caller, throw `ConsensusError` with
 * code `invariant`; the process must then end, for going on could lose acknowledged entries.
 */
import { explain } from './explain.ts';
import { takeHint } from './hint.ts';
import { InvariantWatch } from './invariant-watch.ts';
import { Changer } from './membership/changer.ts';
import { encodeConfChange, entryTypeOf } from './membership/conf-change-codec.ts';
import { restoreMembership } from './membership/restore.ts';
import { isLocalMessageType, isResponseMessageType, makeMessage, MessageType, type Message } from './message.ts';
import { propose } from './propose.ts';
import type { ProposeOutcome, StepOutcome } from './propose-outcome.ts';
import { Raft, type ProposedEntry } from './raft.ts';
import { checkRaftConfig, type RaftConfig } from './raft-config.ts';
import { OutstandingWork } from './outstanding-work.ts';
import type { Ready } from './ready.ts';
import { endRepairIfDone, restoreEntries, restoreFromState, restoreState, type RestoredEntries } from './repairing.ts';
import { restartReplication } from './replication.ts';
import { readStatus, readBasicStatus } from './read-status.ts';
import type { BasicStatus, Explanation, Status } from './status.ts';
import { step } from './step.ts';
import { switchMembership } from './switch-membership.ts';
import { tick } from './tick.ts';
import { becomeFollower } from './transitions.ts';
import {
  EntryType,
  isEmptyHardState,
  isLocalThread,
  maxIndex,
  NO_PEER,
  ZERO_INDEX,
  ZERO_TERM,
  type ConfChange,
  type ConfState,
  type PeerId,
  type Snapshot,
  type SnapshotMetadata,
  type Term,
} from './types.ts';

export class RawNode {
  readonly #raft: Raft;
  readonly #watch: InvariantWatch;
  readonly #work: OutstandingWork;

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
    this.#work = new OutstandingWork(raft);
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
   * Gives back entries that this peer once held and lost to damage, whoever had them; the caller has to have made
   * sure that they are the same. Returns whether they could be used.
   */
  restoreEntries(restored: RestoredEntries): boolean {
    const isUsed = restoreEntries(this.#raft, restored);
    this.#watch.check();
    return isUsed;
  }

  /**
   * The state machine, which had lost its state (`lacksState`), has been given that of a snapshot. Returns whether this
   * log holds its last entry: otherwise the state cannot be used.
   */
  restoreState(metadata: SnapshotMetadata): boolean {
    const isUsed = restoreState(this.#raft, metadata);
    this.#watch.check();
    return isUsed;
  }

  /**
   * Another peer has offered its state for this one, whose log is damaged, to go on from. Returns whether it replaces the
   * log; what is to be done is then as with a `MsgSnap`.
   */
  restoreFromState(snapshot: Snapshot): boolean {
    const isUsed = restoreFromState(this.#raft, snapshot);
    this.#watch.check();
    return isUsed;
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
    return this.#work.isDue;
  }

  /**
   * Takes the outstanding work, which the caller then has to do. Without asynchronous writes,
   * `advance()` has to be called before the next time.
   */
  ready(): Ready {
    return this.#work.take();
  }

  /** All that the last `Ready` asked for has been done. Not with asynchronous writes. */
  advance(): void {
    for (const message of this.#work.takeSteps()) step(this.#raft, message);
    endRepairIfDone(this.#raft);
    this.#watch.check();
  }

  // Looking inside

  status(): Status {
    return readStatus(this.#raft);
  }

  /** A snapshot was accepted and is not installed yet: what was handed out before, to be applied, is to be skipped. */
  get awaitsSnapshot(): boolean {
    return this.#raft.log.hasUnstableSnapshot;
  }

  basicStatus(): BasicStatus {
    return readBasicStatus(this.#raft);
  }

  /** Why there is no leader, or why nothing is being committed, as far as this peer can tell. */
  explain(): Explanation {
    return explain(this.#raft);
  }
}
