import { decodeConfChange, isConfChangeEntry } from '../../consensus/membership/conf-change-codec.ts';
import { MemoryLogStorage } from '../../consensus/memory-log-storage.ts';
import type { Message } from '../../consensus/message.ts';
import type { RaftConfig } from '../../consensus/raft-config.ts';
import { RawNode } from '../../consensus/raw-node.ts';
import type { Entry, HardState, PeerId, Snapshot } from '../../consensus/types.ts';

/** A storage whose snapshot is always one of the latest applied state. */
class ScenarioStorage extends MemoryLogStorage {
  readonly #latest: () => Snapshot;

  constructor(latest: () => Snapshot) {
    super();
    this.#latest = latest;
  }

  override snapshot(): Snapshot {
    return this.#latest();
  }
}

export type NodeOptions = Omit<RaftConfig, 'id' | 'storage'>;

export interface Writes {
  readonly hardState: HardState | undefined;
  readonly entries: readonly Entry[];
  readonly snapshot: Snapshot | undefined;
}

/**
 * One peer of an interaction scenario: the core, a storage, the work waiting for its two storage
 * threads, and a state machine that appends what it applies to its state.
 */
export class ScenarioNode {
  readonly id: PeerId;
  readonly raw: RawNode;
  readonly storage: MemoryLogStorage;
  readonly options: NodeOptions;
  appendWork: Message[] = [];
  applyWork: Message[] = [];
  #state: Snapshot;

  /** `initial` is installed as log and state, unless its index is 0. */
  constructor(id: PeerId, options: NodeOptions, initial: Snapshot) {
    this.id = id;
    this.options = options;
    this.#state = initial;
    this.storage = new ScenarioStorage(() => this.#state);
    if (initial.metadata.index > 0) this.storage.applySnapshot(initial);
    this.raw = new RawNode({ ...options, id, storage: this.storage });
  }

  /** Writes to the storage. Returns an error message, or `undefined`. */
  append({ hardState, entries, snapshot }: Writes): string | undefined {
    if (hardState !== undefined) this.storage.setHardState(hardState);
    if (snapshot === undefined) {
      this.storage.append(entries);
      return undefined;
    }
    if (entries.length > 0) return "can't apply snapshot and entries at the same time";
    if (this.storage.applySnapshot(snapshot)) return undefined;
    return 'requested index is older than the existing snapshot';
  }

  apply(entries: readonly Entry[]): void {
    for (const entry of entries) this.#applyOne(entry);
  }

  #applyOne(entry: Entry): void {
    const { index, term } = entry;
    let { confState } = this.#state.metadata;
    let update = entry.data;
    if (isConfChangeEntry(entry)) {
      const change = decodeConfChange(entry);
      confState = this.raw.applyConfChange(change);
      update = change.context;
    }
    const data = new Uint8Array([...this.#state.data, ...update]);
    this.#state = { metadata: { index, term, confState }, data };
  }
}
