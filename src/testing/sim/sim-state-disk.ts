import type { LogIndex } from '../../consensus/types.ts';
import type { StateSnapshotHeader } from '../../node/ports.ts';
import type { Prng } from './prng.ts';
import { StateImage, type StateCommit } from './state-image.ts';

/** What a crash leaves of a node's state: the durable rows, and a random part of what was written without sync. */
export class SimStateDisk {
  durable = new StateImage();
  installedFrom: StateSnapshotHeader | undefined;
  /** Committed but not synced yet, in order. */
  #tail: StateCommit[] = [];
  readonly #prng: Prng;

  constructor(prng: Prng) {
    this.#prng = prng;
  }

  /** Another disk with what is durable on this one. */
  copy(): SimStateDisk {
    const copy = new SimStateDisk(this.#prng);
    copy.durable = this.durable.copy();
    copy.installedFrom = this.installedFrom;
    return copy;
  }

  write(commit: StateCommit): void {
    this.#tail.push(commit);
  }

  /** Everything up to `index` is on disk now. */
  syncTo(index: LogIndex): void {
    let count = 0;
    while (count < this.#tail.length && this.#tail[count]!.position.index <= index) count += 1;
    for (const commit of this.#tail.splice(0, count)) this.durable.commit(commit);
  }

  /** A write-back by the operating system at a time of its own. */
  syncSome(): void {
    const commit = this.#tail[this.#prng.below(this.#tail.length + 1)];
    if (commit !== undefined) this.syncTo(commit.position.index);
  }

  replace(image: StateImage, header: StateSnapshotHeader): void {
    this.durable = image;
    this.installedFrom = header;
    this.#tail = [];
  }

  /** Begins anew: the rows can be had again from a log that is complete. */
  reset(): void {
    this.durable = new StateImage();
    this.installedFrom = undefined;
    this.#tail = [];
  }

  crash(): void {
    this.syncSome();
    this.#tail = [];
  }
}
