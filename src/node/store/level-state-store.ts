import assert from 'node:assert/strict';
import type { RangeQuery } from '../../chat/ports.ts';
import type { ConfState, LogIndex, Term } from '../../consensus/types.ts';
import type { StampMs } from '../../protocol/ids.ts';
import type {
  AppliedPosition,
  StateInstall,
  StateSnapshot,
  StateSnapshotHeader,
  StateStore,
  StateTransaction,
} from '../ports.ts';
import { messageOf } from './damage.ts';
import type { FatalSwitch } from './fatal-switch.ts';
import type { MultisetHash } from './multiset-hash.ts';
import type { StoreLimits } from './node-store.ts';
import type { StateSealing } from './open-state.ts';
import { Resealing } from './resealing.ts';
import { RowCache } from './row-cache.ts';
import { isRowKey } from './row-digest.ts';
import { RowMerge, sortedChanges, type Row } from './row-merge.ts';
import type { StateDatabase } from './state-database.ts';
import type { StateFolders } from './state-folders.ts';
import { beginStateInstall } from './state-install.ts';
import { ChangeGroup, type Position, type RowChange } from './state-overlay.ts';
import { StreamedState } from './state-snapshot.ts';

/** Rows of one disk write: more than that and building it would hold up the event loop. */
const GROUP_ROWS_MAX = 512;
/**
 * A group waits so long for further entries: a row that all of them change, as the row of a busy room, is sealed, hashed
 * and written once. Nobody waits for it meanwhile: what is applied is visible at once, and the log has it.
 */
const GATHER_MS = 50;
/** Batches between two durable states, each of which an open has to look for. */
const MARKERS_MAX = 4096;

export interface StateStoreOptions {
  readonly folders: StateFolders;
  readonly disk: StateDatabase;
  /** The membership at index 0. */
  readonly foundingConfState: () => ConfState;
  readonly limits: Pick<StoreLimits, 'stateCacheBytesMax' | 'writeBufferBytes'>;
  readonly fatal: FatalSwitch;
  readonly sealing: StateSealing;
}

/**
 * The applied state in LevelDB. Memory is ahead of the disk: commits are visible at once, are collected into groups,
 * and go to LevelDB one batch at a time, without sync. The log has them too; only `sync()` makes them durable here.
 */
export class LevelStateStore implements StateStore {
  readonly #options: StateStoreOptions;
  readonly #cache: RowCache;
  #disk: StateDatabase;
  /** Not on disk yet, oldest first; the first may be on its way. */
  #groups: ChangeGroup[] = [];
  #position: Position;
  #transaction: Transaction | undefined;
  #writing = false;
  #scheduled = false;
  #gathering: NodeJS.Timeout | undefined;
  #closing = false;
  #onWritten: (() => void)[] = [];
  readonly #resealing = new Resealing();
  /** The last step of it. */
  #resealed: Promise<void> = Promise.resolve();
  /** Snapshots that are being received, and who waits for them to end. */
  #installs = 0;
  #onInstallOver: (() => void)[] = [];
  /** Under way. */
  readonly #syncs = new Set<Promise<void>>();

  constructor(options: StateStoreOptions) {
    this.#options = options;
    this.#cache = new RowCache(options.limits.stateCacheBytesMax);
    this.#disk = this.#watch(options.disk);
    this.#position = options.disk.applied;
  }

  /** Damage that is found while the state is in use ends the process, and is known when it starts again. */
  #watch(disk: StateDatabase): StateDatabase {
    const { folders, fatal } = this.#options;
    disk.onDamage = ({ where, reason }) => {
      if (fatal.tripped) return;
      folders.condemn(where, reason);
      fatal.trip(new Error(`the state is damaged (${where}): ${reason}`));
    };
    return disk;
  }

  // -------------------------------------------------------------- where it is

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
    return this.#position.index === 0 ? this.#options.foundingConfState() : this.#position.confState;
  }

  get durableIndex(): LogIndex {
    return this.#disk.durableIndex;
  }

  get installedFrom(): StateSnapshotHeader | undefined {
    return this.#disk.installedFrom;
  }

  get unflushedBytes(): number {
    let bytes = 0;
    for (const group of this.#groups) bytes += group.bytes;
    return bytes;
  }

  hash(): { readonly index: LogIndex; readonly hash: string } {
    return { index: this.#position.index, hash: this.#sealAll().hex() };
  }

  /** Seals every group; the hash of the state as it is now. */
  #sealAll(): MultisetHash {
    let { hash } = this.#disk.applied;
    for (const group of this.#groups) ({ hash } = group.seal(hash).applied);
    return hash;
  }

  // -------------------------------------------------------------- reading

  /** The value belongs to the store: not to be changed. */
  get(key: string): Uint8Array | undefined {
    for (let at = this.#groups.length - 1; at >= 0; at -= 1) {
      const change = this.#groups[at]!.rows.get(key);
      if (change !== undefined) return change ?? undefined;
    }
    const cached = this.#cache.get(key);
    if (cached !== undefined) return cached.value;
    const value = this.#disk.get(key);
    this.#cache.set(key, value);
    return value;
  }

  async range(query: RangeQuery): Promise<readonly Row[]> {
    for (;;) {
      const disk = this.#disk;
      try {
        return await this.#rangeOn(disk, query);
      } catch (error) {
        // Another state was installed meanwhile, which closed the old one under the iterator.
        if (disk === this.#disk) throw error;
      }
    }
  }

  async #rangeOn(disk: StateDatabase, query: RangeQuery): Promise<Row[]> {
    const { gte, lt, limit } = query;
    const reverse = query.reverse ?? false;
    // Taken in one turn: the iterator sees the disk of now, and the changes cover what may be on its way there.
    const changes = sortedChanges(this.#changesBetween(gte, lt), reverse);
    const iterator = disk.rows({ gte, lt, limit: limit + changes.length, reverse });
    const merge = new RowMerge(changes, reverse);
    const rows: Row[] = [];
    try {
      while (rows.length < limit) {
        const read = await iterator.next(limit + changes.length);
        for (const [key, value] of read) merge.take(key, value, rows);
        if (read.length > 0) continue;
        merge.rest(rows);
        break;
      }
    } finally {
      await iterator.close();
    }
    return rows.length > limit ? rows.slice(0, limit) : rows;
  }

  #changesBetween(gte: string | undefined, lt: string | undefined): Map<string, Uint8Array | undefined> {
    const changes = new Map<string, Uint8Array | undefined>();
    for (const group of this.#groups) {
      for (const [key, change] of group.rows) {
        if ((gte === undefined || key >= gte) && (lt === undefined || key < lt)) changes.set(key, change ?? undefined);
      }
    }
    return changes;
  }

  // -------------------------------------------------------------- changing

  begin(): StateTransaction {
    assert(this.#transaction === undefined, 'a transaction is open already');
    assert(!this.#closing, 'the state is closed');
    const transaction = new Transaction(this, (rows, position) => {
      assert(this.#transaction === transaction, 'the transaction is over');
      this.#transaction = undefined;
      this.#commit(rows, position);
    });
    this.#transaction = transaction;
    return transaction;
  }

  #commit(rows: ReadonlyMap<string, RowChange>, applied: AppliedPosition): void {
    const { index, term, stampMs } = applied;
    assert(index > this.#position.index, `entry ${index} is applied already: the state is at ${this.#position.index}`);
    const position: Position = { index, term, stampMs, confState: applied.confState ?? this.confState };
    // Reading may fail: then nothing of this entry may be on its way to the disk.
    const changes = [...rows].map(([key, value]) => ({ key, value, before: this.get(key) }));
    const group = this.#openGroup(position);
    for (const { key, value, before } of changes) {
      if (value !== null || before !== undefined) group.change(key, value, before);
    }
    group.position = position;
    this.#position = position;
    this.#schedule();
  }

  #openGroup(position: Position): ChangeGroup {
    const newest = this.#groups.at(-1);
    if (newest !== undefined && newest.sealed === undefined && newest.rows.size < GROUP_ROWS_MAX) return newest;
    const group = new ChangeGroup(position);
    this.#groups.push(group);
    return group;
  }

  // -------------------------------------------------------------- writing

  /** Once the oldest group has gathered enough. */
  #schedule(): void {
    if (this.#writing || this.#scheduled) return;
    if (this.#isDue) this.#writeSoon();
    else if (this.#groups.length > 0) this.#gathering ??= setTimeout(() => this.#writeSoon(), GATHER_MS);
  }

  get #isDue(): boolean {
    const [oldest, next] = this.#groups;
    if (this.#resealing.isWaiting || this.#onWritten.length > 0) return true;
    return next !== undefined || (oldest !== undefined && oldest.rows.size >= GROUP_ROWS_MAX);
  }

  /** In a microtask: what is applied in the same turn goes into the same batch. */
  #writeSoon(): void {
    clearTimeout(this.#gathering);
    this.#gathering = undefined;
    this.#scheduled = true;
    queueMicrotask(() => {
      this.#scheduled = false;
      this.#writeNext();
    });
  }

  #writeNext(): void {
    const [group] = this.#groups;
    if (this.#writing || this.#options.fatal.tripped) return;
    if (this.#resealing.isWaiting) {
      this.#resealNext();
      return;
    }
    if (group === undefined) return;
    this.#writing = true;
    const disk = this.#disk;
    const sealed = group.seal(disk.applied.hash);
    disk.write(sealed).then(
      () => {
        this.#writing = false;
        this.#groups.shift();
        for (const [key, value] of sealed.rows) this.#cache.set(key, value);
        for (const listener of this.#onWritten.splice(0)) listener();
        if (disk.markers > MARKERS_MAX && disk.durableIndex < disk.applied.index) this.#syncAside();
        this.#schedule();
      },
      (error: unknown) => this.#fail(error),
    );
  }

  /** In between, however busy the state is. */
  #resealNext(): void {
    this.#writing = true;
    this.#resealed = this.#resealing.take();
    this.#resealed.then(
      () => {
        this.#writing = false;
        this.#schedule();
      },
      (error: unknown) => this.#fail(error),
    );
  }

  /** Seals everything on disk anew that a generation before this one sealed; it is durable then. */
  async reseal(before: number): Promise<void> {
    // What is being received may have been begun under an older one.
    while (this.#installs > 0 && !this.#closing)
      await new Promise<void>((resolve) => this.#onInstallOver.push(resolve));
    let disk = this.#disk;
    const step = async (after: string): Promise<string | undefined> => {
      // A state that was installed meanwhile is looked at from its beginning.
      const from = disk === this.#disk ? after : '';
      disk = this.#disk;
      return disk.resealSome(from, before);
    };
    if (await this.#resealing.run(step, () => this.#schedule())) await disk.syncResealed();
  }

  #fail(error: unknown): void {
    this.#options.fatal.trip(new Error(`writing the state failed: ${messageOf(error)}`, { cause: error }));
  }

  /** Resolves when all that is applied now was handed to LevelDB; never after a failed write. */
  async #written(): Promise<void> {
    const newest = this.#groups.at(-1);
    while (newest !== undefined && this.#groups.includes(newest)) {
      const written = new Promise<void>((resolve) => this.#onWritten.push(resolve));
      this.#schedule();
      await written;
    }
  }

  async sync(): Promise<void> {
    await this.#written();
    await this.#syncDisk();
  }

  async #syncDisk(): Promise<void> {
    const syncing = this.#disk.sync();
    this.#syncs.add(syncing);
    try {
      await syncing;
    } catch (error) {
      this.#fail(error);
      throw error;
    } finally {
      this.#syncs.delete(syncing);
    }
  }

  /** Nobody waits for it: what goes wrong has been reported. */
  #syncAside(): void {
    this.#syncDisk().catch(() => {});
  }

  /**
   * Reads every row from disk and hashes them all, beside the running writes.
   *
   * @returns the hash of an index that may be a little older than `appliedIndex`
   * @throws ParleyError `damaged` when it is not the hash that was kept up to date along the way
   */
  async recomputeHash(): Promise<{ readonly index: LogIndex; readonly hash: string }> {
    const { index, hash } = await this.#disk.verify();
    return { index, hash: hash.hex() };
  }

  /** Where the rows are now. */
  get folder(): { readonly where: string; readonly location: string } {
    const { where, location } = this.#disk;
    return { where, location };
  }

  /** As `recomputeHash`, with pauses. What is found in a state that was replaced meanwhile counts for nothing. */
  async verify(pause: () => Promise<void>): Promise<void> {
    const disk = this.#disk;
    try {
      await disk.verify(pause);
    } catch (error) {
      if (disk === this.#disk) throw error;
    }
  }

  // -------------------------------------------------------------- snapshots

  openSnapshot(): StateSnapshot {
    const { index, term, stampMs } = this.#position;
    const header = {
      format: 1 as const,
      metadata: { index, term, confState: this.confState },
      stampMs,
      stateHash: this.hash().hash,
    };
    return new StreamedState(header, this.#disk.rows({}), sortedChanges(this.#changesBetween(undefined, undefined)));
  }

  async beginInstall(header: StateSnapshotHeader): Promise<StateInstall> {
    const { folders, limits, sealing } = this.#options;
    const { writeBufferBytes } = limits;
    const takeOver = (disk: StateDatabase): Promise<void> => this.#takeOver(disk);
    const onOver = (): void => {
      this.#installs -= 1;
      for (const resolve of this.#onInstallOver.splice(0)) resolve();
    };
    this.#installs += 1;
    return beginStateInstall(header, folders, { writeBufferBytes, sealing, takeOver, onOver });
  }

  /** Goes on with an installed state. The pointer names it already. */
  async #takeOver(disk: StateDatabase): Promise<void> {
    await this.#written();
    assert(this.#groups.length === 0, 'entries were applied while a snapshot was installed');
    assert(disk.applied.index > this.#position.index, 'the installed snapshot is older than the state');
    assert(this.#transaction === undefined, 'a transaction is open');
    const old = this.#disk;
    this.#disk = this.#watch(disk);
    this.#position = disk.applied;
    this.#cache.clear();
    // The files of the old state must stay until then.
    await Promise.allSettled([...this.#syncs, this.#resealed]);
    await old.close();
  }

  async close(): Promise<void> {
    if (this.#closing) return;
    this.#closing = true;
    this.#resealing.giveUp();
    for (const resolve of this.#onInstallOver.splice(0)) resolve();
    await Promise.race([
      this.sync(),
      new Promise<void>((resolve) => {
        this.#options.fatal.onTrip(resolve);
      }),
    ]);
    await Promise.allSettled([this.#resealed]);
    await this.#disk.close();
  }
}

/** Changes of one entry, or of several that become visible together. */
class Transaction implements StateTransaction {
  readonly #store: LevelStateStore;
  readonly #rows = new Map<string, RowChange>();
  readonly #onCommit: (rows: ReadonlyMap<string, RowChange>, position: AppliedPosition) => void;

  constructor(
    store: LevelStateStore,
    onCommit: (rows: ReadonlyMap<string, RowChange>, position: AppliedPosition) => void,
  ) {
    this.#store = store;
    this.#onCommit = onCommit;
  }

  get(key: string): Uint8Array | undefined {
    const change = this.#rows.get(key);
    return change === undefined ? this.#store.get(key) : (change ?? undefined);
  }

  put(key: string, value: Uint8Array): void {
    assert(isRowKey(key), `${JSON.stringify(key)} cannot be the key of a row`);
    this.#rows.set(key, value);
  }

  delete(key: string): void {
    this.#rows.set(key, null);
  }

  commit(position: AppliedPosition): void {
    this.#onCommit(this.#rows, position);
  }
}
