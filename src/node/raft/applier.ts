import { strict as assert } from 'node:assert';
import { decodeConfChange } from '../../consensus/membership/conf-change-codec.ts';
import { EntryType, plus, type ConfChange, type ConfState, type Entry, type LogIndex } from '../../consensus/types.ts';
import { decodeBatch } from '../../protocol/batch.ts';
import type { StampMs } from '../../protocol/ids.ts';
import type { StateView } from '../../chat/ports.ts';
import type { AppliedPosition, StateStore } from '../ports.ts';
import type { AppliedChange } from './membership-changes.ts';
import type { BatchOutcome, CommittedBatch, StateMachine } from './state-machine.ts';

export interface ApplierEnv<Result, Event> {
  readonly state: StateStore;
  readonly machine: StateMachine<Result, Event>;
  readonly itemsPerSlice: number;
  /** The membership before the first entry; the state store learns it with that. */
  readonly foundingConfState: ConfState;
  readonly applyConfChange: (change: ConfChange) => ConfState;
  /**
   * Whether the core has accepted a snapshot, which contains all that waits here: its membership is the snapshot's
   * already, so no older entry may be applied to it.
   */
  readonly awaitsSnapshot: () => boolean;
  /** Writes down who is in the cluster after the change, in the transaction that applies it. */
  readonly recordMembership: (transaction: StateView, applied: AppliedChange) => void;
  readonly defer: (callback: () => void) => void;
  readonly onBatch: (batch: CommittedBatch, outcome: BatchOutcome<Result, Event>, bytes: number) => void;
  /** The state store's applied index rose. */
  readonly onProgress: (index: LogIndex) => void;
  readonly onFatal: (error: unknown) => void;
}

interface Job {
  readonly entries: readonly Entry[];
  readonly done: () => void;
  next: number;
}

/**
 * Feeds committed entries to the state machine, one transaction each, in slices: a large backlog must not keep the
 * node from hearing its leader.
 */
export class Applier<Result, Event> {
  readonly #env: ApplierEnv<Result, Event>;
  readonly #jobs: Job[] = [];
  #idleCallbacks: (() => void)[] = [];
  #sliceIsDue = false;
  #running = false;
  #stopped = false;

  constructor(env: ApplierEnv<Result, Event>) {
    this.#env = env;
  }

  /** `done` once all entries are applied, or contained in a snapshot. The first slice runs at once. */
  enqueue(entries: readonly Entry[], done: () => void): void {
    this.#jobs.push({ entries, done, next: 0 });
    if (!this.#sliceIsDue && !this.#running) this.#run();
  }

  whenIdle(callback: () => void): void {
    if (this.#jobs.length === 0) callback();
    else this.#idleCallbacks.push(callback);
  }

  stop(): void {
    this.#stopped = true;
  }

  #run(): void {
    this.#running = true;
    try {
      this.#runSlice();
    } catch (error) {
      this.#stopped = true;
      this.#env.onFatal(error);
    } finally {
      this.#running = false;
    }
    if (this.#jobs.length > 0 && !this.#stopped) this.#runLater();
  }

  #runLater(): void {
    this.#sliceIsDue = true;
    this.#env.defer(() => {
      this.#sliceIsDue = false;
      if (!this.#stopped) this.#run();
    });
  }

  #runSlice(): void {
    let items = 0;
    while (items < this.#env.itemsPerSlice && !this.#stopped) {
      const job = this.#jobs[0];
      if (job === undefined) break;
      if (this.#env.awaitsSnapshot()) job.next = job.entries.length;
      const entry = job.entries[job.next];
      if (entry !== undefined) {
        items += this.#apply(entry);
        job.next += 1;
      }
      if (job.next >= job.entries.length) {
        this.#jobs.shift();
        this.#env.onProgress(this.#env.state.appliedIndex);
        job.done();
      }
    }
    if (this.#jobs.length > 0) this.#env.onProgress(this.#env.state.appliedIndex);
    else for (const callback of this.#idleCallbacks.splice(0)) callback();
  }

  /** Returns how much work it was, in commands. */
  #apply(entry: Entry): number {
    const { state } = this.#env;
    assert(entry.index === plus(state.appliedIndex, 1), `entry ${entry.index} after ${state.appliedIndex}`);
    if (entry.type !== EntryType.normal) return this.#applyMembership(entry);
    if (entry.data.length === 0) {
      state.begin().commit(this.#position(entry, state.lastStampMs));
      return 1;
    }
    return this.#applyBatch(entry);
  }

  #applyBatch(entry: Entry): number {
    const { state, machine, onBatch } = this.#env;
    const { stampMs: stampedMs, items } = decodeBatch(entry.data);
    // A new leader may not know the last stamp of its predecessor; every node corrects it in the same way.
    const stampMs = Math.max(stampedMs, state.lastStampMs) as StampMs;
    const batch: CommittedBatch = { index: entry.index, term: entry.term, stampMs, items };
    const transaction = state.begin();
    const outcome = machine.apply(transaction, batch);
    assert(outcome.results.length === items.length, 'the state machine owes a result for each command');
    transaction.commit(this.#position(entry, stampMs));
    onBatch(batch, outcome, entry.data.length);
    return Math.max(1, items.length);
  }

  #applyMembership(entry: Entry): number {
    const { state, applyConfChange, recordMembership } = this.#env;
    const change = decodeConfChange(entry);
    const confState = applyConfChange(change);
    const transaction = state.begin();
    recordMembership(transaction, { index: entry.index, change, confState });
    transaction.commit({ ...this.#position(entry, state.lastStampMs), confState });
    return 1;
  }

  #position({ index, term }: Entry, stampMs: StampMs): AppliedPosition {
    return index === 1 ? { index, term, stampMs, confState: this.#env.foundingConfState } : { index, term, stampMs };
  }
}
