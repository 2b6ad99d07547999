import type { RaftEvent } from '../../consensus/events.ts';
import { MemoryLogStorage } from '../../consensus/memory-log-storage.ts';
import { decodeConfChange, isConfChangeEntry } from '../../consensus/membership/conf-change-codec.ts';
import { hardStateOf, type Message } from '../../consensus/message.ts';
import type { RaftConfig } from '../../consensus/raft-config.ts';
import { RawNode } from '../../consensus/raw-node.ts';
import type { ReadState, Ready } from '../../consensus/ready.ts';
import type { RepairGoal } from '../../consensus/repair.ts';
import {
  APPEND_THREAD,
  APPLY_THREAD,
  EMPTY_CONF_STATE,
  plus,
  ZERO_INDEX,
  ZERO_TERM,
  type ConfState,
  type Entry,
  type HardState,
  type LogIndex,
  type PeerId,
  type Snapshot,
  type Term,
} from '../../consensus/types.ts';

/** Where the log of every cluster begins: before it, there is only the founding membership. */
export const FOUNDING_INDEX = 1 as LogIndex;

export type PeerOptions = Omit<RaftConfig, 'id' | 'storage' | 'applied' | 'repair' | 'lacksState' | 'onEvent'>;

/** What survives a crash. */
class Disk extends MemoryLogStorage {
  applied: Snapshot = {
    metadata: { index: ZERO_INDEX, term: ZERO_TERM, confState: EMPTY_CONF_STATE },
    data: new Uint8Array(),
  };

  /** Snapshots are taken of whatever is applied when one is needed. */
  override snapshot(): Snapshot {
    return this.applied;
  }

  override initialState(): { hardState: HardState; confState: ConfState } {
    return { hardState: super.initialState().hardState, confState: this.applied.metadata.confState };
  }
}

type Damage = Partial<Pick<RaftConfig, 'repair' | 'lacksState'>>;

/**
 * One peer over a disk in memory, with both ways of writing. The state machine is a list of the
 * entries it was given. With asynchronous writes the work waits in `appendWork` and `applyWork` until
 * somebody executes it; a crash loses it.
 */
export class ClusterPeer {
  readonly id: PeerId;
  readonly options: PeerOptions;
  disk = new Disk();
  readonly #founding: ConfState | undefined;
  raw: RawNode;
  /** Everything ever applied, by whichever life of the process; the entry after the founding index comes first. */
  readonly applied: Entry[] = [];
  readonly events: RaftEvent[] = [];
  readStates: ReadState[] = [];
  appendWork: Message[] = [];
  applyWork: Message[] = [];

  /** A founding member starts from a snapshot of nothing at index 1; others are sent one. */
  constructor(id: PeerId, options: PeerOptions, founding: ConfState | undefined) {
    this.id = id;
    this.options = options;
    this.#founding = founding;
    this.#found();
    this.raw = this.#start();
  }

  #found(): void {
    if (this.#founding === undefined) return;
    const metadata = { index: FOUNDING_INDEX, term: ZERO_TERM, confState: this.#founding };
    this.disk.applied = { metadata, data: this.#history() };
    this.disk.applySnapshot(this.disk.applied);
  }

  #start(damage: Damage = {}): RawNode {
    const onEvent = (event: RaftEvent): void => {
      this.events.push(event);
    };
    return new RawNode({
      ...this.options,
      id: this.id,
      storage: this.disk,
      applied: damage.lacksState === true ? ZERO_INDEX : this.disk.applied.metadata.index,
      ...damage,
      onEvent,
    });
  }

  /** The process dies and comes back: writes that were not executed are lost, as is all in memory. */
  restart(damage: Damage = {}): void {
    this.appendWork = [];
    this.applyWork = [];
    this.readStates = [];
    this.raw = this.#start(damage);
  }

  /** A founder's disk loses the state and all entries after `kept`; what the peer had promised is still known. */
  restartDamaged(kept: LogIndex): RepairGoal {
    const { hardState } = this.disk.initialState();
    const index = this.disk.lastIndex();
    const entry = { index, term: this.disk.term(index) as Term };
    const rest = this.disk.entries(plus(FOUNDING_INDEX, 1), plus(kept, 1), Number.POSITIVE_INFINITY) as Entry[];
    const goal: RepairGoal = { entry, commit: hardState.commit };
    this.disk = new Disk();
    this.applied.length = 0;
    this.#found();
    this.disk.append(rest);
    this.disk.setHardState({ ...hardState, commit: FOUNDING_INDEX });
    this.restart({ repair: goal });
    return goal;
  }

  /** The state is lost, and the log was compacted: it is all there is. Returns the last snapshot of the state. */
  restartStateless(): Snapshot {
    const last = this.disk.applied;
    const metadata = { index: ZERO_INDEX, term: ZERO_TERM, confState: EMPTY_CONF_STATE };
    this.disk.applied = { metadata, data: new Uint8Array() };
    this.applied.length = 0;
    this.restart({ lacksState: true });
    return last;
  }

  /** Another peer's state takes the place of the one that was lost. Returns whether the core can go on from it. */
  adoptState(snapshot: Snapshot): boolean {
    this.#install(snapshot);
    return this.raw.restoreState(snapshot.metadata);
  }

  /** Does all outstanding work but that of the storage threads. Returns the messages to send. */
  work(): Message[] {
    const out: Message[] = [];
    while (this.raw.hasReady()) out.push(...this.#handle(this.raw.ready()));
    return out;
  }

  #handle(ready: Ready): Message[] {
    this.readStates.push(...ready.readStates);
    const out: Message[] = [];
    for (const message of ready.messages) {
      if (message.to === APPEND_THREAD) this.appendWork.push(message);
      else if (message.to === APPLY_THREAD) this.applyWork.push(message);
      else out.push(message);
    }
    if (this.options.asyncStorageWrites !== true) {
      this.#write(ready);
      this.#apply(ready.committedEntries);
      this.raw.advance();
    }
    return out;
  }

  #write({ hardState, entries, snapshot }: Pick<Ready, 'hardState' | 'entries' | 'snapshot'>): void {
    if (hardState !== undefined) this.disk.setHardState(hardState);
    if (snapshot !== undefined) {
      this.disk.applySnapshot(snapshot);
      this.#install(snapshot);
    }
    this.disk.append(entries);
  }

  #install(snapshot: Snapshot): void {
    this.disk.applied = snapshot;
    const history = JSON.parse(new TextDecoder().decode(snapshot.data)) as Entry[];
    this.applied.splice(
      0,
      this.applied.length,
      ...history.map((entry) => ({ ...entry, data: Uint8Array.from(entry.data) })),
    );
  }

  #apply(entries: readonly Entry[]): void {
    for (const entry of entries) {
      // Covered by a snapshot that was installed since the entry was handed out.
      if (entry.index <= this.disk.applied.metadata.index) continue;
      if (entry.index !== FOUNDING_INDEX + this.applied.length + 1)
        throw new Error(`${this.id} applies ${entry.index} out of order`);
      this.applied.push(entry);
      let { confState } = this.disk.applied.metadata;
      if (isConfChangeEntry(entry)) confState = this.raw.applyConfChange(decodeConfChange(entry));
      const { index, term } = entry;
      this.disk.applied = { metadata: { index, term, confState }, data: this.#history() };
    }
  }

  /** The whole state, so that whoever installs it can be compared with everybody else. */
  #history(): Uint8Array {
    return new TextEncoder().encode(JSON.stringify(this.applied.map((entry) => ({ ...entry, data: [...entry.data] }))));
  }

  /** Executes the oldest append. Returns the responses for others. */
  executeAppend(): Message[] {
    const message = this.appendWork.shift();
    if (message === undefined) return [];
    this.#write({ hardState: hardStateOf(message), entries: message.entries, snapshot: message.snapshot });
    return this.#respond(message);
  }

  /** Executes the oldest apply. */
  executeApply(): Message[] {
    const message = this.applyWork.shift();
    if (message === undefined) return [];
    this.#apply(message.entries);
    return this.#respond(message);
  }

  #respond(message: Message): Message[] {
    const others: Message[] = [];
    for (const response of message.responses) {
      if (response.to === this.id) this.raw.step(response);
      else others.push(response);
    }
    return others;
  }
}
