import { Packr } from 'msgpackr';
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
import type { StampMs } from '../../protocol/ids.ts';
import type { SimStateDisk } from './sim-state-disk.ts';
import { hashedRow, StateImage, type RowChange, type StateCommit } from './state-image.ts';
import { insist } from './violation.ts';

export interface SimStateStoreEnv {
  readonly disk: SimStateDisk;
  /** Runs `act` after the time a disk takes; the promise resolves inside the process, if that lives. */
  readonly onDisk: <T>(act: () => T) => Promise<T>;
  readonly isAlive: () => boolean;
  /** A transaction begins: the last moment at which the state is as it was. */
  readonly onBegin: () => void;
  readonly onCommitted: (position: AppliedPosition, image: StateImage) => void;
  readonly onInstalled: (image: StateImage) => void;
}

type Row = readonly [key: string, value: Uint8Array];

const packr = new Packr({ useRecords: false, moreTypes: false });

/** The state store of one run of one simulated node. */
export class SimStateStore implements StateStore {
  readonly #env: SimStateStoreEnv;
  #image: StateImage;

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
    const rows: Row[] = [];
    for (const [key, { value }] of this.#image.rows) if (key >= gte && key < lt) rows.push([key, value]);
    rows.sort(([a], [b]) => (a < b ? -1 : 1));
    if (reverse === true) rows.reverse();
    return Promise.resolve(rows.slice(0, limit));
  }

  begin(): StateTransaction {
    this.#env.onBegin();
    const changes = new Map<string, Uint8Array | undefined>();
    return {
      get: (key) => (changes.has(key) ? changes.get(key) : this.#image.rows.get(key)?.value),
      put: (key, value) => void changes.set(key, value),
      delete: (key) => void changes.set(key, undefined),
      commit: (position) => this.#commit(position, changes),
    };
  }

  #commit(position: AppliedPosition, values: ReadonlyMap<string, Uint8Array | undefined>): void {
    if (!this.#env.isAlive()) return;
    const { index } = this.#image;
    insist(position.index === index + 1, 'apply-order', () => `entry ${position.index} applied after ${index}`);
    const changes: RowChange[] = [];
    for (const [key, value] of values) changes.push([key, value && hashedRow(key, value)]);
    const commit: StateCommit = { position, changes, hash: this.#image.hashWith(changes) };
    this.#image.commit(commit);
    this.#env.disk.write(commit);
    this.#env.onCommitted(position, this.#image);
  }

  hash(): { index: LogIndex; hash: string } {
    return { index: this.#image.index, hash: this.#image.hashText };
  }

  sync(): Promise<void> {
    const { index } = this.#image;
    return this.#env.onDisk(() => this.#env.disk.syncTo(index));
  }

  openSnapshot(): StateSnapshot {
    const { index, term, confState, stampMs, hashText, rows } = this.#image;
    const view = [...rows];
    let next = 0;
    return {
      header: { format: 1, metadata: { index, term, confState }, stampMs, stateHash: hashText },
      nextChunk: (chunkBytesMax) =>
        this.#env.onDisk(() => {
          const chunk: Row[] = [];
          for (let bytes = 0; next < view.length; next += 1) {
            const [key, { value }] = view[next]!;
            bytes += key.length + value.length;
            if (bytes > chunkBytesMax && chunk.length > 0) break;
            chunk.push([key, value]);
          }
          return chunk.length === 0 ? undefined : packr.pack(chunk);
        }),
      close: () => Promise.resolve(),
    };
  }

  beginInstall(header: StateSnapshotHeader): Promise<StateInstall> {
    const staged = new StateImage();
    const { index, term, confState } = header.metadata;
    const position = { index, term, confState, stampMs: header.stampMs };
    const stage = (rows: readonly Row[]): void => {
      const changes = rows.map(([key, value]): RowChange => [key, hashedRow(key, value)]);
      staged.commit({ position, changes, hash: staged.hashWith(changes) });
    };
    const install: StateInstall = {
      write: (chunk) => this.#env.onDisk(() => stage(packr.unpack(chunk) as Row[])),
      finish: () => this.#env.onDisk(() => this.#install(staged, header)),
      abort: () => Promise.resolve(),
    };
    // A snapshot without rows is never written to.
    stage([]);
    return this.#env.onDisk(() => install);
  }

  #install(staged: StateImage, header: StateSnapshotHeader): void {
    const { hashText, index } = staged;
    insist(hashText === header.stateHash, 'snapshot-hash', () => `${hashText} instead of ${header.stateHash}`);
    insist(index > this.#image.index, 'snapshot-back', () => `${index} over ${this.#image.index}`);
    this.#env.disk.replace(staged.copy(), header);
    this.#image = staged;
    this.#env.onInstalled(staged);
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}
