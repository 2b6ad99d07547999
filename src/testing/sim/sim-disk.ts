import { reaches, type RepairGoal } from '../../consensus/repair.ts';
import { maxIndex, minIndex, NO_PEER, plus, type EntryId, type LogIndex } from '../../consensus/types.ts';
import type { Done, LostEntries } from '../../node/ports.ts';
import type { Promises } from '../../node/rollback/promises.ts';
import { newerHardState } from '../../node/store/log-recovery.ts';
import { LogImage, type HashedWrite } from './log-image.ts';
import type { Prng } from './prng.ts';
import { SimMark, type Promised } from './sim-mark.ts';
import { SavedEntries } from './sim-saved-entries.ts';
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

/**
 * What a restart finds: all that was promised; all of it, but the log had to begin later; less than that; nothing but
 * the mark; or nobody can tell any more.
 */
export type DiskFinding = 'whole' | 'rebased' | 'short' | 'empty' | 'lost';

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
  readonly durable: LogImage;
  /** Stands beside the log. */
  readonly mark: SimMark;
  #repair: RepairGoal | undefined;
  /** Of the damaged log, until it is whole again. */
  #saved = new SavedEntries();
  /** The row that says where the log begins is there. */
  #hasBase = true;
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

  constructor(options: DiskOptions, content = { durable: new LogImage(), mark: new SimMark() }) {
    this.#options = options;
    this.durable = content.durable;
    this.mark = content.mark;
  }

  /** Another disk with what is durable on this one. */
  copy(): SimDisk {
    const copy = new SimDisk(this.#options, { durable: this.durable.copy(), mark: this.mark.copy() });
    copy.#repair = this.#repair;
    copy.#saved = this.#saved;
    copy.#hasBase = this.#hasBase;
    return copy;
  }

  get isStalled(): boolean {
    return this.#stalledUntilMs > this.#options.time.nowMs;
  }

  /** Term, vote and last entry, as they are durable here or were before damage. */
  get promised(): Promises {
    const beside = this.#repair === undefined ? undefined : this.mark.content;
    const { term, vote } = beside?.hardState ?? this.durable.hardState;
    const last = this.durable.lastEntryId();
    return { term, vote, entry: beside === undefined || reaches(last, beside.entry) ? last : beside.entry };
  }

  /** What the log lost to damage and has not reached again. */
  get repair(): RepairGoal | undefined {
    return this.#repair;
  }

  /** What other nodes can be asked for. */
  get lost(): LostEntries | undefined {
    return this.#repair && this.#saved.leadingTo(this.mark.content!.hash);
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
      if (goal !== undefined) this.#saved = new SavedEntries();
      this.#repair = undefined;
      this.mark.update({ hardState, entry, hash: this.durable.hash(entry.index)! });
    } else {
      this.mark.update({
        hardState: { ...hardState, commit: maxIndex(hardState.commit, goal.commit) },
        entry: goal.entry,
        hash: this.mark.content!.hash,
      });
    }
  }

  /**
   * What opening the store finds: the log is read, and compared with the mark. What is left of it is used as the real
   * store would, and its peers complete it, unless the mark cannot tell for sure what was promised: then this node is
   * not the one that it was.
   *
   * @param applied the last entry that the state contains; index 0 when it was lost
   */
  inspect(applied: EntryId): DiskFinding {
    const { mark, durable } = this;
    const promised = mark.content;
    if (promised === undefined) return 'lost';
    const broken = durable.broken();
    const isShort = this.#fallsShortOf(promised);
    if (broken.length === 0 && !isShort && this.#hasBase) return 'whole';
    if (!mark.isNewest) return 'lost';
    const { hardState: copy, entry } = promised;
    const { commit } = durable.hardState;
    durable.hardState = newerHardState(durable.hardState, copy);
    const hasBase = this.#hasBase;
    this.#hasBase = true;
    const lastBroken = broken.at(-1) ?? plus(durable.firstIndex, -1);
    if (!isShort && this.#beginLater(lastBroken, applied, minIndex(copy.commit, entry.index))) return 'rebased';
    this.#repair = { entry, commit: maxIndex(commit, copy.commit) };
    this.#saved.add(durable, broken);
    if (hasBase) durable.cutFrom(broken[0] ?? durable.afterLast);
    else durable.clear();
    return hasBase ? 'short' : 'empty';
  }

  /** False for a log that begins where all do. */
  loseBase(): boolean {
    if (this.durable.firstIndex === 1) return false;
    this.#hasBase = false;
    return true;
  }

  #fallsShortOf({ hardState: copy, entry }: Promised): boolean {
    const { durable } = this;
    const { term, vote, commit } = durable.hardState;
    return (
      !reaches(durable.lastEntryId(), entry) ||
      term < copy.term ||
      (term === copy.term && vote !== copy.vote && copy.vote !== NO_PEER) ||
      commit < copy.commit
    );
  }

  /**
   * What comes after the damage is enough where the state contains what comes before it, or is lost along with that and
   * has to be fetched anyway.
   */
  #beginLater(lastBroken: LogIndex, applied: EntryId, commit: LogIndex): boolean {
    const { durable } = this;
    const next = plus(lastBroken, 1);
    const isInState = applied.index >= lastBroken && durable.term(applied.index) === applied.term;
    const isLost = applied.index === 0 && durable.firstIndex > 1 && next <= commit;
    if (!isInState && !isLost) return false;
    durable.compact(isInState ? minIndex(applied.index, next) : next);
    const { hardState, firstIndex } = durable;
    durable.hardState = { ...hardState, commit: maxIndex(hardState.commit, plus(firstIndex, -1)) };
    return true;
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
