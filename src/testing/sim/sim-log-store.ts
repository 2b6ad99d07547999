import type { LogGap } from '../../consensus/log-storage.ts';
import { SNAPSHOT_TEMPORARILY_UNAVAILABLE } from '../../consensus/log-storage.ts';
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
import type { Done, LogStore, LogWrite } from '../../node/ports.ts';
import { hashBytes } from './fast-hash.ts';
import type { LogImage } from './log-image.ts';
import type { SimDisk } from './sim-disk.ts';
import { insist } from './violation.ts';

export interface SimLogStoreEnv {
  readonly disk: SimDisk;
  /** Brings a callback of the disk into the process, unless that has died. */
  readonly intoProcess: (callback: () => void) => void;
  readonly isAlive: () => boolean;
  /** Told of every write as it is accepted. */
  readonly onAccepted: (write: LogWrite, image: LogImage) => void;
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
    if (!this.#env.isAlive()) return;
    const before = this.image.hardState;
    this.image.write(write);
    this.#env.onAccepted(write, this.image);
    const { term, vote } = this.image.hardState;
    const lazy =
      write.entries.length === 0 && write.snapshot === undefined && before.term === term && before.vote === vote;
    this.#env.disk.accept(write, lazy, () => this.#env.intoProcess(done));
  }

  compact(index: LogIndex): void {
    if (!this.#env.isAlive()) return;
    this.image.compact(index);
    this.#env.disk.compact(index);
  }

  chainHash(index: LogIndex): Uint8Array {
    const hash = this.image.hash(index);
    insist(hash !== undefined, 'log-gap', () => `no chain hash at ${index}`);
    return hashBytes(hash);
  }

  setSnapshotSource(source: () => SnapshotMetadata | undefined): void {
    this.#snapshotSource = source;
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}
