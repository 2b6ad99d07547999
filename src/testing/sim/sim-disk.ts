import type { LogIndex } from '../../consensus/types.ts';
import type { Done, LogWrite } from '../../node/ports.ts';
import { LogImage } from './log-image.ts';
import type { Prng } from './prng.ts';
import type { VirtualTime } from './virtual-time.ts';

export interface DiskOptions {
  readonly time: VirtualTime;
  readonly prng: Prng;
  /** A typical synced write. */
  readonly syncMs: number;
  readonly stallChance: number;
  readonly stallMs: number;
  /** Planted bugs. */
  readonly lies: { readonly acknowledgesBeforeSync: boolean; readonly votesAreNotSynced: boolean };
}

interface PendingWrite {
  readonly write: LogWrite | undefined;
  readonly compactTo: LogIndex | undefined;
  readonly done: Done;
}

/**
 * One node's disk for its log. Writes are accepted at once into what the running process sees, and become durable in
 * groups, one group at a time. A crash forgets what was not durable; of the group that was being written, the first
 * few writes may have made it.
 */
export class SimDisk {
  readonly #options: DiskOptions;
  /** What a restarted process finds. */
  readonly durable = new LogImage();
  #queue: PendingWrite[] = [];
  #running: PendingWrite[] = [];
  /** Rises with every crash: what an earlier process began no longer calls back. */
  #epoch = 0;
  #stalledUntilMs = 0;

  constructor(options: DiskOptions) {
    this.#options = options;
  }

  /** `lazy`: only the commit index changed, which the next sync may take along. */
  accept(write: LogWrite, lazy: boolean, done: Done): void {
    if (lazy && this.#running.length === 0) {
      this.#queue.push({ write, compactTo: undefined, done: noOp });
      done();
      return;
    }
    const { lies } = this.#options;
    const lie = write.entries.length > 0 ? lies.acknowledgesBeforeSync : lies.votesAreNotSynced;
    if (lie) done();
    this.#queue.push({ write, compactTo: undefined, done: lie ? noOp : done });
    this.#start();
  }

  compact(index: LogIndex): void {
    this.#queue.push({ write: undefined, compactTo: index, done: noOp });
  }

  stall(durationMs: number): void {
    this.#stalledUntilMs = this.#options.time.nowMs + durationMs;
  }

  #start(): void {
    if (this.#running.length > 0) return;
    const { time, prng, syncMs, stallChance, stallMs } = this.#options;
    this.#running = this.#queue;
    this.#queue = [];
    const latencyMs = prng.latency(syncMs, stallChance, stallMs);
    const epoch = this.#epoch;
    time.at(Math.max(time.nowMs, this.#stalledUntilMs) + latencyMs, () => {
      if (epoch === this.#epoch) this.#finish();
    });
  }

  #finish(): void {
    const written = this.#running;
    this.#running = [];
    for (const pending of written) this.#make(pending);
    if (this.#queue.some(({ done }) => done !== noOp)) this.#start();
    for (const { done } of written) done();
  }

  #make({ write, compactTo }: PendingWrite): void {
    if (write !== undefined) this.durable.write(write);
    if (compactTo !== undefined) this.durable.compact(compactTo);
  }

  crash(): void {
    this.#epoch += 1;
    const survivors = this.#options.prng.below(this.#running.length + 1);
    for (const pending of this.#running.slice(0, survivors)) this.#make(pending);
    this.#running = [];
    this.#queue = [];
  }
}

const noOp = (): void => {};
