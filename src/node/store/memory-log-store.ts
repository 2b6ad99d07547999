import assert from 'node:assert/strict';
import { MemoryLogStorage } from '../../consensus/memory-log-storage.ts';
import { SNAPSHOT_TEMPORARILY_UNAVAILABLE, type LogGap } from '../../consensus/log-storage.ts';
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
import type { Done, LogStore, LogWrite } from '../ports.ts';
import type { Promises } from '../rollback/promises.ts';
import { CHAIN_START, chainHashBytes, chainHashFrom, chainHashOf, type ChainHash } from './chain-hash.ts';

/** The same promises as the LevelDB log, but for durability: for tests that need no disk. */
export class MemoryLogStore implements LogStore {
  readonly #storage = new MemoryLogStorage();
  readonly #confState: ConfState;
  /** Hashes from the base on: `#hashes[i]` belongs to index `#base + i`. */
  #hashes: ChainHash[] = [CHAIN_START];
  #base = 0;
  #waiting: Done[] = [];
  #snapshotSource: () => SnapshotMetadata | undefined = () => undefined;
  #onIdle: (() => void)[] = [];

  constructor(confState: ConfState = EMPTY_CONF_STATE) {
    this.#confState = confState;
  }

  initialState(): { hardState: HardState; confState: ConfState } {
    return { hardState: this.#storage.initialState().hardState, confState: this.#confState };
  }

  entries(lo: LogIndex, hi: LogIndex, maxBytes: number): Entry[] | LogGap {
    return this.#storage.entries(lo, hi, maxBytes);
  }

  term(index: LogIndex): Term | LogGap {
    return this.#storage.term(index);
  }

  firstIndex(): LogIndex {
    return this.#storage.firstIndex();
  }

  lastIndex(): LogIndex {
    return this.#storage.lastIndex();
  }

  promised(): Promises {
    const { term, vote } = this.#storage.initialState().hardState;
    const index = this.#storage.lastIndex();
    return { term, vote, entry: { index, term: this.#storage.term(index) as Term } };
  }

  setSnapshotSource(source: () => SnapshotMetadata | undefined): void {
    this.#snapshotSource = source;
  }

  snapshot(): Snapshot | typeof SNAPSHOT_TEMPORARILY_UNAVAILABLE {
    const metadata = this.#snapshotSource();
    return metadata === undefined ? SNAPSHOT_TEMPORARILY_UNAVAILABLE : { metadata, data: EMPTY_BYTES };
  }

  append({ hardState, entries, snapshot }: LogWrite, done: Done): void {
    if (snapshot !== undefined) {
      assert(snapshot.metadata.index > this.#base, 'the snapshot is not newer than the log');
      assert(this.#storage.applySnapshot({ metadata: snapshot.metadata, data: EMPTY_BYTES }));
      this.#base = snapshot.metadata.index;
      this.#hashes = [chainHashFrom(snapshot.chainHash)];
    }
    if (hardState !== undefined) this.#storage.setHardState(hardState);
    this.#storage.append(entries);
    for (const entry of entries) {
      if (entry.index <= this.#base) continue;
      this.#hashes.length = entry.index - this.#base;
      this.#hashes.push(chainHashOf(this.#hashes.at(-1)!, entry));
    }
    this.#waiting.push(done);
    if (this.#waiting.length === 1) queueMicrotask(() => this.#finish());
  }

  #finish(): void {
    for (const done of this.#waiting.splice(0)) done();
    if (this.#waiting.length === 0) for (const idle of this.#onIdle.splice(0)) idle();
  }

  compact(index: LogIndex): void {
    if (index === this.#base) return;
    this.#storage.compact(index);
    this.#hashes = this.#hashes.slice(index - this.#base);
    this.#base = index;
  }

  eraseCompacted(): Promise<void> {
    return Promise.resolve();
  }

  chainHash(index: LogIndex): Uint8Array {
    const hash = this.#hashes[index - this.#base];
    assert(hash !== undefined, `no chain hash is known at ${index}`);
    return chainHashBytes(hash);
  }

  async close(): Promise<void> {
    if (this.#waiting.length > 0) await new Promise<void>((resolve) => this.#onIdle.push(resolve));
  }
}
