import type { LogGap } from '../../consensus/log-storage.ts';
import { SNAPSHOT_TEMPORARILY_UNAVAILABLE } from '../../consensus/log-storage.ts';
import type { RepairGoal } from '../../consensus/repair.ts';
import {
  EMPTY_BYTES,
  EMPTY_CONF_STATE,
  type ConfState,
  type Entry,
  type HardState,
  type LogIndex,
  type Snapshot,
  type SnapshotMetadata,
  type Term,
} from '../../consensus/types.ts';
import type { Done, LogStore, LogWrite, LostEntries } from '../../node/ports.ts';
import type { Promises } from '../../node/rollback/promises.ts';
import type { LogImage } from './log-image.ts';
import type { DiskError, SimDisk } from './sim-disk.ts';
import { insist } from './violation.ts';

export interface SimLogStoreEnv {
  readonly disk: SimDisk;
  /** Brings a callback of the disk into the process, unless that has died. */
  readonly intoProcess: (callback: () => void) => void;
  readonly isAlive: () => boolean;
  /** Told of every write before and after it is accepted. */
  readonly onAccepting: (write: LogWrite, image: LogImage) => void;
  readonly onAccepted: (write: LogWrite, image: LogImage) => void;
  readonly onCompacted: () => void;
  readonly onDiskError: (error: DiskError) => void;
}

/** The log store of one run of one simulated node. */
export class SimLogStore implements LogStore {
  readonly #env: SimLogStoreEnv;
  /** What the process sees: everything accepted, durable or not. */
  readonly image: LogImage;
  #snapshotSource: () => SnapshotMetadata | undefined = () => undefined;

  constructor(env: SimLogStoreEnv) {
    this.#env = env;
    this.image = env.disk.durable.copy();
  }

  initialState(): { hardState: HardState; confState: ConfState } {
    return { hardState: this.image.hardState, confState: EMPTY_CONF_STATE };
  }

  entries(lo: LogIndex, hi: LogIndex, maxBytes: number): Entry[] | LogGap {
    return this.image.entries(lo, hi, maxBytes);
  }

  term(index: LogIndex): Term | LogGap {
    return this.image.term(index);
  }

  firstIndex(): LogIndex {
    return this.image.firstIndex;
  }

  lastIndex(): LogIndex {
    return this.image.lastIndex;
  }

  snapshot(): Snapshot | typeof SNAPSHOT_TEMPORARILY_UNAVAILABLE {
    const metadata = this.#snapshotSource();
    return metadata === undefined ? SNAPSHOT_TEMPORARILY_UNAVAILABLE : { metadata, data: EMPTY_BYTES };
  }

  append(write: LogWrite, done: Done): void {
    const { disk, isAlive, intoProcess, onAccepting, onAccepted, onDiskError } = this.#env;
    if (!isAlive()) return;
    onAccepting(write, this.image);
    const before = this.image.hardState;
    const hashed = this.image.accept(write);
    const { term, vote } = this.image.hardState;
    const lazy =
      write.entries.length === 0 && write.snapshot === undefined && before.term === term && before.vote === vote;
    disk.accept(hashed, lazy, () => intoProcess(done), onDiskError);
    onAccepted(write, this.image);
  }

  compact(index: LogIndex): void {
    const { disk, isAlive, onCompacted, onDiskError } = this.#env;
    if (!isAlive()) return;
    this.image.compact(index);
    disk.compact(index, onDiskError);
    onCompacted();
  }

  /** Simulated disks keep nothing of what was dropped. */
  eraseCompacted(): Promise<void> {
    return Promise.resolve();
  }

  chainHash(index: LogIndex): Uint8Array {
    const hash = this.image.hashBytes(index);
    insist(hash !== undefined, 'log-gap', () => `no chain hash at ${index}`);
    return hash;
  }

  promised(): Promises {
    return this.#env.disk.promised;
  }

  get repair(): RepairGoal | undefined {
    return this.#env.disk.repair;
  }

  get lost(): LostEntries | undefined {
    return this.#env.disk.lost;
  }

  setSnapshotSource(source: () => SnapshotMetadata | undefined): void {
    this.#snapshotSource = source;
  }

  close(): Promise<void> {
    const { disk, intoProcess, onDiskError } = this.#env;
    return new Promise((resolve) => disk.flush(() => intoProcess(resolve), onDiskError));
  }
}
