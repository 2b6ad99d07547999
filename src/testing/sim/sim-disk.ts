import { reaches, type RepairGoal } from '../../consensus/repair.ts';
import { maxIndex, NO_PEER, type LogIndex } from '../../consensus/types.ts';
import type { Done } from '../../node/ports.ts';
import type { Promises } from '../../node/rollback/promises.ts';
import { newerHardState } from '../../node/store/log-recovery.ts';
import { LogImage, type HashedWrite } from './log-image.ts';
import type { Prng } from './prng.ts';
import { SimMark } from './sim-mark.ts';
import type { VirtualTime } from './virtual-time.ts';

export type DiskError = 'EIO' | 'ENOSPC';

export interface DiskOptions {
  readonly time: VirtualTime;
  readonly prng: Prng;
  /** A typical synced write. */
  readonly syncMs: number;
  readonly stallChance: number;
  readonly stallMs: number;
  /** Just before and after a write changes what is durable. */
  readonly onDurable: (change: () => void) => void;
  /** A crash left a part of the writes under way, or none of them. */
  readonly onTorn: (kind: 'torn' | 'lost') => void;
}

/** What a restart finds: all that was promised, less than that, or nobody can tell any more. */
export type DiskFinding = 'whole' | 'short' | 'lost';

interface PendingWrite {
  readonly write: HashedWrite | undefined;
  readonly compactTo: LogIndex | undefined;
  readonly done: Done | undefined;
  readonly failed: (error: DiskError) => void;
}

/**
 * One node's disk for its log. Writes are accepted at once into what the running process sees, and become durable in
 * groups, one group at a time. A crash forgets what was not durable; of the group that was being written, the first
 * few writes may have made it, and of the next one a part.
 */
export class SimDisk {
  readonly #options: DiskOptions;
  /** What a restarted process finds. */
  readonly durable = new LogImage();
  /** Stands beside the log. */
  readonly mark = new SimMark();
  #repair: RepairGoal | undefined;
  #queue: PendingWrite[] = [];
  #running: PendingWrite[] = [];
  /** Rises with every crash: what an earlier process began no longer calls back. */
  #epoch = 0;
  #stalledUntilMs = 0;
  /** The write under way would be done but for the stall. */
  #isHeldUp = false;
  #slowness = 1;
  #nextFails = false;
  /** No write succeeds, until there is space again. */
  isFull = false;

  constructor(options: DiskOptions) {
    this.#options = options;
  }

  get isStalled(): boolean {
    return this.#stalledUntilMs > this.#options.time.nowMs;
  }

  /** Term, vote and last entry, as they are durable here or were before damage. */
  get promised(): Promises {
    const beside = this.#repair === undefined ? undefined : this.mark.content;
    const { term, vote } = beside?.hardState ?? this.durable.hardState;
    return { term, vote, entry: beside?.entry ?? this.durable.lastEntryId() };
  }

  /** What the log lost to damage and has not reached again. */
  get repair(): RepairGoal | undefined {
    return this.#repair;
  }

  /** `done` when it is durable; `lazy`: only the commit index changed, which the next sync may take along. */
  accept(write: HashedWrite, lazy: boolean, done: Done, failed: (error: DiskError) => void): void {
    if (lazy && this.#running.length === 0) {
      this.#queue.push({ write, compactTo: undefined, done: undefined, failed });
      done();
      return;
    }
    this.#queue.push({ write, compactTo: undefined, done, failed });
    this.#start();
  }

  /** `done` when all that was accepted before is durable. */
  flush(done: Done, failed: (error: DiskError) => void): void {
    this.#queue.push({ write: undefined, compactTo: undefined, done, failed });
    this.#start();
  }

  compact(index: LogIndex, failed: (error: DiskError) => void): void {
    this.#queue.push({ write: undefined, compactTo: index, done: undefined, failed });
  }

  /** Writes under way take that much longer at least, and later ones wait as long. */
  stall(durationMs: number): void {
    const { time } = this.#options;
    this.#stalledUntilMs = Math.max(this.#stalledUntilMs, time.nowMs + durationMs);
    time.after(durationMs, () => this.#resume());
  }

  /** Every write takes that many times as long. */
  slowDown(factor: number): void {
    this.#slowness = factor;
  }

  /** The next write ends with an error, wherever in it. */
  failNextWrite(): void {
    this.#nextFails = true;
  }

  /** Nothing is wrong with it any more. */
  heal(): void {
    this.#stalledUntilMs = 0;
    this.#slowness = 1;
    this.#nextFails = false;
    this.isFull = false;
    this.#resume();
  }

  #resume(): void {
    if (this.#isHeldUp && !this.isStalled) this.#finish();
  }

  #start(): void {
    if (this.#running.length > 0) return;
    const { time, prng, syncMs, stallChance, stallMs } = this.#options;
    this.#running = this.#queue;
    this.#queue = [];
    const epoch = this.#epoch;
    time.after(prng.latency(syncMs, stallChance, stallMs) * this.#slowness, () => {
      if (epoch === this.#epoch) this.#finish();
    });
  }

  #finish(): void {
    this.#isHeldUp = this.isStalled;
    if (this.#isHeldUp) return;
    const error = this.#error();
    if (error !== undefined) {
      // The process will end for it; what of the group is there then is as after a crash.
      this.#running[0]!.failed(error);
      return;
    }
    const written = this.#running;
    this.#running = [];
    for (const pending of written) this.#make(pending);
    if (this.#queue.some(({ done }) => done !== undefined)) this.#start();
    for (const { done } of written) done?.();
  }

  #error(): DiskError | undefined {
    if (this.isFull) return 'ENOSPC';
    if (!this.#nextFails) return undefined;
    this.#nextFails = false;
    return 'EIO';
  }

  #make({ write, compactTo }: PendingWrite): void {
    this.#options.onDurable(() => {
      if (write !== undefined) this.durable.write(write);
      if (compactTo !== undefined) this.durable.compact(compactTo);
    });
    this.#followWithMark();
  }

  /** The mark follows the log, but stays ahead of one that lost entries until that has made up for them. */
  #followWithMark(): void {
    const { hardState } = this.durable;
    const entry = this.durable.lastEntryId();
    const goal = this.#repair;
    if (goal === undefined || (reaches(entry, goal.entry) && hardState.commit >= goal.commit)) {
      this.#repair = undefined;
      this.mark.update({ hardState, entry });
    } else {
      this.mark.update({
        hardState: { ...hardState, commit: maxIndex(hardState.commit, goal.commit) },
        entry: goal.entry,
      });
    }
  }

  /**
   * What opening the store finds: the log is cut where it breaks, and compared with the mark. Its peers will complete
   * what is left, unless the mark cannot tell for sure what was promised: then this node is not the one that it was.
   */
  inspect(): DiskFinding {
    const { mark, durable } = this;
    const promised = mark.content;
    if (promised === undefined) return 'lost';
    const broken = durable.firstBroken();
    const { hardState: copy, entry } = promised;
    const { term, vote, commit } = durable.hardState;
    const isShort =
      !reaches(durable.lastEntryId(), entry) ||
      term < copy.term ||
      (term === copy.term && vote !== copy.vote && copy.vote !== NO_PEER) ||
      commit < copy.commit;
    if (broken === undefined && !isShort) return 'whole';
    if (!mark.isNewest) return 'lost';
    this.#repair = { entry, commit: maxIndex(commit, copy.commit) };
    durable.hardState = newerHardState(durable.hardState, copy);
    durable.cutFrom(broken ?? durable.afterLast);
    return 'short';
  }

  /** A restart finds that log and state do not go together any more: the peers will send all of it, or a snapshot. */
  beginAnew(): void {
    const { hardState, entry } = this.mark.content!;
    this.#repair ??= { entry, commit: maxIndex(this.durable.hardState.commit, hardState.commit) };
    this.durable.clear();
  }

  crash(): void {
    this.#epoch += 1;
    this.#isHeldUp = false;
    if (this.#running.length > 0) this.#tear();
    else if (this.#queue.length > 0) this.#options.onTorn('lost');
    this.#running = [];
    this.#queue = [];
  }

  #tear(): void {
    const { prng, onDurable, onTorn } = this.#options;
    const whole = prng.below(this.#running.length + 1);
    for (const pending of this.#running.slice(0, whole)) this.#make(pending);
    const cut = this.#running[whole]?.write;
    if (cut === undefined || cut.base !== undefined || prng.chance(0.5)) {
      onTorn('lost');
      return;
    }
    onDurable(() => this.durable.writeTorn(cut, prng.below(cut.entries.length + 1)));
    this.#followWithMark();
    onTorn('torn');
  }
}
