import assert from 'node:assert/strict';
import type { RangeQuery } from '../../chat/ports.ts';
import type { ConfState, LogIndex, Term } from '../../consensus/types.ts';
import type {
  AppliedPosition,
  StateInstall,
  StateSnapshot,
  StateSnapshotHeader,
  StateStore,
  StateTransaction,
} from '../../node/ports.ts';
import { damaged } from '../../node/store/damage.ts';
import { isRowKey } from '../../node/store/row-digest.ts';
import { sortedChanges, type Row } from '../../node/store/row-merge.ts';
import { RowStreamDecoder } from '../../node/store/row-stream.ts';
import { StreamedState, type RowSource } from '../../node/store/state-snapshot.ts';
import type { StampMs } from '../../protocol/ids.ts';
import type { SimStateDisk } from './sim-state-disk.ts';
import { hashedRow, StateImage, type RowChange, type StateCommit } from './state-image.ts';
import { insist } from './violation.ts';

export interface SimStateStoreEnv {
  readonly disk: SimStateDisk;
  /** Runs `act` after the time a disk takes; the promise resolves inside the process, if that lives. */
  readonly onDisk: <T>(act: () => T) => Promise<T>;
  readonly isAlive: () => boolean;
  /** What nodes compare. */
  readonly hashOf: (image: StateImage) => string;
  /** A transaction begins: the last moment at which the state is as it was. */
  readonly onBegin: () => void;
  readonly onCommitted: (position: AppliedPosition, image: StateImage) => void;
  readonly onInstalled: (image: StateImage) => void;
  /** The snapshot that is being sent has a flipped bit from now on. */
  readonly onSpoiled: (index: LogIndex) => void;
  /** What was received is not the snapshot that was announced. */
  readonly onRefused: (index: LogIndex) => void;
}

/** Its rows all come as changes. */
const NO_ROWS: RowSource = { next: () => Promise.resolve([]), close: () => Promise.resolve() };

/** The state store of one run of one simulated node: the same promises as the LevelDB state, on rows in memory. */
export class SimStateStore implements StateStore {
  readonly #env: SimStateStoreEnv;
  #image: StateImage;
  #inTransaction = false;
  #spoilsAt: number | undefined;

  constructor(env: SimStateStoreEnv) {
    this.#env = env;
    this.#image = env.disk.durable.copy();
  }

  get appliedIndex(): LogIndex {
    return this.#image.index;
  }
  get appliedTerm(): Term {
    return this.#image.term;
  }
  get lastStampMs(): StampMs {
    return this.#image.stampMs;
  }
  get confState(): ConfState {
    return this.#image.confState;
  }
  /** The membership together with the index that it belongs to. */
  get position(): Pick<StateImage, 'index' | 'confState'> {
    return this.#image;
  }
  get durableIndex(): LogIndex {
    return this.#env.disk.durable.index;
  }
  get installedFrom(): StateSnapshotHeader | undefined {
    return this.#env.disk.installedFrom;
  }

  get(key: string): Uint8Array | undefined {
    return this.#image.rows.get(key)?.value;
  }

  range({ gte, lt, limit, reverse }: RangeQuery): Promise<readonly Row[]> {
    const rows: [string, Uint8Array][] = [];
    for (const [key, { value }] of this.#image.rows) if (key >= gte && key < lt) rows.push([key, value]);
    return Promise.resolve(sortedChanges(rows, reverse).slice(0, limit) as Row[]);
  }

  begin(): StateTransaction {
    assert(!this.#inTransaction, 'a transaction is open already');
    this.#env.onBegin();
    this.#inTransaction = true;
    const changes = new Map<string, Uint8Array | undefined>();
    return {
      get: (key) => (changes.has(key) ? changes.get(key) : this.#image.rows.get(key)?.value),
      put: (key, value) => {
        assert(isRowKey(key), `${JSON.stringify(key)} cannot be the key of a row`);
        changes.set(key, value);
      },
      delete: (key) => void changes.set(key, undefined),
      commit: (position) => this.#commit(position, changes),
    };
  }

  #commit(position: AppliedPosition, values: ReadonlyMap<string, Uint8Array | undefined>): void {
    assert(this.#inTransaction, 'the transaction is over');
    this.#inTransaction = false;
    if (!this.#env.isAlive()) return;
    assert(position.index > this.#image.index, `entry ${position.index} is applied already`);
    const changes: RowChange[] = [];
    for (const [key, value] of values) changes.push([key, value && hashedRow(key, value)]);
    const commit: StateCommit = { position, changes, hash: this.#image.hashWith(changes) };
    this.#image.commit(commit);
    this.#env.disk.write(commit);
    this.#env.onCommitted(position, this.#image);
  }

  hash(): { index: LogIndex; hash: string } {
    return { index: this.#image.index, hash: this.#env.hashOf(this.#image) };
  }

  sync(): Promise<void> {
    const { index } = this.#image;
    return this.#env.onDisk(() => this.#env.disk.syncTo(index));
  }

  /** The next snapshot leaves with a flipped bit in its first chunk, `place` in `[0, 1)` of the way through. */
  spoilNextSnapshot(place: number): void {
    this.#spoilsAt = place;
  }

  openSnapshot(): StateSnapshot {
    const { index, term, confState, stampMs, rows } = this.#image;
    const stateHash = this.#env.hashOf(this.#image);
    const header = { format: 1 as const, metadata: { index, term, confState }, stampMs, stateHash };
    const view = [...rows].map(([key, { value }]): [string, Uint8Array] => [key, value]);
    const stream = new StreamedState(header, NO_ROWS, sortedChanges(view));
    let spoilsAt = this.#spoilsAt;
    this.#spoilsAt = undefined;
    return {
      header,
      nextChunk: async (room) => {
        await this.#env.onDisk(() => {});
        const chunk = await stream.nextChunk(room);
        if (chunk !== undefined && spoilsAt !== undefined) {
          chunk[Math.floor(spoilsAt * chunk.length)]! ^= 1;
          this.#env.onSpoiled(index);
        }
        spoilsAt = undefined;
        return chunk;
      },
      close: () => stream.close(),
    };
  }

  beginInstall(header: StateSnapshotHeader): Promise<StateInstall> {
    const staged = new StateImage();
    const decoder = new RowStreamDecoder();
    const { index, term, confState } = header.metadata;
    const position = { index, term, confState, stampMs: header.stampMs };
    const stage = (rows: readonly Row[]): void => {
      const changes = rows.map(([key, value]): RowChange => [key, hashedRow(key, value)]);
      staged.commit({ position, changes, hash: staged.hashWith(changes) });
    };
    const check = (): void => {
      if (!decoder.complete || this.#env.hashOf(staged) !== header.stateHash) throw this.#refusal(header);
    };
    // A snapshot without rows is never written to.
    stage([]);
    return this.#env.onDisk(() => ({
      write: (chunk) =>
        this.#env.onDisk(() => {
          const rows = decoder.push(chunk);
          if (rows === undefined) throw this.#refusal(header);
          // The chunk is used for others.
          stage(rows.map(([key, value]) => [key, Uint8Array.from(value)]));
        }),
      check,
      finish: () =>
        this.#env.onDisk(() => {
          check();
          this.#install(staged, header);
        }),
      abort: () => Promise.resolve(),
    }));
  }

  #refusal(header: StateSnapshotHeader): Error {
    this.#env.onRefused(header.metadata.index);
    return damaged('state', 'snapshot', 'the snapshot that was received is damaged');
  }

  #install(staged: StateImage, header: StateSnapshotHeader): void {
    insist(staged.index > this.#image.index, 'snapshot-back', () => `${staged.index} over ${this.#image.index}`);
    this.#env.disk.replace(staged.copy(), header);
    this.#image = staged;
    this.#env.onInstalled(staged);
  }

  close(): Promise<void> {
    return this.sync();
  }
}
