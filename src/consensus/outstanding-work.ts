import { violation } from './invariants.ts';
import { entriesBytes } from './log/entry-bytes.ts';
import type { Message } from './message.ts';
import type { Raft } from './raft.ts';
import type { Ready, SoftState } from './ready.ts';
import { broadcastHeartbeat } from './replication.ts';
import { needsAppend, storageAppend, storageAppendResp, storageApply, storageApplyResp } from './storage-messages.ts';
import { RaftRole, type Entry, type HardState } from './types.ts';

const NO_ENTRIES: readonly Entry[] = [];

/** Turns what has gathered in a peer's state into the next `Ready`, and knows what was handed out already. */
export class OutstandingWork {
  readonly #raft: Raft;
  #handedSoftState: SoftState;
  #handedHardState: HardState;
  /** Without asynchronous writes: what this peer tells itself once the last `Ready` is done. */
  #steps: Message[] | undefined;

  /** Whatever `raft` holds now is taken to be known to the caller. */
  constructor(raft: Raft) {
    this.#raft = raft;
    this.#handedSoftState = { leader: raft.leader, role: raft.role };
    this.#handedHardState = { term: raft.term, vote: raft.vote, commit: raft.log.committed };
  }

  get isDue(): boolean {
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

  /** Throws `ConsensusError` `invariant` when the last `Ready` still has to be advanced. */
  take(): Ready {
    if (this.#steps !== undefined) throw violation('ready() before advance() of the previous one');
    const raft = this.#raft;
    const { log } = raft;
    if (raft.readRoundDue && raft.role === RaftRole.leader) broadcastHeartbeat(raft);

    const mustSync = this.#mustSync;
    const softState = this.#takeSoftState();
    const hardState = this.#takeHardState();
    const entries = log.hasNextUnstableEntries ? log.nextUnstableEntries() : NO_ENTRIES;
    const snapshot = log.nextUnstableSnapshot();
    const committedEntries = log.nextCommittedEntries(this.#mayApplyUnstable);
    const { readStates, messages } = raft;
    const work: Ready = { softState, hardState, readStates, entries, snapshot, committedEntries, messages, mustSync };
    if (raft.config.asyncStorageWrites) this.#askStorage(messages, work);
    else this.#steps = this.#planSteps(messages, work);
    this.#noteTaken(committedEntries);
    return work;
  }

  /** To be delivered to this peer itself, once the last `Ready` is done. Throws when there was none. */
  takeSteps(): readonly Message[] {
    const steps = this.#steps;
    if (steps === undefined) throw violation('advance() without a ready() before it');
    this.#steps = undefined;
    return steps;
  }

  /** Asynchronous writes: the work itself, and what waits for it, go into messages to the storage. */
  #askStorage(messages: Message[], work: Ready): void {
    const raft = this.#raft;
    if (needsAppend(raft, work)) messages.push(storageAppend(raft, work));
    if (work.committedEntries.length > 0) messages.push(storageApply(raft, work.committedEntries));
  }

  /** Splits what waits for this `Ready` into what is sent and what this peer tells itself afterwards. */
  #planSteps(messages: Message[], { snapshot, committedEntries }: Ready): Message[] {
    const raft = this.#raft;
    const steps: Message[] = [];
    for (const message of raft.messagesAfterAppend) {
      if (message.to === raft.id) steps.push(message);
      else messages.push(message);
    }
    const stored = storageAppendResp(raft, snapshot);
    if (stored !== undefined) steps.push(stored);
    if (committedEntries.length > 0) steps.push(storageApplyResp(raft, committedEntries));
    return steps;
  }

  #noteTaken(committedEntries: readonly Entry[]): void {
    const raft = this.#raft;
    raft.messages = [];
    raft.messagesAfterAppend = [];
    raft.readStates = [];
    raft.log.acceptUnstable();
    const last = committedEntries.at(-1);
    if (last !== undefined) {
      raft.log.acceptApplying(last.index, entriesBytes(committedEntries), this.#mayApplyUnstable);
    }
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
  get #mustSync(): boolean {
    const { term, vote, log } = this.#raft;
    const handed = this.#handedHardState;
    return log.hasNextUnstableEntries || term !== handed.term || vote !== handed.vote;
  }
}
