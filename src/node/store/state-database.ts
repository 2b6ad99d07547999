import assert from 'node:assert/strict';
import { tellsMoreThanIds } from '../../chat/keys.ts';
import type { LogIndex } from '../../consensus/types.ts';
import type { RowSeal } from '../at-rest/row-seal.ts';
import type { StateSnapshotHeader } from '../ports.ts';
import { damageOf, damaged } from './damage.ts';
import { rowOf, type RowNames } from './hidden-rows.ts';
import { openFailure, syncWriteAheadFiles, type KeyRange } from './level-database.ts';
import { MultisetHash } from './multiset-hash.ts';
import type { StoreDamage } from './node-store.ts';
import {
  APPLIED_KEY,
  DURABLE_KEY,
  HIDDEN_RANGE,
  ROW_PREFIX,
  ROW_RANGE,
  decodeApplied,
  encodeApplied,
  encodeIndex,
  markerKey,
  type AppliedRow,
} from './state-rows.ts';
import { RowDigest } from './row-digest.ts';
import { HiddenRows, PlainRows, RowIterator, levelDamage } from './row-iterator.ts';
import { SealedDatabase, type DatabaseSnapshot } from './sealed-database.ts';
import { SortedKeys, type KeyBounds } from './sorted-keys.ts';
import { recoverState, type RecoveredState } from './state-recovery.ts';

const BLOCK_CACHE_BYTES = 32 * 1024 * 1024;
const ROWS_PER_STEP = 1024;
/** Each reading is a trip to another thread and back; what it brings is checked in one turn of the event loop. */
const BYTES_PER_READ = 256 * 1024;

/** Rows of one or more applied entries; undefined for a deleted one. */
export interface RowGroup {
  readonly rows: Iterable<readonly [key: string, value: Uint8Array | undefined]>;
  /** The state after them. */
  readonly applied: AppliedRow;
}

export interface StateDatabaseOptions {
  readonly location: string;
  /** For messages: the folder's name in the data directory. */
  readonly where: string;
  readonly seal: RowSeal;
  readonly names: RowNames;
  readonly writeBufferBytes: number;
}

/** One LevelDB with a state in it: what is on disk, and how much of it would survive a power cut. */
export class StateDatabase {
  readonly location: string;
  /** For messages: the folder's name in the data directory. */
  readonly where: string;
  /** Header of the snapshot this state began with. */
  readonly installedFrom: StateSnapshotHeader | undefined;
  /** Told of damage that reading finds, before it is thrown. */
  onDamage: ((damage: StoreDamage) => void) | undefined;
  readonly #database: SealedDatabase;
  readonly #names: RowNames;
  /** Of the rows on disk whose keys stand nowhere in clear. */
  readonly #hidden: SortedKeys;
  #applied: AppliedRow;
  #durableIndex: LogIndex;
  #writtenDurableIndex: LogIndex;
  /** Batches since the one that `#writtenDurableIndex` names, oldest first. */
  #markers: LogIndex[];

  private constructor(database: SealedDatabase, { where, names }: StateDatabaseOptions, content: RecoveredState) {
    this.location = database.location;
    this.where = where;
    this.#database = database;
    this.#names = names;
    this.#hidden = new SortedKeys(content.hidden);
    this.#applied = content.applied;
    this.installedFrom = content.installedFrom;
    // Opening a LevelDB makes all that it recovered durable.
    this.#durableIndex = content.applied.index;
    this.#writtenDurableIndex = content.durable;
    this.#markers = [...content.markers];
  }

  /** @throws ParleyError `damaged` when it cannot be opened, or a batch is missing */
  static async open(options: StateDatabaseOptions): Promise<StateDatabase> {
    const { location, where, seal, writeBufferBytes } = options;
    let database;
    try {
      const level = { createIfMissing: false, writeBufferBytes, blockCacheBytes: BLOCK_CACHE_BYTES };
      database = await SealedDatabase.open(location, level, { part: 'state', where, seal });
    } catch (error) {
      throw openFailure(error, 'state', where);
    }
    try {
      return new StateDatabase(database, options, await recoverState(database, where));
    } catch (error) {
      await database.close();
      throw error;
    }
  }

  get applied(): AppliedRow {
    return this.#applied;
  }

  get durableIndex(): LogIndex {
    return this.#durableIndex;
  }

  /** Batches a crash would have to be checked for. */
  get markers(): number {
    return this.#markers.length;
  }

  /** @throws ParleyError `damaged` */
  get(key: string): Uint8Array | undefined {
    try {
      const storedKey = this.#names.storedKey(key);
      const content = this.#database.getSync(storedKey);
      return content === undefined ? undefined : rowOf(storedKey, content)[1];
    } catch (error) {
      throw this.#explain(error);
    }
  }

  /** Rows between two keys as they are on disk now. */
  rows(range: KeyBounds): RowIterator {
    const { gte, lt, limit, reverse = false } = range;
    const hidden = this.#hidden.between(range);
    // Only then is there more than one place to look, which has to be seen as it was at one moment.
    const snapshot = hidden.length === 0 ? undefined : this.#database.snapshot();
    const iterator = this.#database.iterate({
      gte: ROW_PREFIX + (gte ?? ''),
      lt: lt === undefined ? ROW_RANGE.lt : ROW_PREFIX + lt,
      limit: limit ?? -1,
      reverse,
      fillCache: limit !== undefined,
      highWaterMarkBytes: BYTES_PER_READ,
      ...(snapshot === undefined ? {} : { snapshot }),
    });
    const sources = [new PlainRows(iterator)];
    const others = snapshot === undefined ? [] : [new HiddenRows(this.#database, this.#names, snapshot, hidden)];
    return new RowIterator([...sources, ...others], { reverse, explain: (error) => this.#explain(error) });
  }

  /** Writes without sync. One at a time. */
  async write(group: RowGroup): Promise<void> {
    const { index } = group.applied;
    assert(index > this.#applied.index);
    const batch = this.#database.begin();
    for (const [key, value] of group.rows) {
      if (value === undefined) batch.del(this.#names.storedKey(key));
      else batch.put(this.#names.storedKey(key), this.#names.content(key, value));
    }
    batch.put(APPLIED_KEY, encodeApplied(group.applied));
    batch.put(markerKey(index), encodeIndex(this.#applied.index));
    const durable = this.#durableIndex;
    if (durable > this.#writtenDurableIndex) {
      batch.put(DURABLE_KEY, encodeIndex(durable));
      for (const marker of this.#markers) if (marker <= durable) batch.del(markerKey(marker));
    }
    await batch.write();
    for (const [key, value] of group.rows) this.#remember(key, value !== undefined);
    this.#applied = group.applied;
    this.#markers.push(index);
    if (durable > this.#writtenDurableIndex) {
      this.#writtenDurableIndex = durable;
      this.#markers = this.#markers.filter((marker) => marker > durable);
    }
  }

  #remember(key: string, isThere: boolean): void {
    if (!tellsMoreThanIds(key)) return;
    if (isThere) this.#hidden.add(key);
    else this.#hidden.delete(key);
  }

  /** Makes everything that was written durable. */
  async sync(): Promise<void> {
    const { index } = this.#applied;
    if (index === this.#durableIndex) return;
    await syncWriteAheadFiles(this.location);
    this.#durableIndex = Math.max(this.#durableIndex, index) as LogIndex;
  }

  /**
   * Reads every row and hashes them all, in small steps, while writes go on.
   *
   * @throws ParleyError `damaged` when the rows are not those that were written
   */
  async verify(pause?: () => Promise<void>): Promise<AppliedRow> {
    const snapshot = this.#database.snapshot();
    try {
      const stored = await this.#database.get(APPLIED_KEY, snapshot);
      if (stored === undefined) throw damaged('state', this.where, 'the row that says how far it came is missing');
      const applied = decodeApplied(stored);
      const found = await this.#hashRows(snapshot, pause);
      if (found.hex() !== applied.hash.hex()) {
        throw damaged(
          'state',
          this.where,
          `its rows do not add up to its hash (${found.rows} of ${applied.hash.rows})`,
        );
      }
      return applied;
    } catch (error) {
      throw this.#explain(error);
    } finally {
      await snapshot.close();
    }
  }

  async #hashRows(snapshot: DatabaseSnapshot, pause?: () => Promise<void>): Promise<MultisetHash> {
    const found = new MultisetHash();
    const digest = new RowDigest();
    for (const range of [ROW_RANGE, HIDDEN_RANGE]) {
      await this.#each({ ...range, snapshot }, async (rows) => {
        for (const [storedKey, content] of rows) found.addDigest(digest.of(...rowOf(storedKey, content)));
        await pause?.();
      });
    }
    return found;
  }

  async #each(range: KeyRange, visit: (rows: [string, Uint8Array][]) => Promise<void>): Promise<void> {
    const iterator = this.#database.iterate({ ...range, fillCache: false, highWaterMarkBytes: BYTES_PER_READ });
    try {
      for (
        let rows = await iterator.nextv(ROWS_PER_STEP);
        rows.length > 0;
        rows = await iterator.nextv(ROWS_PER_STEP)
      ) {
        await visit(rows);
      }
    } finally {
      await iterator.close();
    }
  }

  /** As `SealedDatabase.resealSome`. */
  resealSome(after: string, before: number): Promise<string | undefined> {
    return this.#database.resealSome(after, before);
  }

  /** What `resealSome` wrote is durable then. */
  syncResealed(): Promise<void> {
    return syncWriteAheadFiles(this.location);
  }

  close(): Promise<void> {
    return this.#database.close();
  }

  #explain(error: unknown): unknown {
    const explained = levelDamage(error, this.where);
    const damage = damageOf(explained);
    if (damage !== undefined) this.onDamage?.(damage);
    return explained;
  }
}
