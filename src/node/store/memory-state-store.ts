import assert from 'node:assert/strict';
import type { RangeQuery } from '../../chat/ports.ts';
import {
  EMPTY_CONF_STATE,
  ZERO_INDEX,
  ZERO_TERM,
  type ConfState,
  type LogIndex,
  type Term,
} from '../../consensus/types.ts';
import type { StampMs } from '../../protocol/ids.ts';
import type {
  AppliedPosition,
  StateInstall,
  StateSnapshot,
  StateSnapshotHeader,
  StateStore,
  StateTransaction,
} from '../ports.ts';
import { damaged } from './damage.ts';
import { MultisetHash } from './multiset-hash.ts';
import { isRowKey } from './row-digest.ts';
import { sortedChanges, type ChangedRow, type Row } from './row-merge.ts';
import { RowStreamDecoder } from './row-stream.ts';
import { StreamedState, type RowSource } from './state-snapshot.ts';
import type { Position } from './state-overlay.ts';

/** The same promises as the LevelDB state, but for durability: for tests that need no disk. */
export class MemoryStateStore implements StateStore {
  #rows = new Map<string, Uint8Array>();
  #hash = new MultisetHash();
  #position: Position;
  #durableIndex: LogIndex = ZERO_INDEX;
  #installedFrom: StateSnapshotHeader | undefined;
  #inTransaction = false;

  /** @param confState the membership at index 0 */
  constructor(confState: ConfState = EMPTY_CONF_STATE) {
    this.#position = { index: ZERO_INDEX, term: ZERO_TERM, stampMs: 0 as StampMs, confState };
  }

  get appliedIndex(): LogIndex {
    return this.#position.index;
  }

  get appliedTerm(): Term {
    return this.#position.term;
  }

  get lastStampMs(): StampMs {
    return this.#position.stampMs;
  }

  get confState(): ConfState {
    return this.#position.confState;
  }

  get durableIndex(): LogIndex {
    return this.#durableIndex;
  }

  get installedFrom(): StateSnapshotHeader | undefined {
    return this.#installedFrom;
  }

  get(key: string): Uint8Array | undefined {
    return this.#rows.get(key);
  }

  range({ gte, lt, limit, reverse }: RangeQuery): Promise<readonly Row[]> {
    const rows = [...this.#rows].filter(([key]) => key >= gte && key < lt);
    return Promise.resolve(sortedChanges(rows, reverse).slice(0, limit) as Row[]);
  }

  begin(): StateTransaction {
    assert(!this.#inTransaction, 'a transaction is open already');
    this.#inTransaction = true;
    const changes = new Map<string, Uint8Array | undefined>();
    return {
      get: (key) => (changes.has(key) ? changes.get(key) : this.#rows.get(key)),
      put: (key, value) => {
        assert(isRowKey(key), `${JSON.stringify(key)} cannot be the key of a row`);
        changes.set(key, value);
      },
      delete: (key) => void changes.set(key, undefined),
      commit: (position) => this.#commit([...changes], position),
    };
  }

  #commit(changes: readonly ChangedRow[], position: AppliedPosition): void {
    const { index, term, stampMs } = position;
    assert(this.#inTransaction, 'the transaction is over');
    assert(index > this.#position.index, `entry ${index} is applied already`);
    this.#inTransaction = false;
    for (const [key, value] of changes) this.#change(key, value);
    this.#position = { index, term, stampMs, confState: position.confState ?? this.#position.confState };
  }

  #change(key: string, value: Uint8Array | undefined): void {
    const before = this.#rows.get(key);
    if (before !== undefined) this.#hash.remove(key, before);
    if (value === undefined) {
      this.#rows.delete(key);
    } else {
      this.#rows.set(key, value);
      this.#hash.add(key, value);
    }
  }

  hash(): { readonly index: LogIndex; readonly hash: string } {
    return { index: this.#position.index, hash: this.#hash.hex() };
  }

  sync(): Promise<void> {
    this.#durableIndex = this.#position.index;
    return Promise.resolve();
  }

  openSnapshot(): StateSnapshot {
    const { index, term, stampMs, confState } = this.#position;
    const header = { format: 1 as const, metadata: { index, term, confState }, stampMs, stateHash: this.#hash.hex() };
    const nothing: RowSource = { next: () => Promise.resolve([]), close: () => Promise.resolve() };
    return new StreamedState(header, nothing, sortedChanges(this.#rows));
  }

  beginInstall(header: StateSnapshotHeader): Promise<StateInstall> {
    const decoder = new RowStreamDecoder();
    const rows = new Map<string, Uint8Array>();
    const hash = new MultisetHash();
    return Promise.resolve({
      write: (chunk: Uint8Array) => {
        const read = decoder.push(chunk);
        if (read === undefined) return Promise.reject(broken());
        for (const [key, value] of read) {
          rows.set(key, value);
          hash.add(key, value);
        }
        return Promise.resolve();
      },
      finish: () => {
        if (!decoder.complete || hash.hex() !== header.stateHash) return Promise.reject(broken());
        this.#install(header, rows, hash);
        return Promise.resolve();
      },
      abort: () => Promise.resolve(),
    });
  }

  #install(header: StateSnapshotHeader, rows: Map<string, Uint8Array>, hash: MultisetHash): void {
    const { metadata, stampMs } = header;
    assert(metadata.index > this.#position.index, 'the installed snapshot is older than the state');
    this.#rows = rows;
    this.#hash = hash;
    this.#position = { ...metadata, stampMs };
    this.#durableIndex = metadata.index;
    this.#installedFrom = header;
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}

function broken(): Error {
  return damaged('state', 'snapshot', 'the snapshot that was received is damaged');
}
